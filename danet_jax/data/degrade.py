"""The degradations that are made on the host: test noise, and JPEG."""

import io

import numpy as np
from PIL import Image

from danet_jax.checks import message
from danet_jax.config import EvaluationConfig
from danet_jax.data.images import to_float, to_uint8


def noisy(
    clean: np.ndarray, evaluation: EvaluationConfig, sigma_255: float
) -> np.ndarray:
    """Adds Gaussian noise, the same for the same shape, seed and sigma.

    Convention:
        The numbers of ``numpy.random.seed(noise_seed)`` and ``numpy.random.normal(0,
        sigma_255 / 255, shape)``, added to ``clean / 255`` in the order of its memory.
        With ``evaluation.clip`` the sum is clipped to [0, 1]; with ``round`` it becomes
        what an 8-bit file would hold, which is clipped, too.
    Args:
        clean: uint8 [H, W, C].
        evaluation: seed, clipping and rounding.
        sigma_255: standard deviation in 8-bit steps, at least 0.
    Returns:
        float32 [H, W, C], nominally in [0, 1].
    Raises:
        TypeError: clean is not uint8.
        ValueError: sigma_255 is negative or NaN.
    Source: the test protocol of the DnCNN and FFDNet line of work.
    """
    if not sigma_255 >= 0:
        raise ValueError(message("noisy", "sigma_255", "be at least 0", sigma_255))
    random = np.random.RandomState(evaluation.noise_seed)
    noise = random.normal(0, sigma_255 / 255, clean.shape)
    degraded = (to_float(clean) + noise).astype(np.float32)
    if evaluation.round:
        return to_float(to_uint8(degraded))
    return np.clip(degraded, 0, 1) if evaluation.clip else degraded


def jpeg(clean: np.ndarray, quality: int) -> np.ndarray:
    """Codes an image as JPEG and decodes it again, with Pillow's encoder.

    Colour is coded as YCbCr with halved chroma (4:2:0), as cameras and Pillow do.

    Args:
        clean: uint8 [H, W, 1 or 3].
        quality: 1 to 100, on the scale of the Independent JPEG Group.
    Returns:
        uint8 in the shape of clean.
    Raises:
        TypeError: clean is not uint8.
        ValueError: another shape or quality.
    """
    if clean.dtype != np.uint8:
        raise TypeError(message("jpeg", "clean", "be uint8", clean.dtype))
    if clean.ndim != 3 or clean.shape[2] not in (1, 3):
        raise ValueError(message("jpeg", "clean", "be [H, W, 1 or 3]", clean.shape))
    if not 1 <= quality <= 100:
        raise ValueError(message("jpeg", "quality", "lie in 1 to 100", quality))
    pixels = clean[..., 0] if clean.shape[2] == 1 else clean
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as file:
        return np.asarray(file).reshape(clean.shape)
