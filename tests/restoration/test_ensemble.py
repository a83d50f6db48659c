import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danet_jax.checks import ConfigError
from danet_jax.restoration.ensemble import blended, self_ensemble

sizes = st.integers(1, 5)


def _images(count, height, width, channels, seed=0):
    random = np.random.default_rng(seed)
    return random.uniform(size=(count, height, width, channels)).astype(np.float32)


def _uneven(images):
    """A stand-in whose result depends on the place and on the size."""
    ramp = np.arange(images.shape[2], dtype=np.float32).reshape(1, 1, -1, 1)
    return images * ramp + images.cumsum(axis=1)


def _equivariant(images):
    """Sharpens, without regard to direction."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    beside = padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
    return 5 * images - (beside + (padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1]))


def _eight_by_hand(restore, image):
    """Of each of the eight symmetries of a square: there, restored, and back."""
    transposed = image.swapaxes(1, 2)
    results = []
    for view, back in (image, lambda x: x), (transposed, lambda x: x.swapaxes(1, 2)):
        results += [
            back(restore(view)),
            back(restore(view[:, ::-1])[:, ::-1]),
            back(restore(view[:, :, ::-1])[:, :, ::-1]),
            back(restore(view[:, ::-1, ::-1])[:, ::-1, ::-1]),
        ]
    return np.mean(results, axis=0)


@given(st.integers(1, 2), sizes, sizes, st.sampled_from([1, 3]), st.integers(0, 9))
def test_it_is_the_mean_of_eight(count, height, width, channels, seed):
    images = _images(count, height, width, channels, seed)
    mean = self_ensemble(_uneven)(images)
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean, _eight_by_hand(_uneven, images), rtol=1e-6)


@given(st.integers(1, 2), sizes, sizes, st.integers(0, 9))
def test_what_turns_with_the_image_is_returned_as_it_is(count, height, width, seed):
    images = _images(count, height, width, 3, seed)
    wanted = _equivariant(images)
    np.testing.assert_allclose(
        self_ensemble(_equivariant)(images), wanted, rtol=0, atol=1e-6
    )
    np.testing.assert_array_equal(self_ensemble(lambda x: 3 * x)(images), 3 * images)


def test_it_asks_for_both_shapes():
    shapes = []

    def restore(images):
        assert images.flags.c_contiguous
        shapes.append(images.shape)
        return images

    self_ensemble(restore)(_images(1, 2, 3, 1))
    assert shapes.count((1, 2, 3, 1)) == shapes.count((1, 3, 2, 1)) == 4


def test_strength():
    images = _images(1, 2, 3, 1)
    for strength, factor in (0, 1), (0.25, 1.25), (1, 2):
        result = blended(lambda x: 2 * x, strength)(images)
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, factor * images, rtol=1e-6)
    np.testing.assert_array_equal(blended(lambda x: 2 * x, 0)(images), images)
    assert blended(_uneven, 1) is _uneven


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_strengths_that_are_none(strength):
    with pytest.raises(ConfigError, match=r'"strength" must lie in 0 to 1; got'):
        blended(_uneven, strength)
