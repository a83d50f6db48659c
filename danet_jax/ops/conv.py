"""Plain convolutions whose gradients are spelled in the forms that are fast on CPUs.

On accelerators all is left to the library. XLA's CPU compiler is fast for a forward
convolution and for matrix products; what differentiation makes of a convolution takes
up to four times as long. Spelled here, the gradients are such convolutions and products
too, also inside a loop. See docs/speed.md.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from danet_jax.checks import check_floating, check_nhwc, check_shape, message
from danet_jax.ops.precision import sum_dtype

_AXES = ("NHWC", "HWIO", "NHWC")
_BAND = 32  # output columns of one block of the banded product
_FEW = 8  # channels: with fewer on both sides a convolution leaves most lanes empty
_MANY = 48  # output channels from which products beat a convolution over a batch
_SMALL = 4096  # pixels whose shifted copies are made at once
_STRIP = 600_000  # most floats of a strip's columns, which shall stay in the cache


def conv2d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Convolution (correlation) of stride 1 that keeps the image's size.

    Args:
        x: [N, H, W, C], floating point; beyond the image there are zeros.
        kernel: [kh, kw, C, O] in the dtype of x; kh and kw odd.
    Returns:
        [N, H, W, O] in the dtype of x.
    Raises:
        TypeError: x is not floating point, or x and kernel differ in dtype.
        ValueError: shapes that do not fit together, or an even kernel.
    Example:
        >>> x = jnp.arange(1.0, 5.0).reshape(1, 1, 4, 1)
        >>> conv2d(x, jnp.ones((1, 3, 1, 1))).ravel().tolist()
        [3.0, 6.0, 9.0, 7.0]
    """
    check_nhwc("conv2d", "x", x)
    check_floating("conv2d", "kernel", kernel)
    check_shape("conv2d", "kernel", kernel, ("kh", "kw", x.shape[3], "O"))
    if not (kernel.shape[0] % 2 and kernel.shape[1] % 2):
        raise ValueError(message("conv2d", "kernel", "be odd", kernel.shape))
    if kernel.dtype != x.dtype:
        rule = f"have the dtype of x, {x.dtype}"
        raise TypeError(message("conv2d", "kernel", rule, kernel.dtype))
    return _conv(x, kernel)


@jax.custom_vjp
def _conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    if _narrow(kernel):
        return lax.platform_dependent(x, kernel, cpu=_banded, default=_plain)
    return _plain(x, kernel)


def _conv_fwd(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, Any]:
    return _conv(x, kernel), (x, kernel)


def _conv_bwd(inputs: Any, cotangent: jax.Array) -> Any:
    return lax.platform_dependent(
        *inputs, cotangent, cpu=_cpu_gradients, default=_plain_gradients
    )


_conv.defvjp(_conv_fwd, _conv_bwd)


def _narrow(kernel: jax.Array) -> bool:
    """Large and of few channels, as that of spatial attention."""
    return kernel.shape[0] > 3 and max(kernel.shape[2:]) < _FEW


def _plain(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=_AXES)


def _plain_gradients(
    x: jax.Array, kernel: jax.Array, cotangent: jax.Array
) -> tuple[jax.Array, jax.Array]:
    return jax.vjp(_plain, x, kernel)[1](cotangent)


@jax.jit
def _cpu_gradients(
    x: jax.Array, kernel: jax.Array, cotangent: jax.Array
) -> tuple[jax.Array, jax.Array]:
    if _narrow(kernel):
        return jax.vjp(_banded, x, kernel)[1](cotangent)
    x_grad = _plain(cotangent, kernel[::-1, ::-1].transpose(0, 1, 3, 2))
    return x_grad, _kernel_gradient(x, kernel.shape, cotangent).astype(kernel.dtype)


def _kernel_gradient(x: jax.Array, shape: Any, g: jax.Array) -> jax.Array:
    """The gradient [kh, kw, C, O] from x [N, H, W, C] and a cotangent."""
    n, height, width, inputs = x.shape
    if inputs < _FEW or (n >= _FEW and shape[3] < _MANY):
        return _by_convolution(x, shape, g)
    if n * height * width <= _SMALL:
        return _by_one_product(x, shape, g)
    return _by_strips(x, shape, g)


def _by_convolution(x: jax.Array, shape: Any, g: jax.Array) -> jax.Array:
    """As a convolution whose batch are the channels, and whose window is the image."""
    kh, kw = shape[:2]
    grad = lax.conv_general_dilated(
        x.transpose(3, 1, 2, 0),
        g.transpose(1, 2, 0, 3),
        (1, 1),
        ((kh // 2, kh // 2), (kw // 2, kw // 2)),
        dimension_numbers=_AXES,
    )
    return grad.transpose(1, 2, 0, 3)


def _by_one_product(x: jax.Array, shape: Any, g: jax.Array) -> jax.Array:
    """x, shifted along the rows, times g, shifted along the columns."""
    kh, kw, inputs, outputs = shape
    height = x.shape[1]
    shifted = _shifted_along_rows(x, kw)
    padded = jnp.pad(g, ((0, 0), (kh // 2, kh // 2), (0, 0), (0, 0)))
    g = jnp.concatenate([padded[:, kh - 1 - i :][:, :height] for i in range(kh)], -1)
    product = _product(shifted.reshape(kw * inputs, -1), g.reshape(-1, kh * outputs))
    return product.reshape(kw, inputs, kh, outputs).transpose(2, 0, 1, 3)


def _by_strips(x: jax.Array, shape: Any, g: jax.Array) -> jax.Array:
    """Columns times g, a few lines of the image at a time."""
    kh, kw, inputs, outputs = shape
    n, height, width, _ = x.shape
    most = max(_STRIP // (kh * kw * inputs * width), 1)
    rows = next(r for r in range(min(most, height), 0, -1) if height % r == 0)
    strips = height // rows
    border = ((0, 0), (kh // 2, kh // 2), (kw // 2, kw // 2), (0, 0))
    # Channels before pixels: a product whose left side is transposed is slow.
    padded = jnp.pad(x, border).transpose(0, 3, 1, 2)

    def strip(total: jax.Array, number: jax.Array) -> tuple[jax.Array, None]:
        first = (number // strips, number % strips * rows)
        lines = lax.dynamic_slice(
            padded,
            (first[0], 0, first[1], 0),
            (1, inputs, rows + kh - 1, width + kw - 1),
        )[0]
        shifts = [
            lines[:, i : i + rows, j : j + width] for i in range(kh) for j in range(kw)
        ]
        columns = jnp.stack(shifts).reshape(kh * kw * inputs, rows * width)
        here = lax.dynamic_slice(g, (*first, 0, 0), (1, rows, width, outputs))
        return total + _product(columns, here.reshape(rows * width, outputs)), None

    zeros = jnp.zeros((kh * kw * inputs, outputs), sum_dtype(x))
    return lax.scan(strip, zeros, jnp.arange(n * strips))[0].reshape(shape)


def _shifted_along_rows(x: jax.Array, count: int) -> jax.Array:
    """[count, C, N, H, W] from [N, H, W, C], centred, with zeros at the border."""
    border = ((0, 0), (0, 0), (count // 2, count // 2), (0, 0))
    padded = jnp.pad(x, border).transpose(3, 0, 1, 2)
    return jnp.stack([padded[..., j : j + x.shape[2]] for j in range(count)])


def _banded(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """A large kernel of few channels as products with a banded matrix.

    Each line of the image is cut into blocks; all pixels of the lines and columns that
    a block of outputs sees, times the kernel spread over them, give that block.
    """
    kh, kw, inputs, outputs = kernel.shape
    n, height, width, _ = x.shape
    block = min(_BAND, width)
    blocks = -(-width // block)
    seen = block + kw - 1
    right = kw // 2 + blocks * block - width
    border = ((0, 0), (kh // 2, kh // 2), (kw // 2, right), (0, 0))
    lines = jnp.pad(x, border).transpose(0, 1, 3, 2)  # [N, H + kh - 1, C, W + ...]
    cut = [lines[..., b * block : b * block + seen] for b in range(blocks)]
    pieces = jnp.stack(cut, axis=2)  # [N, H + kh - 1, blocks, C, seen]
    windows = jnp.stack([pieces[:, i : i + height] for i in range(kh)], axis=3)
    band = _spread(kernel, block).reshape(kh * inputs * seen, block * outputs)
    y = _product(windows.reshape(-1, kh * inputs * seen), band).astype(x.dtype)
    return y.reshape(n, height, blocks * block, outputs)[:, :, :width]


def _spread(kernel: jax.Array, block: int) -> jax.Array:
    """[kh, C, block + kw - 1, block, O]: each output's taps where it sees them."""
    kw = kernel.shape[1]
    shifts = functools.partial(jnp.eye, block + kw - 1, block, dtype=kernel.dtype)
    diagonals = jnp.stack([shifts(k=-j) for j in range(kw)])
    return jnp.einsum("hjco,jsb->hcsbo", kernel, diagonals)


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, preferred_element_type=sum_dtype(a))
