"""PSNR and SSIM of one image [H, W, C] of floats, and the luma they may be taken of."""

import math

import dm_pix
import jax
import numpy as np

from danet_jax.checks import DataError, check_floating, check_shape, message

WINDOW = 11  # pixels a side of SSIM's Gaussian window
_ssim = jax.jit(dm_pix.ssim, static_argnames="max_val")


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
    error = np.asarray(restored, np.float64) - np.asarray(clean, np.float64)
    mean_square = float(np.mean(error**2))
    if mean_square == 0:
        return math.inf
    return 10 * math.log10(data_range**2 / mean_square)


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
        similarity, 2004; computed by dm_pix.
    """
    _check_pair("ssim", clean, restored, data_range)
    if min(clean.shape[:2]) < WINDOW:
        rule = f"have at least {WINDOW} pixels a side"
        repair = "Leave the image out, or score it by PSNR alone."
        raise DataError(message("ssim", "clean", rule, clean.shape, repair))
    pair = np.asarray(clean, np.float32), np.asarray(restored, np.float32)
    return float(_ssim(*pair, max_val=data_range))


def luma(rgb: np.ndarray) -> np.ndarray:
    """Y of YCbCr in its studio range, [16, 235] / 255, as MATLAB's rgb2ycbcr has it.

    Args:
        rgb: [H, W, 3], floating point, nominally in [0, 1].
    Returns:
        [H, W, 1] in the dtype of rgb, not rounded.
    Raises:
        TypeError: an image that is not floating point.
        ValueError: another shape.
    Source: ITU-R BT.601.
    """
    check_floating("luma", "rgb", rgb)
    check_shape("luma", "rgb", rgb, ("H", "W", 3), "Gray images are scored whole.")
    weights = np.array([65.481, 128.553, 24.966], rgb.dtype)
    return ((16 + rgb @ weights) / 255)[..., None]


def check_finite(where: str, name: str, image: np.ndarray) -> None:
    """Raises ValueError if an image holds NaN or infinity."""
    bad = image.size - np.count_nonzero(np.isfinite(image))
    if bad:
        got = f"{bad} of {image.size} values NaN or infinite"
        raise ValueError(message(where, name, "be finite", got))


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
