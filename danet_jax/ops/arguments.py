"""What the arguments of a deformable convolution must be, and the sizes they imply."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import jax

from danet_jax.checks import check_floating, check_nhwc, check_shape, message
from danet_jax.ops.sampling import BORDER, Geometry

Pair = tuple[int, int]
WHERE = "deform_conv2d"


def geometry_of(
    x: jax.Array,
    offsets: jax.Array,
    kernel: jax.Array,
    stride: int | Pair,
    padding: int | Pair,
    dilation: int | Pair,
) -> Geometry:
    """The sizes that the arguments imply.

    Raises:
        TypeError: x, offsets or kernel is not floating point.
        ValueError: the shapes and numbers imply none.
    """
    check_nhwc(WHERE, "x", x)
    for name, array in ("offsets", offsets), ("kernel", kernel):
        check_floating(WHERE, name, array)
    n, h, w, c = x.shape
    check_shape(WHERE, "kernel", kernel, ("kh", "kw", c, "O"))
    kh, kw, _, _ = kernel.shape
    stride, dilation = _pair("stride", stride, 1), _pair("dilation", dilation, 1)
    padding = _pair("padding", padding, 0)
    sizes = zip((h, w), (kh, kw), stride, padding, dilation, strict=True)
    out = [(size + 2 * p - d * (k - 1) - 1) // s + 1 for size, k, s, p, d in sizes]
    if min(kh, kw, *out) < 1:
        rule = f"fit into x of {h}x{w} pixels with padding {padding}"
        got = f"{kh}x{kw} taps, dilation {dilation}"
        raise ValueError(message(WHERE, "kernel", rule, got))
    repair = "It follows from x, kernel, stride, padding and dilation."
    check_shape(WHERE, "offsets", offsets, (n, *out, "G", kh * kw, 2), repair)
    return Geometry(
        image=(n, h, w, c),
        output=(out[0], out[1]),
        kernel=(kh, kw),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=offsets.shape[3],
    )


def check_arrays(
    geometry: Geometry,
    x: jax.Array,
    offsets: jax.Array,
    mask: jax.Array | None,
    kernel: jax.Array,
    bias: jax.Array | None,
) -> None:
    """Checks what ``geometry_of`` did not.

    Raises:
        TypeError: mask or bias is not floating point, or kernel has not x's dtype.
        ValueError: groups, mask or bias do not fit the geometry, or x is too large.
    """
    if kernel.dtype != x.dtype:
        rule = f"have the dtype of x, {x.dtype}"
        raise TypeError(message(WHERE, "kernel", rule, kernel.dtype))
    if not geometry.groups or x.shape[3] % geometry.groups:
        rule = f"have a number of groups that divides the {x.shape[3]} channels of x"
        raise ValueError(message(WHERE, "offsets", rule, offsets.shape))
    if mask is not None:
        check_floating(WHERE, "mask", mask)
        check_shape(WHERE, "mask", mask, offsets.shape[:-1])
    if bias is not None:
        check_floating(WHERE, "bias", bias)
        check_shape(WHERE, "bias", bias, kernel.shape[3:])
    n, h, w, _ = geometry.image
    rows = n * (h + 2 * BORDER) * (w + 2 * BORDER) * geometry.groups
    if max(rows, geometry.positions) >= 2**31:
        rule = "have fewer than 2**31 pixels times offset groups, border included"
        repair = "Split the batch, or the image into tiles."
        raise ValueError(message(WHERE, "x", rule, x.shape, repair))


def _pair(name: str, value: Any, least: int) -> Pair:
    """Two Python ints from one number or two, NumPy's included; True is no number."""
    pair = tuple(value) if isinstance(value, Sequence) else (value, value)
    whole = all(isinstance(v, Integral) and not isinstance(v, bool) for v in pair)
    if len(pair) != 2 or not whole or min(pair) < least:
        rule = f"be a whole number of at least {least}, or a pair of them"
        raise ValueError(message(WHERE, name, rule, repr(value)))
    return int(pair[0]), int(pair[1])
