"""Layers in few bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danet_jax.figures import compact as module
from danet_jax.figures.compact import compact, unpacked
from tests.figures.records import layer


@given(seed=st.integers(0, 99), scale=st.integers(0, 3))
def test_nothing_is_lost_but_half_a_step(seed: int, scale: int) -> None:
    original = layer(7, 5, scale=scale, seed=seed)
    [packed] = compact([original])
    again = unpacked(packed)
    assert (again.name, again.scale) == (original.name, original.scale)
    step = np.abs(original.offsets).max() / 127
    assert np.abs(again.offsets - original.offsets).max() <= 0.5 * step + 1e-6
    ratios = again.mask / (original.mask / original.mask.max())
    assert np.abs(np.log(ratios)).max() <= 8 / 255 + 1e-6


def test_no_offsets_stay_none() -> None:
    [packed] = compact([layer(4, 6)])
    assert not unpacked(packed).offsets.any()
    assert (unpacked(packed).mask == 1).all()


def test_small_masks_keep_their_ratios() -> None:
    original = layer(3, 3)
    original.mask[:] = np.linspace(1e-6, 1e-5, 9)
    original.mask[0, 0] = 0.9
    original.mask[0, 1] = 0
    mask = unpacked(compact([original])[0]).mask
    assert mask[0, 0, 0] == 1
    assert (mask[0, 1] == np.exp(-16)).all()
    wanted = np.linspace(0.1, 1, 9)
    np.testing.assert_allclose(mask[2, 2] / mask[2, 2, -1], wanted, rtol=0.07)


def test_large_layers_become_means(monkeypatch) -> None:
    original = layer(9, 14, seed=0)
    monkeypatch.setattr(module, "MOST_BYTES", 2000)
    [packed] = compact([original])
    assert (packed["height"], packed["width"]) == (9, 14)
    assert (packed["stride"], packed["rows"], packed["columns"]) == (2, 5, 7)
    assert len(packed["data"]) <= 2000
    means = original.offsets[2:4, 4:6].mean(axis=(0, 1))
    np.testing.assert_allclose(
        unpacked(packed).offsets[1, 2], means, atol=packed["unit"]
    )
    # The last line is one pixel wide, which is repeated.
    edge = original.offsets[8, 12:14].mean(axis=0)
    again = unpacked(packed).offsets[4, 6]
    np.testing.assert_allclose(again, edge, atol=packed["unit"])


def test_the_limit_holds_for_what_cannot_be_compressed() -> None:
    layers = [layer(256 >> i, 256 >> i, scale=i, seed=i) for i in range(3)]
    packed = compact([each._replace(offsets=_uniform(each.offsets)) for each in layers])
    assert sum(len(each["data"]) for each in packed) <= module.MOST_BYTES


def _uniform(x: np.ndarray) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, x.shape)


@pytest.mark.parametrize("size", [(1, 1), (1, 8), (3, 1)])
def test_small_grids(size, monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 0)  # as coarse as can be
    [packed] = compact([layer(*size, seed=1)])
    assert unpacked(packed).mask.shape == (1, 1, 9)
