import math

import dm_pix
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from danet_jax.checks import DataError
from danet_jax.evaluation.metrics import (
    psnr,
    psnr_b,
    ssim,
    ssim_volume,
)

METRICS = [psnr, psnr_b, ssim, ssim_volume]


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


def test_ssim_agrees_with_dm_pix():
    clean, restored = _pair((24, 31, 3))
    theirs = float(dm_pix.ssim(jnp.asarray(clean), jnp.asarray(restored)))
    assert ssim(clean, restored) == pytest.approx(theirs, abs=1e-5)


def _slow_ssim(clean, restored, axes):
    """SSIM of float64 [H, W, C], window by window; over 3 axes edges are repeated."""
    offsets = np.arange(-5, 6)
    line = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = line[:, None, None] * line[:, None]
    window = window * line if axes == 3 else window * np.eye(11)[5]
    window /= window.sum()
    around = [(5, 5)] * 3
    x, y = (np.pad(image, around, mode="edge") for image in (clean, restored))
    edge = 0 if axes == 3 else 5
    scores = []
    for i in range(edge, clean.shape[0] - edge):
        for j in range(edge, clean.shape[1] - edge):
            for k in range(clean.shape[2]):
                a, b = (v[i : i + 11, j : j + 11, k : k + 11] for v in (x, y))
                mean_a, mean_b = (window * a).sum(), (window * b).sum()
                variances = (
                    window * (a - mean_a) ** 2 + window * (b - mean_b) ** 2
                ).sum()
                covariance = (window * (a - mean_a) * (b - mean_b)).sum()
                light = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
                scores.append(light * (2 * covariance + 9e-4) / (variances + 9e-4))
    return np.mean(scores)


@pytest.mark.parametrize("shape", [(13, 15, 1), (12, 14, 3)])
def test_both_kinds_of_ssim_by_their_definition(shape):
    clean, restored = (image.astype(np.float64) for image in _pair(shape, sigma=0.2))
    slow = _slow_ssim(clean, restored, axes=2)
    assert ssim(clean, restored) == pytest.approx(slow, abs=1e-10)
    slow = _slow_ssim(clean, restored, axes=3)
    assert ssim_volume(clean, restored) == pytest.approx(slow, abs=1e-10)


def test_ssim_of_a_volume_takes_colour_for_structure():
    noise = np.random.RandomState(1).normal(0, 0.1, (32, 32, 3)).astype(np.float32)
    clean = np.full((32, 32, 3), (0.2, 0.5, 0.8), np.float32)
    restored = clean + noise
    assert ssim_volume(clean, restored) > ssim(clean, restored) + 0.2
    scaled = ssim_volume(255 * clean, 255 * restored, data_range=255)
    assert scaled == pytest.approx(ssim_volume(clean, restored), abs=1e-6)


def test_psnr_b_by_hand():
    clean = np.zeros((16, 16, 1))
    restored = clean.copy()
    restored[8:] = 0.5  # one step, at the edge of a block
    # Across blocks: 16 of 32 differences are 0.5. Within: all 448 are 0.
    blocking = math.log2(8) / math.log2(16) * (16 * 0.25 / 32)
    expected = -10 * math.log10(0.125 + blocking)
    assert psnr_b(clean, restored) == pytest.approx(expected)
    scaled = psnr_b(255 * clean, 255 * restored, data_range=255)
    assert scaled == pytest.approx(expected)
    shifted = np.roll(restored, 1, axis=0)
    shifted[0] = 0  # the same step within a block is none of JPEG's
    assert psnr_b(clean, shifted) == psnr(clean, shifted)


def test_psnr_b_without_blocks():
    clean, restored = _pair((8, 8, 1))  # a single block has no neighbours
    assert psnr_b(clean, restored) == psnr(clean, restored)
    assert psnr_b(clean[:2, :2], restored[:2, :2]) == psnr(
        clean[:2, :2], restored[:2, :2]
    )
    flat = np.full((24, 24, 3), 0.5)
    assert psnr_b(flat, flat) == math.inf


def test_psnr_b_counts_edges_as_usual():
    clean = np.zeros((9, 21, 1))
    restored = np.zeros((9, 21, 1))
    restored[:, 16:] = 1.0
    # 21 // 8 - 1 edges in each of 9 rows, and none in a column: 9 in all, 9 are 1.
    blocking = math.log2(8) / math.log2(9)
    assert psnr_b(clean, restored) == pytest.approx(-10 * math.log10(5 / 21 + blocking))


def test_ssim_on_a_nearly_flat_image():
    clean, restored = (np.float32(0.5) + 1e-3 * image for image in _pair((24, 24, 1)))
    theirs = _structural_similarity(clean, restored, 1.0)
    assert ssim(clean, restored) == pytest.approx(theirs, abs=1e-5)


def test_equal_images():
    clean, _ = _pair((11, 11, 3))
    assert psnr(clean, clean) == math.inf
    assert ssim(clean, clean) == pytest.approx(1, abs=1e-6)


def test_metrics_take_jax_arrays():
    clean, restored = _pair((12, 12, 1))
    assert psnr(jnp.asarray(clean), jnp.asarray(restored)) == psnr(clean, restored)
    assert ssim(jnp.asarray(clean), jnp.asarray(restored)) == ssim(clean, restored)


@pytest.mark.parametrize("metric", METRICS)
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


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("data_range", [0, -1.0, math.nan])
def test_a_range_that_is_not_positive(metric, data_range):
    image = np.zeros((12, 12, 1))
    match = f'"data_range" must be positive; got {data_range}.'
    with pytest.raises(ValueError, match=match):
        metric(image, image, data_range=data_range)


def test_nan_in_the_clean_image():
    with pytest.raises(ValueError, match=r'psnr: "clean" must be finite; got 4 of 4'):
        psnr(np.full((2, 2, 1), np.nan), np.zeros((2, 2, 1)))


@pytest.mark.parametrize("metric", [ssim, ssim_volume])
def test_ssim_of_a_small_image(metric):
    image = np.zeros((10, 40, 1))
    with pytest.raises(
        DataError, match=r"at least 11 pixels a side; got .10, 40, 1.. L"
    ):
        metric(image, image)


def test_psnr_b_of_a_line():
    with pytest.raises(DataError, match=r"at least 2 pixels a side; got .1, 40, 1.. L"):
        psnr_b(np.zeros((1, 40, 1)), np.zeros((1, 40, 1)))
