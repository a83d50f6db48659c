import dataclasses

import jax
import numpy as np
import pytest
from flax import nnx

from danet_jax.checks import CheckpointError, DataError
from danet_jax.config import DANetConfig
from danet_jax.models import DANet
from danet_jax.models.places import deformable
from danet_jax.restoration import inference
from danet_jax.restoration.inference import (
    DeviceMemoryError,
    make_restorer,
    restore_pixels,
)

GRAY = DANetConfig(
    channels=1,
    widths=(2, 2, 2),
    encoder_blocks=(0, 0, 0),
    decoder_blocks=(0, 0),
    offset_width=2,
    offset_groups=1,
)


def _trained(config, seed=0):
    """A network that does not return its input."""
    model = DANet(config, rngs=nnx.Rngs(seed))
    model.tail.bias[...] = model.tail.bias[...] + 0.125
    return model


def _image(*shape, seed=0):
    return np.random.RandomState(seed).rand(*shape).astype(np.float32)


def test_restorer_is_the_network():
    image = _image(2, 9, 13, 1)
    restored = make_restorer(_trained(GRAY))(image)
    assert isinstance(restored, np.ndarray)
    assert restored.dtype == np.float32
    np.testing.assert_allclose(restored, image + 0.125, rtol=0, atol=1e-6)


def test_restorers_of_one_architecture_keep_their_own_parameters():
    plain = make_restorer(DANet(GRAY, rngs=nnx.Rngs(1)))
    shifted = make_restorer(_trained(GRAY))
    image = _image(2, 9, 13, 1)
    np.testing.assert_array_equal(plain(image), image)
    assert np.abs(shifted(image) - image).min() > 0.1
    np.testing.assert_array_equal(plain(image), image)


def test_the_programs_of_many_sizes_are_not_all_kept(monkeypatch):
    """A folder may hold thousands of sizes, each of whose programs takes memory."""
    compiled, jit = [], jax.jit

    def watched_jit(function):
        compiled.append(jit(function))
        return compiled[-1]

    inference._forward.cache_clear()
    monkeypatch.setattr(jax, "jit", watched_jit)
    monkeypatch.setattr(inference, "_MOST_SIZES", 2)
    plain = dataclasses.replace(GRAY, block="conv", recurrent_offsets=False)
    restore = make_restorer(_trained(plain))
    kept = []
    for height in 5, 6, 5, 7, 6, 5:
        image = _image(1, height, 5, 1)
        np.testing.assert_allclose(restore(image), image + 0.125, rtol=0, atol=1e-6)
        kept.append(compiled[0]._cache_size())
    assert kept == [1, 2, 2, 1, 2, 1]
    inference._forward.cache_clear()


def test_shares_outside_are_told_beside_the_same_image():
    model = _trained(GRAY)
    told = []
    image = _image(1, 9, 13, 1)
    restored = make_restorer(model, on_shares=told.append)(image)
    np.testing.assert_allclose(restored, make_restorer(model)(image), atol=1e-6)
    [shares] = told
    assert list(shares) == [place.name for place in deformable(GRAY)]
    assert all(0 < share < 0.5 for share in shares.values())  # the taps at borders


@pytest.mark.parametrize(
    ("image", "error", "match"),
    [
        (np.zeros((1, 8, 8, 1), np.uint8), TypeError, "got uint8.*to_float"),
        (_image(1, 8, 8, 3), ValueError, r'"degraded" must be \[N, H, W, 1\]; got'),
        (_image(8, 8, 1), ValueError, r'"degraded" must be \[N, H, W, 1\]; got \(8, 8'),
        (_image(1, 3, 9, 1), DataError, "at least 4 pixels a side; got .*3 scales"),
        (np.full((1, 8, 8, 1), np.nan), ValueError, '"degraded" must be finite'),
    ],
)
def test_bad_images(image, error, match):
    with pytest.raises(error, match=match):
        make_restorer(DANet(GRAY, rngs=nnx.Rngs(0)))(image)


def test_diverged_parameters():
    model = DANet(GRAY, rngs=nnx.Rngs(0))
    model.tail.bias[...] = model.tail.bias[...] * np.nan
    with pytest.raises(CheckpointError, match=r"returned NaN.*earlier checkpoint"):
        make_restorer(model)(_image(2, 9, 13, 1))


def test_gray_network_on_colours():
    shapes = []

    def restore(images):
        shapes.append(images.shape)
        return images + np.arange(3, dtype=np.float32).reshape(3, 1, 1, 1) / 255

    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    restored = restore_pixels(restore, pixels, channels=1)
    np.testing.assert_array_equal(restored, pixels + np.arange(3))
    assert shapes == [(3, 2, 4, 1)]


def test_colour_network_on_gray():
    def restore(images):
        assert images.shape == (1, 2, 4, 3)
        return images + np.array([0, 3, 6], np.float32) / 255

    pixels = np.arange(8, dtype=np.uint8).reshape(2, 4, 1)
    restored = restore_pixels(restore, pixels, channels=3)
    np.testing.assert_array_equal(restored, pixels + 3)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 2), (1, 4, 4, 1)])
def test_pixels_of_another_shape(shape):
    pixels = np.zeros(shape, np.uint8)
    with pytest.raises(ValueError, match=r'pixels: "pixels" must be \[H, W, 1 or 3\]'):
        restore_pixels(pytest.fail, pixels, channels=1)


def test_pixels_are_clipped_and_rounded():
    def restore(images):
        return images + np.array([-9, 0.6, 0.4], np.float32) / 255

    pixels = np.array([[[5, 5, 5], [200, 255, 200]]], np.uint8)
    restored = restore_pixels(restore, pixels, channels=3)
    assert restored.tolist() == [[[0, 6, 5], [191, 255, 200]]]
    assert restored.dtype == np.uint8


def test_16_bits_are_clipped_and_rounded():
    def restore(images):
        return images + np.array([-9, 0.6, 0.4], np.float32) / 65535

    pixels = np.array([[[5, 5, 5], [999, 65535, 999]]], np.uint16)
    restored = restore_pixels(restore, pixels, channels=3)
    assert restored.tolist() == [[[0, 6, 5], [990, 65535, 999]]]
    assert restored.dtype == np.uint16


def test_all_16_bit_values_survive():
    pixels = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    restored = restore_pixels(lambda images: images, pixels, channels=1)
    np.testing.assert_array_equal(restored, pixels)


def test_floats_are_left_as_they_are():
    pixels = np.array([[[-0.2], [1.3]]], np.float32)
    restored = restore_pixels(lambda images: images * 2, pixels, channels=1)
    np.testing.assert_array_equal(restored, pixels * 2)
    assert restored.dtype == np.float32


def test_pixels_of_another_type():
    with pytest.raises(TypeError, match=r"must be uint8; got int32"):
        restore_pixels(pytest.fail, np.zeros((4, 4, 1), np.int32), channels=1)


def test_luma_alone():
    """By hand: Y grows by an eighth, and so do red, green and blue."""
    pixels = np.random.RandomState(0).randint(0, 200, (9, 8, 3), dtype=np.uint8)
    seen = []

    def restore(image):
        seen.append(image)
        return image + np.float32(0.125)

    restored = restore_pixels(restore, pixels, channels=1, on_luma=True)
    np.testing.assert_array_equal(restored, np.rint(pixels + 0.125 * 255))
    luma = pixels @ np.array([0.299, 0.587, 0.114]) / 255
    np.testing.assert_allclose(seen[0][0, ..., 0], luma, rtol=0, atol=1e-6)
    gray = restore_pixels(restore, pixels[..., :1], channels=1, on_luma=True)
    np.testing.assert_array_equal(gray, restored[..., :1])


@pytest.mark.parametrize(
    ("text", "kind", "match"),
    [
        (
            "RESOURCE_EXHAUSTED: Out of memory allocating 99 bytes.",
            DeviceMemoryError,
            r"memory is too small for 13x9 pixels at once\. Cut the image into parts",
        ),
        ("INTERNAL: a bug", jax.errors.JaxRuntimeError, "INTERNAL: a bug"),
    ],
)
def test_an_image_too_large_for_the_device(text, kind, match, monkeypatch):
    def forward(params, image):
        raise jax.errors.JaxRuntimeError(text)

    monkeypatch.setattr(inference, "_forward", lambda *_, **__: forward)
    with pytest.raises(kind, match=match):
        make_restorer(_trained(GRAY))(_image(1, 9, 13, 1))
