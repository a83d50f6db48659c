import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from danet_jax.checks import DataError
from danet_jax.evaluation.metrics import luma, psnr, ssim


def _pair(shape, sigma=0.05, seed=0):
    random = np.random.RandomState(seed)
    clean = random.rand(*shape).astype(np.float32)
    noise = random.normal(0, sigma, shape).astype(np.float32)
    return clean, np.clip(clean + noise, 0, 1)


def _structural_similarity(clean, restored, data_range):
    return structural_similarity(
        clean.astype(np.float64),
        restored.astype(np.float64),
        data_range=data_range,
        channel_axis=-1,
        gaussian_weights=True,  # 11x11 at sigma 1.5; the mean is over the valid region
        sigma=1.5,
        use_sample_covariance=False,
    )


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.floats(1e-4, 1), st.integers(1, 4), st.integers(1, 5))
def test_psnr_of_a_constant_shift(shift, height, width):
    clean = np.full((height, width, 3), 0.25)
    assert psnr(clean, clean + shift) == pytest.approx(-20 * math.log10(shift))


def test_psnr_by_hand():
    clean = np.zeros((1, 2, 1), np.float32)
    restored = np.array([[[0.0], [2.0]]], np.float32)  # mean square 2
    assert psnr(clean, restored, data_range=20) == pytest.approx(10 * math.log10(200))


@pytest.mark.parametrize("shape", [(17, 23, 1), (32, 19, 3)])
@pytest.mark.parametrize("data_range", [1.0, 255.0])
def test_metrics_agree_with_scikit_image(shape, data_range):
    clean, restored = _pair(shape)
    clean, restored = clean * np.float32(data_range), restored * np.float32(data_range)
    theirs = peak_signal_noise_ratio(clean, restored, data_range=data_range)
    assert psnr(clean, restored, data_range=data_range) == pytest.approx(
        theirs, abs=1e-5
    )
    theirs = _structural_similarity(clean, restored, data_range)
    assert 0.5 < theirs < 0.999
    ours = ssim(clean, restored, data_range=data_range)
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_ssim_on_a_nearly_flat_image():
    clean, restored = (np.float32(0.5) + 1e-3 * image for image in _pair((24, 24, 1)))
    theirs = _structural_similarity(clean, restored, 1.0)
    assert ssim(clean, restored) == pytest.approx(theirs, abs=1e-4)


def test_equal_images():
    clean, _ = _pair((11, 11, 3))
    assert psnr(clean, clean) == math.inf
    assert ssim(clean, clean) == pytest.approx(1, abs=1e-6)


def test_metrics_take_jax_arrays():
    clean, restored = _pair((12, 12, 1))
    assert psnr(jnp.asarray(clean), jnp.asarray(restored)) == psnr(clean, restored)
    assert ssim(jnp.asarray(clean), jnp.asarray(restored)) == ssim(clean, restored)


@pytest.mark.parametrize(
    ("rgb", "y"),
    [((0, 0, 0), 16), ((1, 1, 1), 235), ((1, 0, 0), 81.481), ((0, 1, 0), 144.553)],
)
def test_luma_by_hand(rgb, y):
    result = luma(np.array(rgb, np.float64).reshape(1, 1, 3))
    assert result.shape == (1, 1, 1)
    assert result.item() * 255 == pytest.approx(y)


@pytest.mark.parametrize("metric", [psnr, ssim])
@pytest.mark.parametrize(
    ("restored", "error", "match"),
    [
        (
            np.zeros((12, 12, 1), np.uint8),
            TypeError,
            '"restored" .*got uint8.*to_float',
        ),
        (np.zeros((12, 12)), ValueError, r'"restored" must be \[H, W, C\]; got'),
        (np.zeros((12, 13, 1)), ValueError, r'"restored" .*shape of "clean", \(12, 12'),
        (
            np.full((12, 12, 1), np.nan),
            ValueError,
            '"restored" must be finite; got 144',
        ),
        (
            np.full((12, 12, 1), np.inf),
            ValueError,
            '"restored" must be finite; got 144',
        ),
    ],
)
def test_bad_images(metric, restored, error, match):
    with pytest.raises(error, match=match):
        metric(np.zeros((12, 12, 1)), restored)


@pytest.mark.parametrize("metric", [psnr, ssim])
@pytest.mark.parametrize("data_range", [0, -1.0, math.nan])
def test_a_range_that_is_not_positive(metric, data_range):
    image = np.zeros((12, 12, 1))
    match = f'"data_range" must be positive; got {data_range}.'
    with pytest.raises(ValueError, match=match):
        metric(image, image, data_range=data_range)


def test_nan_in_the_clean_image():
    with pytest.raises(ValueError, match=r'psnr: "clean" must be finite; got 4 of 4'):
        psnr(np.full((2, 2, 1), np.nan), np.zeros((2, 2, 1)))


def test_ssim_of_a_small_image():
    image = np.zeros((10, 40, 1))
    with pytest.raises(
        DataError, match=r"at least 11 pixels a side; got .10, 40, 1.. L"
    ):
        ssim(image, image)


def test_luma_of_a_bad_image():
    with pytest.raises(ValueError, match=r'"rgb" must be \[H, W, 3\].*scored whole'):
        luma(np.zeros((2, 2, 1)))
    with pytest.raises(TypeError, match=r'"rgb" must be a floating'):
        luma(np.zeros((2, 2, 3), np.uint8))
