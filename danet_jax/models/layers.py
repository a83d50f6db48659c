"""The convolutions that all parts are made of, with the initialisation of the whole.

Kernels are He-normal and biases zero. Without normalisation layers a deep residual
network diverges from such a start, so the parts scale some kernels down or to zero:
an untrained DANet returns its input.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from danet_jax.ops import conv2d, deform_conv2d

Initializer = Callable[..., jax.Array]  # (key, shape, dtype) -> kernel


def he_normal(scale: float = 1.0, *, fan_in: int | None = None) -> Initializer:
    """He-normal kernels, times a factor: std = scale sqrt(2 / fan in).

    Args:
        scale: the factor.
        fan_in: inputs of one output; by default all axes of a kernel but the last.
    """
    if scale == 0:
        return nnx.initializers.zeros

    def draw(key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike) -> jax.Array:
        inputs = math.prod(shape[:-1]) if fan_in is None else fan_in
        return _normal(key, scale * math.sqrt(2 / inputs), tuple(shape), dtype)

    return draw


@functools.partial(jax.jit, static_argnums=(2, 3))
def _normal(
    key: jax.Array, std: float, shape: tuple[int, ...], dtype: DTypeLike
) -> jax.Array:
    # Drawn flat: for four axes at once CPUs take eight times as long to compile.
    return std * jax.random.normal(key, (math.prod(shape),), dtype).reshape(shape)


class Conv(nnx.Module):
    """A convolution of size x size taps, an odd number, that keeps the image's size."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int = 3,
        *,
        scale: float = 1.0,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
    ):
        shape = (size, size, inputs, outputs)
        self.kernel = nnx.Param(he_normal(scale)(rngs.params(), shape, jnp.float32))
        self.bias = nnx.Param(jnp.zeros(outputs))
        self.dtype = dtype

    def __call__(self, x: jax.Array) -> jax.Array:
        """[N, H, W, outputs] from [N, H, W, inputs]."""
        x, (kernel, bias) = x.astype(self.dtype), self.cast()
        if kernel.shape[0] == 1:
            return x @ kernel[0, 0] + bias
        return conv2d(x, kernel) + bias

    def cast(self) -> tuple[jax.Array, jax.Array]:
        """Kernel [size, size, inputs, outputs] and bias [1, 1, 1, outputs] in dtype."""
        bias = self.bias[...].reshape(1, 1, 1, -1)
        return self.kernel[...].astype(self.dtype), bias.astype(self.dtype)


class DeformConv(nnx.Module):
    """A 3x3 modulated deformable convolution; see ``danet_jax.deform_conv2d``."""

    def __init__(self, width: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        shape = (3, 3, width, width)
        self.kernel = nnx.Param(he_normal()(rngs.params(), shape, jnp.float32))
        self.bias = nnx.Param(jnp.zeros(width))
        self.dtype = dtype

    def __call__(self, x: jax.Array, offsets: jax.Array, mask: jax.Array) -> jax.Array:
        """[N, H, W, width] from the same, offsets [N, H, W, G, 9, 2] and a mask."""
        kernel = self.kernel[...].astype(self.dtype)
        return deform_conv2d(x, offsets, mask, kernel, self.bias[...], padding=1)
