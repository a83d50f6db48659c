"""Restorers made of another: the mean over its eight views, and a gentler one."""

import numpy as np

from danet_jax.checks import ConfigError, message
from danet_jax.restoration.inference import Restorer


def self_ensemble(restore: Restorer) -> Restorer:
    """Averages what a restorer makes of an image's four turns and their mirror images.

    It takes eight times as long, and for images that are not square one more
    compilation.

    Args:
        restore: a restorer; see make_restorer.
    Returns:
        Another one. Where the first turns with its input, it returns the same.
    Source: Timofte et al. 2016, "Seven ways to improve example-based single image
        super resolution", Sec. 3.6.
    """

    def mean(degraded: np.ndarray) -> np.ndarray:
        total = np.zeros(degraded.shape)  # float64: the mean of equals is exact
        for turns in range(4):
            turned = np.rot90(degraded, turns, axes=(1, 2))
            for step in (1, -1):
                restored = restore(np.ascontiguousarray(turned[:, :, ::step]))
                total += np.rot90(restored[:, :, ::step], -turns, axes=(1, 2))
        return (total / 8).astype(np.float32)

    return mean


def blended(restore: Restorer, strength: float) -> Restorer:
    """Goes a part of the way from the degraded to the restored image.

    Args:
        restore: a restorer; see make_restorer.
        strength: that part: 0 leaves images as they are, 1 restores them.
    Returns:
        The restorer of that strength.
    Raises:
        ConfigError: the strength does not lie in 0 to 1.
    """
    if not 0 <= strength <= 1:
        raise ConfigError(message("restore", "strength", "lie in 0 to 1", strength))
    if strength == 1:
        return restore
    part = np.float32(strength)

    def blend(degraded: np.ndarray) -> np.ndarray:
        return degraded + part * (restore(degraded) - degraded)

    return blend
