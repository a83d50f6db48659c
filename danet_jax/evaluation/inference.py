"""A network as a plain function of NumPy images, which is all that scoring needs."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from flax import nnx

from danet_jax.checks import CheckpointError, DataError, check_nhwc, message
from danet_jax.config import DANetConfig
from danet_jax.data.images import to_float, to_uint8
from danet_jax.evaluation.metrics import check_finite
from danet_jax.models import DANet

Restorer = Callable[[np.ndarray], np.ndarray]  # float32 [N, H, W, C] to the same


def make_restorer(model: DANet) -> Restorer:
    """Turns a network into a compiled function from degraded to restored images.

    The function takes float32 [N, H, W, C], nominally in [0, 1], of at least
    ``model.config.multiple`` pixels a side, and returns the same, not clipped. Each new
    image size compiles anew; networks of one architecture share what is compiled.

    It raises TypeError or ValueError for arrays the network cannot take (DataError for
    too small an image), and CheckpointError if the network returns NaN or infinity.

    Args:
        model: the network, whose parameters are read now.
    """
    params = nnx.as_pure(nnx.state(model, nnx.Param))
    config = model.config
    forward = _forward(config, np.dtype(model.dtype))

    def restore(degraded: np.ndarray) -> np.ndarray:
        check_nhwc("restore", "degraded", degraded, channels=config.channels)
        if min(degraded.shape[1:3]) < config.multiple:
            rule = f"have at least {config.multiple} pixels a side"
            repair = f"The network has {config.scales} scales; leave the image out."
            shape = degraded.shape
            raise DataError(message("restore", "degraded", rule, shape, repair))
        check_finite("restore", "degraded", degraded)
        restored = np.asarray(forward(params, np.float32(degraded)))
        if not np.isfinite(restored).all():
            raise CheckpointError(
                "restore: the network returned NaN or infinity for a finite image. Its "
                "parameters have diverged; use an earlier checkpoint."
            )
        return restored

    return restore


def restore_pixels(
    restore: Restorer, pixels: np.ndarray, *, channels: int
) -> np.ndarray:
    """Restores an 8-bit image of either colour with a network of either colour.

    A gray network takes red, green and blue as three gray images. A colour network
    takes a gray image thrice as its colours, whose mean is gray again.

    Args:
        restore: a restorer of ``channels`` channels; see make_restorer.
        pixels: uint8 [H, W, 1 or 3].
        channels: 1 or 3, of the network.
    Returns:
        uint8 in the shape of pixels: clipped and rounded.
    Raises:
        TypeError: the pixels are not uint8.
        ValueError: another shape; as DataError, too small for the network.
    """
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
        rule = "be [H, W, 1 or 3]"
        raise ValueError(message("restore_pixels", "pixels", rule, pixels.shape))
    image = to_float(pixels)
    if channels == 1:
        restored = restore(np.moveaxis(image, -1, 0)[..., None])[..., 0]
        return to_uint8(np.moveaxis(restored, 0, -1))
    restored = restore(np.repeat(image, 3 // image.shape[2], axis=2)[None])[0]
    if image.shape[2] == 1:
        restored = restored.mean(axis=2, keepdims=True)
    return to_uint8(restored)


@functools.lru_cache(maxsize=4)
def _forward(config: DANetConfig, dtype: np.dtype) -> Callable[[Any, Any], jax.Array]:
    """The compiled network with its parameters as an argument.

    It is kept, so that a validation during training compiles only once.
    """
    model = nnx.eval_shape(lambda: DANet(config, rngs=nnx.Rngs(0), dtype=dtype))
    graphdef = nnx.graphdef(model)
    return jax.jit(lambda params, image: nnx.merge(graphdef, params)(image))
