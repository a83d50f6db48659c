"""Modulated deformable convolution (DCNv2) as bilinear gathers and matrix products.

Both directions run over chunks of output positions: for each chunk the sampled columns
[P, J c] are gathered, multiplied by the kernel, and forgotten. The gradient recomputes
them, so that nothing but the inputs is kept between the passes.
"""

import functools
import operator
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from danet_jax.ops import chunks
from danet_jax.ops.arguments import Pair, check_arrays, geometry_of
from danet_jax.ops.precision import sum_dtype
from danet_jax.ops.sampling import (
    Corners,
    Geometry,
    corners,
    image_of,
    table_of,
    weights_of,
)


def deform_conv2d(
    x: jax.Array,
    offsets: jax.Array,
    mask: jax.Array | None,
    kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
) -> jax.Array:
    """Convolution that reads each tap at a displaced, fractional position.

    y(p) = sum over taps k of kernel_k x(p + p_k + offset_k) mask_k, plus the bias: read
    bilinearly, and exactly zero outside the image. Equal to
    ``torchvision.ops.deform_conv2d`` in the output and in all gradients; at a whole
    pixel the gradient is that of the cell [floor, floor + 1). Derivatives are for
    reverse mode (``jax.grad``); forward mode is not defined.

    Convention:
        Channel c moves with offset group c // (C / G). Offsets are (dy, dx), downwards
        and to the right. As everywhere in deep learning this is a correlation: the
        kernel is not flipped.
    Args:
        x: [N, H, W, C], floating point.
        offsets: [N, Ho, Wo, G, K, 2] in pixels; K = kh kw taps, row by row.
        mask: [N, Ho, Wo, G, K], factors of the taps; None stands for ones.
        kernel: [kh, kw, C, O] in the dtype of x, any odd or even size.
        bias: [O], or None.
        stride: of the output grid, at least 1, as a number or (vertical, horizontal).
        padding: zeros on both sides, likewise, at least 0.
        dilation: pixels from tap to tap, likewise, at least 1.
    Returns:
        [N, Ho, Wo, O] in the dtype of x, where Ho = (H + 2 padding - dilation (kh - 1)
        - 1) // stride + 1, and Wo likewise. Of a bfloat16 or float16 x, coordinates,
        sampling weights and sums are float32.
    Raises:
        TypeError: an array is not floating point, or x and kernel differ in dtype.
        ValueError: shapes or numbers that do not fit together, or an empty x.
    Source: Dai et al. 2017; Zhu et al. 2019; the paper's Eq. 3.
    Example:
        Half a pixel to the right of 1, 3 and 7; beyond the last there are zeros.

        >>> x = jnp.array([1.0, 3.0, 7.0]).reshape(1, 1, 3, 1)
        >>> offsets = jnp.zeros((1, 1, 3, 1, 1, 2)).at[..., 1].set(0.5)
        >>> deform_conv2d(x, offsets, None, jnp.ones((1, 1, 1, 1))).ravel().tolist()
        [2.0, 5.0, 3.5]
    """
    geometry = geometry_of(x, offsets, kernel, stride, padding, dilation)
    check_arrays(geometry, x, offsets, mask, kernel, bias)
    x, kernel = jnp.asarray(x), jnp.asarray(kernel)
    precise = sum_dtype(x)
    if mask is None:
        mask = jnp.ones(offsets.shape[:-1], precise)
    offsets = offsets.astype(precise).reshape(geometry.positions, 2 * geometry.samples)
    mask = mask.astype(precise).reshape(geometry.positions, geometry.samples)
    y = _deform_conv(geometry, x, offsets, mask, kernel)
    y = y.reshape(x.shape[0], *geometry.output, kernel.shape[3])
    if bias is None:
        return y
    # In float32, so that the sum over all positions in the bias' gradient is too.
    bias = bias.astype(precise).reshape(1, 1, 1, -1)
    return (y.astype(precise) + bias).astype(x.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _deform_conv(geometry: Geometry, *inputs: jax.Array) -> jax.Array:
    return _on_platform(_forward, geometry, *inputs)


def _deform_conv_fwd(geometry: Geometry, *inputs: jax.Array) -> tuple[jax.Array, Any]:
    return _deform_conv(geometry, *inputs), inputs


def _deform_conv_bwd(geometry: Geometry, inputs: Any, cotangent: jax.Array) -> Any:
    return _on_platform(_backward, geometry, *inputs, cotangent)


_deform_conv.defvjp(_deform_conv_fwd, _deform_conv_bwd)


def _on_platform(function: Any, geometry: Geometry, *arrays: jax.Array) -> Any:
    return lax.platform_dependent(
        *arrays,
        cpu=functools.partial(function, geometry, chunks.CPU),
        default=functools.partial(function, geometry, chunks.ACCELERATOR),
    )


@functools.partial(jax.jit, static_argnums=(0, 1))
def _forward(
    geometry: Geometry,
    backend: chunks.Backend,
    x: jax.Array,
    offsets: jax.Array,
    mask: jax.Array,
    kernel: jax.Array,
) -> jax.Array:
    """Output [T, O] from x [N, H, W, C], offsets [T, 2J], mask [T, J], kernel HWIO."""
    table = table_of(x, geometry)
    matrix = _matrix_of(kernel, geometry)
    locate = functools.partial(corners, geometry=geometry)

    # Forward, the weights are cheaper to form where they are used than to store.
    def read(table, at, mask):
        return _columns(geometry, table, at.row, weights_of(at, mask))

    def chunk(carry, first, offsets, mask):
        at = backend.fence(first, locate, first, offsets)
        columns = _flat(backend.fence(first, read, table, at, mask), x.dtype)
        return carry, _product(columns, matrix, x.dtype)

    floats = geometry.samples * geometry.width
    budget = backend.forward_floats
    length = chunks.chunk_length(geometry.positions, floats, budget, backend)
    return chunks.over_chunks(chunk, (), (offsets, mask), length)[1]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _backward(
    geometry: Geometry,
    backend: chunks.Backend,
    x: jax.Array,
    offsets: jax.Array,
    mask: jax.Array,
    kernel: jax.Array,
    cotangent: jax.Array,
) -> tuple[jax.Array, ...]:
    """Cotangents of x, offsets, mask and kernel, from the cotangent [T, O] of y."""
    table = table_of(x, geometry)
    matrix = _matrix_of(kernel, geometry)
    read = functools.partial(_columns, geometry)
    inner_products = functools.partial(_inner_products, geometry)

    def locate(first, offsets, mask):
        at = corners(first, offsets, geometry)
        return at, weights_of(at, mask)

    def chunk(carry, first, offsets, mask, g):
        table_grad, matrix_grad = carry
        at, weights = backend.fence(first, locate, first, offsets, mask)
        column_grad = _product(g, matrix.T, mask.dtype)
        products = backend.fence(first, inner_products, table, at.row, column_grad)
        columns = _flat(backend.fence(first, read, table, at.row, weights), x.dtype)
        matrix_grad = matrix_grad + _product(columns.T, g, mask.dtype)
        updates = _updates(geometry, weights, column_grad)
        rows = _corner_rows(geometry, at.row)
        table_grad = table_grad.at[rows].add(updates, mode="promise_in_bounds")
        return (table_grad, matrix_grad), _sample_grads(products, mask, at)

    zeros = (jnp.zeros(table.shape, mask.dtype), jnp.zeros(matrix.shape, mask.dtype))
    floats = geometry.samples * geometry.width
    budget = backend.backward_floats
    length = chunks.chunk_length(geometry.positions, floats, budget, backend)
    arrays = (offsets, mask, cotangent)
    carry, (offset_grad, mask_grad) = chunks.over_chunks(chunk, zeros, arrays, length)
    x_grad = image_of(carry[0], geometry).astype(x.dtype)
    kernel_grad = _kernel_of(carry[1], kernel.shape, geometry).astype(kernel.dtype)
    return x_grad, offset_grad, mask_grad, kernel_grad


def _product(a: jax.Array, b: jax.Array, dtype: Any) -> jax.Array:
    return jnp.matmul(a, b, preferred_element_type=sum_dtype(a)).astype(dtype)


def _matrix_of(kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """The kernel as [J c, O], in the columns' own order (group, tap, channel)."""
    shape = (geometry.taps, geometry.groups, geometry.width, kernel.shape[3])
    by_group = kernel.reshape(shape).transpose(1, 0, 2, 3)
    return by_group.reshape(geometry.samples * geometry.width, kernel.shape[3])


def _kernel_of(matrix: jax.Array, shape: Any, geometry: Geometry) -> jax.Array:
    """The transpose of ``_matrix_of``."""
    split = (geometry.groups, geometry.taps, geometry.width, shape[3])
    return matrix.reshape(split).transpose(1, 0, 2, 3).reshape(shape)


def _take(table: jax.Array, rows: jax.Array) -> jax.Array:
    return table.at[rows].get(mode="promise_in_bounds")


def _corner_rows(geometry: Geometry, row: jax.Array) -> jax.Array:
    """Table rows of all four corners, (P, G, K, 4)."""
    steps = jnp.array(geometry.corner_steps, jnp.uint32).reshape(1, 1, 1, 4)
    return row.reshape(-1, geometry.groups, geometry.taps, 1) + steps


def _flat(columns: jax.Array, dtype: Any) -> jax.Array:
    """Columns (P, G, K, c) as the left side [P, J c] of a product."""
    return columns.reshape(columns.shape[0], -1).astype(dtype)


def _columns(
    geometry: Geometry,
    table: jax.Array,
    row: jax.Array,
    weights: tuple[jax.Array, ...],
) -> jax.Array:
    """The sampled values (P, G, K, c), in the dtype of the weights.

    To be flattened outside of the fence: XLA's CPU compiler would loop over [P, J c],
    whose index hides from it that the c channels of a row lie side by side, and would
    load them one by one.
    """
    split = (-1, geometry.groups, geometry.taps)
    row = row.reshape(split)
    terms = (
        weight.reshape(*split, 1)
        * _take(table, row + jnp.uint32(step)).astype(weight.dtype)
        for weight, step in zip(weights, geometry.corner_steps, strict=True)
    )
    return functools.reduce(operator.add, terms)


def _inner_products(
    geometry: Geometry, table: jax.Array, row: jax.Array, column_grad: jax.Array
) -> jax.Array:
    """Inner products (P, G, K, 4) of each corner's row with the columns' cotangent.

    An explicit sum over the few channels: a reduction over a short last axis is four
    times slower on CPUs.
    """
    split = (-1, geometry.groups, geometry.taps)
    rows = _take(table, _corner_rows(geometry, row)).astype(column_grad.dtype)
    grads = column_grad.reshape(*split, 1, geometry.width)
    terms = (rows[..., i] * grads[..., i] for i in range(geometry.width))
    return functools.reduce(operator.add, terms)


def _updates(
    geometry: Geometry, weights: tuple[jax.Array, ...], column_grad: jax.Array
) -> jax.Array:
    """What each column's cotangent adds to its four corners' rows, (P, G, K, 4, c)."""
    split = (-1, geometry.groups, geometry.taps)
    stacked = jnp.stack(weights, axis=-1).reshape(*split, 4, 1)
    return stacked * column_grad.reshape(*split, 1, geometry.width)


def _sample_grads(
    products: jax.Array, mask: jax.Array, at: Corners
) -> tuple[jax.Array, jax.Array]:
    """Cotangents of offsets [P, 2J] and mask [P, J]: a bilinear form's derivatives."""
    products = products.reshape(*mask.shape, 4)
    upper_left, upper_right, lower_left, lower_right = jnp.moveaxis(products, -1, 0)
    along_upper, along_lower = upper_right - upper_left, lower_right - lower_left
    upper = upper_left + at.lx * along_upper
    lower = lower_left + at.lx * along_lower
    dy = mask * (lower - upper)
    dx = mask * (along_upper + at.ly * (along_lower - along_upper))
    offset_grad = jnp.stack([dy, dx], axis=-1).reshape(mask.shape[0], -1)
    return offset_grad, upper + at.ly * (lower - upper)
