import dataclasses
import itertools

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danet_jax import DANetConfig, from_torch
from danet_jax.checks import CheckpointError, ConfigError, DataError
from danet_jax.restoration import tiles
from danet_jax.restoration.inference import DeviceMemoryError, make_restorer
from danet_jax.restoration.tiles import lay_tiles, make_tiled_restorer
from tests.models.networks import random_state

ATTENTIVE = DANetConfig(
    widths=(4, 4),
    encoder_blocks=(0, 0),
    decoder_blocks=(0,),
    offset_width=2,
    offset_groups=2,
)
# Of three convolutions a stage: a pixel depends on 16 around it, so that an overlap of
# 64, of which the outer 16 are not used, leaves no difference.
PLAIN = dataclasses.replace(ATTENTIVE, block="conv", recurrent_offsets=False)


def _network(config, seed=0):
    return from_torch(random_state(config, seed), config)


def _image(*shape, seed=0):
    """Flat at the left, noisy at the right: so that tiles have means of their own."""
    noise = np.random.default_rng(seed).uniform(size=shape).astype(np.float32)
    return np.where(
        np.arange(shape[2])[:, None] < shape[2] // 2, np.float32(0.2), noise
    )


@st.composite
def axes(draw):
    multiple = draw(st.sampled_from([1, 2, 4, 8]))
    tile = multiple * draw(st.integers(1, 9))
    size = tile + multiple * draw(st.integers(0, 30))
    return size, tile, draw(st.integers(0, tile // 2)), multiple


@given(axes())
def test_tiles_cover_an_axis(axis):
    size, tile, overlap, multiple = axis
    starts, shares, core = lay_tiles(*axis)
    assert (starts[0], starts[-1]) == (0, size - tile)
    assert all(start % multiple == 0 for start in starts)
    for before, after in itertools.pairwise(starts):
        assert after > before
        assert before + tile - after >= min(overlap, tile - multiple)
    for start, share in zip(starts, shares, strict=True):
        assert not share[:start].any()
        assert not share[start + tile :].any()
    np.testing.assert_allclose(shares.sum(axis=0), 1, rtol=1e-12)
    np.testing.assert_array_equal(core.sum(axis=0), 1)


def test_shares_by_hand():
    starts, shares, _ = lay_tiles(12, 8, 4, 1)
    assert starts == [0, 4]
    assert shares[0].tolist() == [1, 1, 1, 1, 1, 0.75, 0.25, 0, 0, 0, 0, 0]
    assert shares[1].tolist() == [0, 0, 0, 0, 0, 0.25, 0.75, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("size", [(150, 131), (50, 300), (128, 129)])
def test_tiles_of_convolutions_are_the_whole(size):
    model, image = _network(PLAIN), _image(2, *size, 1)
    tiled = make_tiled_restorer(model, tile=128, overlap=64)(image)
    whole = make_restorer(model)(image)
    assert (tiled.shape, tiled.dtype) == (whole.shape, np.float32)
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5 * np.abs(whole).max())


@pytest.mark.parametrize(("tile", "overlap"), [(2, 1), (16, 4)])
def test_a_side_of_the_coarsest_pixel(tile, overlap):
    image = _image(1, 2, 40, 1)
    restored = make_tiled_restorer(_network(PLAIN), tile=tile, overlap=overlap)(image)
    assert restored.shape == image.shape


def test_attention_pools_over_the_whole(monkeypatch):
    model, image = _network(ATTENTIVE), _image(1, 40, 72, 1)
    whole = make_restorer(model)(image)
    restore = make_tiled_restorer(model, tile=32, overlap=16)

    def error():
        return np.abs(restore(image) - whole).mean()

    measured = error()
    monkeypatch.setattr(tiles, "_measure", lambda run, tiles, means: means)
    unmeasured = error()  # with means of zero
    assert measured < 0.25 * unmeasured


def test_images_that_fit_into_a_tile_are_not_cut():
    model, image = _network(PLAIN), _image(1, 30, 17, 1)
    tiled = make_tiled_restorer(model, tile=32, overlap=8)(image)
    np.testing.assert_array_equal(tiled, make_restorer(model)(image))


def test_one_program_for_all_tiles():
    tiles._forward.cache_clear()
    model = _network(PLAIN)
    restore = make_tiled_restorer(model, tile=16, overlap=4)
    for size in (17, 40), (33, 19), (64, 64):
        restore(_image(1, *size, 1))
    forward = tiles._forward(model.config, np.dtype(model.dtype))
    assert forward._cache_size() == 1


@pytest.mark.parametrize(
    ("image", "error", "match"),
    [
        (np.zeros((1, 99, 8, 1), np.uint8), TypeError, "got uint8"),
        (_image(1, 99, 8, 3), ValueError, r'"degraded" must be \[N, H, W, 1\]'),
        (_image(1, 99, 1, 1), DataError, "at least 2 pixels a side"),
        (np.full((1, 99, 8, 1), np.nan), ValueError, '"degraded" must be finite'),
    ],
)
def test_bad_images(image, error, match):
    restore = make_tiled_restorer(_network(PLAIN), tile=16, overlap=4)
    with pytest.raises(error, match=match):
        restore(image)


def test_diverged_parameters():
    model = _network(PLAIN)
    model.tail.bias[...] = model.tail.bias[...] * np.nan
    restore = make_tiled_restorer(model, tile=16, overlap=4)
    with pytest.raises(CheckpointError, match=r"returned NaN.*earlier checkpoint"):
        restore(_image(1, 20, 20, 1))


@pytest.mark.parametrize(
    ("text", "kind", "match"),
    [
        ("RESOURCE_EXHAUSTED: Out of memory.", DeviceMemoryError, "small for 16x10 pi"),
        ("INTERNAL: a bug", jax.errors.JaxRuntimeError, "INTERNAL: a bug"),
    ],
)
def test_a_tile_too_large_for_the_device(text, kind, match, monkeypatch):
    def forward(params, image, core, means, known):
        raise jax.errors.JaxRuntimeError(text)

    monkeypatch.setattr(tiles, "_forward", lambda config, dtype: forward)
    restore = make_tiled_restorer(_network(PLAIN), tile=16, overlap=4)
    with pytest.raises(kind, match=match):
        restore(_image(1, 9, 40, 1))


@pytest.mark.parametrize(
    ("tile", "overlap", "match"),
    [
        (0, 0, r'"tile" must be a positive multiple of 2, .* got 0'),
        (-2, 0, r'"tile" must be a positive multiple of 2, .* got -2'),
        (33, 0, r'"tile" must be a positive multiple of 2, .* got 33'),
        (32, 17, r'"overlap" must lie in 0 to 16, half a tile; got 17'),
        (32, -1, r'"overlap" must lie in 0 to 16, half a tile; got -1'),
    ],
)
def test_tiles_that_cannot_be(tile, overlap, match):
    with pytest.raises(ConfigError, match=match):
        make_tiled_restorer(_network(PLAIN), tile=tile, overlap=overlap)
