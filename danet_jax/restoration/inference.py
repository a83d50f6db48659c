"""A network as a plain function of NumPy images, which is all that scoring needs."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from flax import nnx

from danet_jax.checks import (
    CheckpointError,
    DataError,
    check_finite,
    check_nhwc,
    message,
)
from danet_jax.config import DANetConfig
from danet_jax.data.images import to_float, to_uint8
from danet_jax.data.luma import luma_full
from danet_jax.models import DANet, abstract_danet
from danet_jax.models.places import by_name, shares_outside, watched

Restorer = Callable[[np.ndarray], np.ndarray]  # float32 [N, H, W, C] to the same
_MOST_SIZES = 64  # of images, whose programs are kept in memory


class DeviceMemoryError(DataError):
    """Images that do not fit into the device's memory at once.

    Args:
        height: of the images, or of their tiles, in pixels.
        width: likewise.
    Attributes:
        problem: the message without its advice, for those who know of tiles.
    """

    def __init__(self, height: int, width: int) -> None:
        self.problem = (
            f"the device's memory is too small for {width}x{height} pixels at once."
        )
        repair = "Cut the image into parts, or take smaller ones."
        super().__init__(f"{self.problem} {repair}")


def make_restorer(
    model: DANet, *, on_shares: Callable[[dict[str, float]], None] | None = None
) -> Restorer:
    """Turns a network into a compiled function from degraded to restored images.

    The function takes float32 [N, H, W, C], nominally in [0, 1], of at least
    ``model.config.multiple`` pixels a side, and returns the same, not clipped. Each new
    image size compiles anew; networks of one architecture share what is compiled.

    It raises TypeError or ValueError for arrays the network cannot take (DataError for
    too small an image, DeviceMemoryError for too large a one), and CheckpointError if
    the network returns NaN or infinity.

    Args:
        model: the network, whose parameters are read now.
        on_shares: is told, after each call, what share of its samples each deformable
            convolution took from outside the image; see ``shares_outside``.
    """
    params = nnx.as_pure(nnx.state(model, nnx.Param))
    config = model.config
    watch = on_shares is not None
    forward = _forward(config, np.dtype(model.dtype), watch=watch)

    def restore(degraded: np.ndarray) -> np.ndarray:
        check_degraded(degraded, config)
        with in_device_memory(*degraded.shape[1:3]):
            output, shares = forward(params, np.float32(degraded))
            restored = np.asarray(output)
        check_restored(restored)
        if on_shares is not None and shares is not None:
            on_shares(by_name(config, shares))
        return restored

    return restore


@contextmanager
def in_device_memory(height: int, width: int) -> Iterator[None]:
    """Raises DeviceMemoryError if the device has no room for images of a size."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise DeviceMemoryError(height, width) from error


def check_degraded(degraded: np.ndarray, config: DANetConfig) -> None:
    """Checks that a network can take images [N, H, W, C].

    Raises:
        TypeError: they are not floating point.
        ValueError: another shape, NaN or infinity; as DataError, too small.
    """
    check_nhwc("restore", "degraded", degraded, channels=config.channels)
    if min(degraded.shape[1:3]) < config.multiple:
        rule = f"have at least {config.multiple} pixels a side"
        repair = f"The network has {config.scales} scales; leave the image out."
        shape = degraded.shape
        raise DataError(message("restore", "degraded", rule, shape, repair))
    check_finite("restore", "degraded", degraded)


def check_restored(restored: np.ndarray) -> None:
    """Raises CheckpointError if what a network returned is not finite."""
    if not np.isfinite(restored).all():
        raise CheckpointError(
            "restore: the network returned NaN or infinity for a finite image. Its "
            "parameters have diverged; use an earlier checkpoint."
        )


def restore_pixels(
    restore: Restorer, pixels: np.ndarray, *, channels: int, on_luma: bool = False
) -> np.ndarray:
    """Restores an image of either colour with a network of either colour.

    A gray network takes red, green and blue as three gray images, or Y alone, and
    leaves Cb and Cr as they are. A colour network takes a gray image thrice as its
    colours, whose mean is gray again.

    Args:
        restore: a restorer of ``channels`` channels; see make_restorer.
        pixels: [H, W, 1 or 3]; uint8 or uint16 over their full range, or float32,
            nominally in [0, 1].
        channels: 1 or 3, of the network.
        on_luma: for a gray network, Y of colours alone: that is what JPEG codes.
    Returns:
        The shape and type of pixels: integers are clipped and rounded, floats are not.
    Raises:
        TypeError: pixels of another type.
        ValueError: another shape; as DataError, too small for the network.
    """
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
        rule = "be [H, W, 1 or 3]"
        raise ValueError(message("restore_pixels", "pixels", rule, pixels.shape))
    image = unit(pixels)
    if channels == 1 and on_luma and image.shape[2] == 3:
        luma = luma_full(image)
        return _stored(image + (restore(luma[None])[0] - luma), pixels.dtype)
    if channels == 1:
        restored = restore(np.moveaxis(image, -1, 0)[..., None])[..., 0]
        return _stored(np.moveaxis(restored, 0, -1), pixels.dtype)
    restored = restore(np.repeat(image, 3 // image.shape[2], axis=2)[None])[0]
    if image.shape[2] == 1:
        restored = restored.mean(axis=2, keepdims=True)
    return _stored(restored, pixels.dtype)


def unit(pixels: np.ndarray) -> np.ndarray:
    """Returns uint8, uint16 or float32 pixels as float32, nominally in [0, 1].

    Raises:
        TypeError: pixels of another type.
    """
    if pixels.dtype == np.float32:
        return pixels
    if pixels.dtype == np.uint16:
        return pixels.astype(np.float32) / np.float32(65535)
    return to_float(pixels)


def _stored(image: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The inverse of ``unit``: integers are clipped and rounded."""
    if dtype == np.float32:
        return image
    if dtype == np.uint16:  # in float64, which rounds to the nearest of 65536 values
        return np.rint(np.clip(image, 0, 1).astype(float) * 65535).astype(np.uint16)
    return to_uint8(image)


@functools.lru_cache(maxsize=4)
def _forward(
    config: DANetConfig, dtype: np.dtype, *, watch: bool
) -> Callable[[Any, Any], tuple[jax.Array, jax.Array | None]]:
    """The compiled network with its parameters as an argument.

    It is kept, so that a validation during training compiles only once; but of many
    sizes of images not all programs, which take some 30 MB each of a small network.
    """
    graphdef = nnx.graphdef(abstract_danet(config, dtype=dtype))

    @jax.jit
    def forward(params: Any, image: jax.Array) -> Any:
        model = nnx.merge(graphdef, params)
        if not watch:
            return model(image), None
        restored, returned = watched(model, image)
        return restored, shares_outside(config, returned)

    sizes: set[tuple[int, ...]] = set()

    def bounded(params: Any, image: Any) -> Any:
        if image.shape not in sizes and len(sizes) >= _MOST_SIZES:
            forward.clear_cache()  # type: ignore[attr-defined]  # jit has it
            sizes.clear()
        sizes.add(image.shape)
        return forward(params, image)

    return bounded
