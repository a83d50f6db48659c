"""Modulated deformable convolution (DCNv2) as bilinear gathers and matrix products.

Both directions run over chunks of output positions: for each chunk the sampled columns
[P, J c] are gathered, multiplied by the kernel, and forgotten. The gradient recomputes
them, so that nothing but the inputs is kept between the passes.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from danet_jax.checks import check_floating, check_nhwc, check_shape, message
from danet_jax.ops import chunks
from danet_jax.ops.sampling import Corners, Geometry, corners, image_of, table_of

Pair = tuple[int, int]


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

    y(p) = sum over taps k of kernel_k x(p + p_k + offset_k) mask_k + bias, bilinear, and
    exactly zero outside the image. Equal to ``torchvision.ops.deform_conv2d`` in the
    output and in all gradients; at a whole pixel the gradient is that of the cell
    [floor, floor + 1). Channel c moves with offset group c // (C / G).

    Args:
        x: [N, H, W, C], floating point.
        offsets: [N, Ho, Wo, G, K, 2], (dy, dx) in pixels, K = kh kw taps row by row.
        mask: [N, Ho, Wo, G, K], factors of the taps; None stands for ones.
        kernel: [kh, kw, C, O] in the dtype of x, any odd or even size.
        bias: [O], or None.
        stride: of the output grid, as a number or (vertical, horizontal).
        padding: zeros on both sides, likewise.
        dilation: pixels between taps, likewise.
    Returns:
        [N, Ho, Wo, O] in the dtype of x; coordinates and weights are float32 at least.
    Raises:
        TypeError: an array is not floating point, or x and kernel differ in dtype.
        ValueError: shapes or numbers that do not fit together.
    Source: Dai et al. 2017; Zhu et al. 2019; the paper's Eq. 3.
    """
    geometry = _geometry(x, offsets, kernel, stride, padding, dilation)
    _check_arrays(geometry, x, offsets, mask, kernel, bias)
    precise = jnp.promote_types(jnp.float32, x.dtype)
    if mask is None:
        mask = jnp.ones(offsets.shape[:-1], precise)
    offsets = offsets.astype(precise).reshape(geometry.positions, 2 * geometry.samples)
    mask = mask.astype(precise).reshape(geometry.positions, geometry.samples)
    y = _deform_conv(geometry, x, offsets, mask, kernel)
    y = y.reshape(x.shape[0], *geometry.output, kernel.shape[3])
    return y if bias is None else y + bias.astype(y.dtype)


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
    """y [T, O] from x [N, H, W, C], offsets [T, 2J], mask [T, J], kernel HWIO."""
    table = table_of(x, geometry)
    matrix = _matrix_of(kernel, geometry)
    locate = functools.partial(corners, geometry=geometry)

    def chunk(carry, first, offsets, mask):
        at = backend.fence(first, locate, first, offsets, mask)
        columns = _columns(table, at, geometry).astype(x.dtype)
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
    locate = functools.partial(corners, geometry=geometry)
    inner_products = functools.partial(_inner_products, table, geometry)

    def chunk(carry, first, offsets, mask, g):
        table_grad, matrix_grad = carry
        at = backend.fence(first, locate, first, offsets, mask)
        column_grad = _product(g, matrix.T, mask.dtype)
        products = backend.fence(first, inner_products, at, column_grad)
        columns = _columns(table, at, geometry).astype(x.dtype)
        matrix_grad = matrix_grad + _product(columns.T, g, mask.dtype)
        table_grad = _scatter(table_grad, at, column_grad, geometry)
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
    accumulate = jnp.promote_types(jnp.float32, a.dtype)
    return jnp.matmul(a, b, preferred_element_type=accumulate).astype(dtype)


def _matrix_of(kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """[J c, O] in the order (group, tap, channel) that the columns have by themselves."""
    shape = (geometry.taps, geometry.groups, geometry.width, kernel.shape[3])
    by_group = kernel.reshape(shape).transpose(1, 0, 2, 3)
    return by_group.reshape(geometry.samples * geometry.width, kernel.shape[3])


def _kernel_of(matrix: jax.Array, shape: Any, geometry: Geometry) -> jax.Array:
    """The transpose of ``_matrix_of``."""
    split = (geometry.groups, geometry.taps, geometry.width, shape[3])
    return matrix.reshape(split).transpose(1, 0, 2, 3).reshape(shape)


def _take(table: jax.Array, rows: jax.Array) -> jax.Array:
    return table.at[rows].get(mode="promise_in_bounds")


def _columns(table: jax.Array, at: Corners, geometry: Geometry) -> jax.Array:
    """The sampled values [P, J c]. Shaped (P, G, K, c) while they are computed:

    the CPU's loops over a flat [P J, c] take three times as long.
    """
    split = (-1, geometry.groups, geometry.taps)
    row = at.row.reshape(split)
    weights = at.weights.reshape(*split, 4)
    columns = sum(
        weights[..., q, None] * _take(table, row + step)
        for q, step in enumerate(geometry.corner_steps)
    )
    return columns.reshape(-1, geometry.samples * geometry.width)


def _inner_products(
    table: jax.Array, geometry: Geometry, at: Corners, column_grad: jax.Array
) -> jax.Array:
    """Inner products [P, J, 4] of each corner's row with the columns' cotangent.

    An explicit sum over the few channels: a reduction over a short last axis is four
    times slower on CPUs.
    """
    split = (-1, geometry.groups, geometry.taps)
    steps = jnp.array(geometry.corner_steps, jnp.int32)
    rows = _take(table, at.row.reshape(*split, 1) + steps)  # (P, G, K, 4, c)
    grads = column_grad.reshape(*split, 1, geometry.width)
    products = sum(rows[..., i] * grads[..., i] for i in range(geometry.width))
    return products.reshape(-1, geometry.samples, 4)


def _scatter(
    table_grad: jax.Array, at: Corners, column_grad: jax.Array, geometry: Geometry
) -> jax.Array:
    """Adds each column's cotangent, weighted, to the rows of its four corners."""
    split = (-1, geometry.groups, geometry.taps)
    steps = jnp.array(geometry.corner_steps, jnp.int32)
    rows = at.row.reshape(*split, 1) + steps
    weights = at.weights.reshape(*split, 4, 1)
    updates = weights * column_grad.reshape(*split, 1, geometry.width)
    return table_grad.at[rows].add(updates, mode="promise_in_bounds")


def _sample_grads(
    products: jax.Array, mask: jax.Array, at: Corners
) -> tuple[jax.Array, jax.Array]:
    """Cotangents of offsets [P, 2J] and mask [P, J]: a bilinear form's derivatives."""
    upper_left, upper_right, lower_left, lower_right = jnp.moveaxis(products, -1, 0)
    along_upper, along_lower = upper_right - upper_left, lower_right - lower_left
    upper = upper_left + at.lx * along_upper
    lower = lower_left + at.lx * along_lower
    dy = mask * (lower - upper)
    dx = mask * (along_upper + at.ly * (along_lower - along_upper))
    offset_grad = jnp.stack([dy, dx], axis=-1).reshape(mask.shape[0], -1)
    return offset_grad, upper + at.ly * (lower - upper)


def _pair(name: str, value: int | Pair, least: int) -> Pair:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or not all(isinstance(v, int) and v >= least for v in pair):
        rule = f"be a whole number of at least {least}, or a pair of them"
        raise ValueError(message("deform_conv2d", name, rule, value))
    return pair


def _geometry(x, offsets, kernel, stride, padding, dilation) -> Geometry:
    """The sizes that the arrays imply; raises ValueError where they imply none."""
    where = "deform_conv2d"
    check_nhwc(where, "x", x)
    for name, array in ("offsets", offsets), ("kernel", kernel):
        check_floating(where, name, array)
    check_shape(where, "kernel", kernel, ("kh", "kw", x.shape[3], "O"))
    taps = kernel.shape[0] * kernel.shape[1]
    stride, dilation = _pair("stride", stride, 1), _pair("dilation", dilation, 1)
    padding = _pair("padding", padding, 0)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel.shape[:2], strict=True)]
    sizes = zip(x.shape[1:3], reach, stride, padding, strict=True)
    out_h, out_w = ((size + 2 * p - r) // s + 1 for size, r, s, p in sizes)
    if out_h < 1 or out_w < 1 or not taps:
        rule = f"fit into x of {x.shape[1]}x{x.shape[2]} pixels with padding {padding}"
        got = f"{kernel.shape[0]}x{kernel.shape[1]} taps, dilation {dilation}"
        raise ValueError(message(where, "kernel", rule, got))
    check_shape(where, "offsets", offsets, (x.shape[0], out_h, out_w, "G", taps, 2))
    return Geometry(
        image=x.shape,
        output=(out_h, out_w),
        kernel=kernel.shape[:2],
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=offsets.shape[3],
    )


def _check_arrays(geometry, x, offsets, mask, kernel, bias) -> None:
    where = "deform_conv2d"
    if kernel.dtype != x.dtype:
        rule = f"have the dtype of x, {x.dtype}"
        raise TypeError(message(where, "kernel", rule, kernel.dtype))
    if not geometry.groups or x.shape[3] % geometry.groups:
        rule = f"have a number of groups that divides the {x.shape[3]} channels of x"
        raise ValueError(message(where, "offsets", rule, offsets.shape))
    if mask is not None:
        check_floating(where, "mask", mask)
        check_shape(where, "mask", mask, offsets.shape[:-1])
    if bias is not None:
        check_floating(where, "bias", bias)
        check_shape(where, "bias", bias, kernel.shape[3:])
    rows = geometry.image[0] * (geometry.image[1] + 4) * (geometry.image[2] + 4)
    if rows * geometry.groups >= 2**31:
        rule = "have fewer than 2**31 pixels times offset groups, border included"
        repair = "Split the batch, or the image into tiles."
        raise ValueError(message(where, "x", rule, x.shape, repair))
