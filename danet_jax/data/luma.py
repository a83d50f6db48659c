"""Y of YCbCr, the luma of colour images, in both of its ranges."""

import numpy as np

from danet_jax.checks import check_floating, check_shape

# In the studio range, in 8-bit steps: an offset, and the weights of red, green and blue
# in [0, 1]. In the full range, [0, 1], the weights alone. Both of ITU-R BT.601.
LUMA_OFFSET, LUMA = 16, (65.481, 128.553, 24.966)
_FULL = (0.299, 0.587, 0.114)


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
    _check_rgb("luma", rgb)
    weights = np.array(LUMA, rgb.dtype)
    return ((LUMA_OFFSET + rgb @ weights) / 255)[..., None]


def luma_full(rgb: np.ndarray) -> np.ndarray:
    """Y of YCbCr in its full range, [0, 1], as JPEG files and Pillow have it.

    A PSNR of it is 1.3 dB below that of ``luma``, whose range is narrower. No named
    protocol uses it; ``evaluation.channel="y_full"`` does, for comparison with figures
    that were taken so.

    Args:
        rgb: [H, W, 3], floating point, nominally in [0, 1].
    Returns:
        [H, W, 1] in the dtype of rgb, not rounded.
    Raises:
        TypeError: an image that is not floating point.
        ValueError: another shape.
    Source: JFIF (ITU-T T.871), after ITU-R BT.601.
    """
    _check_rgb("luma_full", rgb)
    return (rgb @ np.array(_FULL, rgb.dtype))[..., None]


def _check_rgb(where: str, rgb: np.ndarray) -> None:
    check_floating(where, "rgb", rgb)
    check_shape(where, "rgb", rgb, ("H", "W", 3), "Gray images are scored whole.")
