"""PSNR, PSNR-B and SSIM of one image [H, W, C] of floats.

Two functions are called SSIM in the literature, and differ: ``ssim`` looks at each
channel alone, ``ssim_volume`` takes a colour image for a volume, as MATLAB does.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from danet_jax.checks import (
    DataError,
    check_finite,
    check_floating,
    check_shape,
    message,
)

WINDOW = 11  # pixels a side of SSIM's Gaussian window
_SIGMA = 1.5  # pixels
_BLOCK = 8  # pixels a side, of JPEG


def psnr(clean: np.ndarray, restored: np.ndarray, *, data_range: float = 1.0) -> float:
    """The peak signal-to-noise ratio in dB, over all pixels and channels.

    The mean is taken in float64, so that large images lose nothing.

    Args:
        clean: [H, W, C], floating point and finite.
        restored: the same; it is scored as it is, neither clipped nor rounded.
        data_range: the largest value a pixel can have; positive.
    Returns:
        10 log10(data_range^2 / mean((restored - clean)^2)); infinity for equal images.
    Raises:
        TypeError: an image that is not floating point.
        ValueError: another rank, unequal shapes, NaN or infinity, or a data_range that
            is not positive.
    """
    _check_pair("psnr", clean, restored, data_range)
    return _decibels(_mean_square(clean, restored), data_range)


def psnr_b(
    clean: np.ndarray, restored: np.ndarray, *, data_range: float = 1.0
) -> float:
    """PSNR that also counts, as an error, steps between the 8x8 blocks of JPEG.

    The blocking effect factor is added to the mean square error: ``log2(8) /
    log2(min(H, W)) * (B - I)``, or 0 if B <= I, where B and I are the mean squares of
    the differences of neighbours across and within blocks, in the restored image. A row
    counts as ``W // 8 - 1`` edges, and so a column, as in the usual implementations;
    where 8 does not divide it, that is one too few. LIVE1 at quality 10 has 25.33 dB
    so, as is published, and 25.34 dB otherwise.

    Args:
        clean: [H, W, C], floating point and finite, at least 2 pixels a side; its
            first block begins at the upper left corner.
        restored: the same.
        data_range: the largest value a pixel can have; positive.
    Returns:
        At most ``psnr``, which images without blocks reach; infinity for equal ones
        without blocks.
    Raises:
        TypeError: an image that is not floating point.
        ValueError: as psnr; as DataError, fewer than 2 pixels a side.
    Source: Yim and Bovik, Quality assessment of deblocked images, IEEE Transactions on
        Image Processing 20(1), 2011, Eq. 7 to 12.
    """
    _check_pair("psnr_b", clean, restored, data_range)
    _check_size("psnr_b", clean, 2)
    error = _mean_square(clean, restored) + _blocking(np.asarray(restored, np.float64))
    return _decibels(error, data_range)


def ssim(clean: np.ndarray, restored: np.ndarray, *, data_range: float = 1.0) -> float:
    """The structural similarity: 11x11 Gaussian window of sigma 1.5, valid region.

    Population statistics, K1 = 0.01, K2 = 0.03; the mean over positions and channels.

    Args:
        clean: [H, W, C], floating point and finite, at least 11 pixels a side.
        restored: the same.
        data_range: the largest value a pixel can have; positive.
    Returns:
        At most 1, which equal images reach.
    Raises:
        TypeError: an image that is not floating point.
        ValueError: another rank, unequal shapes, NaN or infinity, or a data_range that
            is not positive; as DataError, fewer than 11 pixels a side.
    Source: Wang et al., Image quality assessment: from error visibility to structural
        similarity, 2004; computed by scikit-image in float64.
    """
    _check_pair("ssim", clean, restored, data_range)
    _check_size("ssim", clean, WINDOW)
    score = structural_similarity(
        np.asarray(clean, np.float64),
        np.asarray(restored, np.float64),
        data_range=data_range,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=_SIGMA,
        use_sample_covariance=False,
    )
    return float(score)


def ssim_volume(
    clean: np.ndarray, restored: np.ndarray, *, data_range: float = 1.0
) -> float:
    """The structural similarity that MATLAB's ``ssim`` gives for a colour image.

    It takes [H, W, 3] for a volume: the Gaussian window of sigma 1.5 is 11x11x11 and
    mixes the channels; images are continued by their outermost pixels and channels, and
    the mean is over the whole volume. The differences between channels, which are the
    colours, so count as structure that both images share, and scores are higher where
    there is colour. Otherwise as ``ssim``.

    Args:
        clean: [H, W, C], floating point and finite, at least 11 pixels a side.
        restored: the same.
        data_range: the largest value a pixel can have; positive.
    Returns:
        At most 1, which equal images reach.
    Raises:
        TypeError: an image that is not floating point.
        ValueError: as ssim; as DataError, fewer than 11 pixels a side.
    Source: MATLAB R2014a and later, ssim.m: "RGB images will also be processed as 3D
        volumetric images", window of ``2 * ceil(3 * 1.5) + 1``, "replicate". The
        evaluation scripts that follow MPRNet use it on SIDD.
    """
    _check_pair("ssim_volume", clean, restored, data_range)
    _check_size("ssim_volume", clean, WINDOW)
    x, y = np.asarray(clean, np.float64), np.asarray(restored, np.float64)
    mean_x, mean_y = _smooth(x), _smooth(y)
    variance_x = _smooth(x * x) - mean_x**2
    variance_y = _smooth(y * y) - mean_y**2
    covariance = _smooth(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    below = (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float(np.mean(above / below))


@dataclasses.dataclass(frozen=True)
class Metric:
    """A score of an image: its name in files, its heading, decimals and function."""

    name: str
    heading: str
    places: int
    score: Callable[[np.ndarray, np.ndarray], float]


PSNR = Metric("psnr", "PSNR [dB]", 2, psnr)
SSIM = Metric("ssim", "SSIM", 4, ssim)
PSNR_B = Metric("psnr_b", "PSNR-B [dB]", 2, psnr_b)
SSIM_VOLUME = Metric("ssim_volume", "SSIM (volume)", 4, ssim_volume)


def _mean_square(clean: np.ndarray, restored: np.ndarray) -> float:
    error = np.asarray(restored, np.float64) - np.asarray(clean, np.float64)
    return float(np.mean(error**2))


def _decibels(mean_square: float, data_range: float) -> float:
    if mean_square == 0:
        return math.inf
    return 10 * math.log10(data_range**2 / mean_square)


def _blocking(image: np.ndarray) -> float:
    """The blocking effect factor of an image [H, W, C], in its units squared."""
    down, across = (np.diff(image, axis=axis) ** 2 for axis in (0, 1))
    edges = down[_BLOCK - 1 :: _BLOCK], across[:, _BLOCK - 1 :: _BLOCK]
    height, width, channels = image.shape
    rows, columns = (max(0, side // _BLOCK - 1) for side in (height, width))
    count = channels * (rows * width + columns * height)
    if count == 0:
        return 0.0
    inside = down.size + across.size - count
    total = float(sum(part.sum() for part in edges))
    between = total / count
    within = (float(down.sum() + across.sum()) - total) / inside
    share = math.log2(_BLOCK) / math.log2(min(height, width))
    return share * max(0.0, between - within)


def _smooth(volume: np.ndarray) -> np.ndarray:
    return gaussian_filter(volume, _SIGMA, mode="nearest", radius=WINDOW // 2)


def _check_size(where: str, clean: np.ndarray, least: int) -> None:
    if min(clean.shape[:2]) < least:
        rule = f"have at least {least} pixels a side"
        repair = "Leave the image out, or score it by PSNR alone."
        raise DataError(message(where, "clean", rule, clean.shape, repair))


def _check_pair(
    where: str, clean: np.ndarray, restored: np.ndarray, data_range: float
) -> None:
    if not data_range > 0:
        raise ValueError(message(where, "data_range", "be positive", data_range))
    for name, image in ("clean", clean), ("restored", restored):
        check_floating(where, name, image)
        check_shape(where, name, image, ("H", "W", "C"))
        check_finite(where, name, np.asarray(image))
    if clean.shape != restored.shape:
        rule = f'have the shape of "clean", {clean.shape}'
        raise ValueError(message(where, "restored", rule, restored.shape))
