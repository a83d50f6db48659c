"""Exact halving and doubling of feature maps, and padding to a multiple."""

import functools

import jax
import jax.numpy as jnp

from danet_jax.checks import check_nhwc, message


def halve(x: jax.Array) -> jax.Array:
    """2x2 average pooling.

    Args:
        x: [N, H, W, C], floating point; H and W even.
    Returns:
        [N, H/2, W/2, C] in the dtype of x.
    Raises:
        TypeError: x is not floating point.
        ValueError: x is empty or not of rank 4, or H or W is odd.
    Example:
        >>> halve(jnp.array([1.0, 2.0, 3.0, 6.0]).reshape(1, 2, 2, 1)).item()
        3.0
    """
    check_nhwc("halve", "x", x, multiple=2)
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))


def double(x: jax.Array) -> jax.Array:
    """Bilinear enlargement to twice the size.

    Convention:
        Half-pixel centres and clamped edges: torch's ``align_corners=False``. Output
        pixels 2i and 2i + 1 lie a quarter of a pixel before and after input pixel i.
    Args:
        x: [N, H, W, C], floating point.
    Returns:
        [N, 2H, 2W, C] in the dtype of x.
    Raises:
        TypeError: x is not floating point.
        ValueError: x is empty or not of rank 4.
    Example:
        >>> double(jnp.array([0.0, 4.0]).reshape(1, 1, 2, 1))[0, 0].ravel().tolist()
        [0.0, 1.0, 3.0, 4.0]
    """
    check_nhwc("double", "x", x)
    return _double_axis(_double_axis(x, 1), 2)


def _double_axis(x: jax.Array, axis: int) -> jax.Array:
    size = x.shape[axis]
    cut = functools.partial(jax.lax.slice_in_dim, x, axis=axis)
    before = jnp.concatenate([cut(0, 1), cut(0, size - 1)], axis)
    after = jnp.concatenate([cut(1, size), cut(size - 1, size)], axis)
    halves = jnp.stack([0.25 * before + 0.75 * x, 0.75 * x + 0.25 * after], axis + 1)
    return halves.reshape(*x.shape[:axis], 2 * size, *x.shape[axis + 1 :])


def pad_to_multiple(x: jax.Array, multiple: int) -> jax.Array:
    """Reflects at the bottom and the right, edge pixels not repeated.

    Args:
        x: [N, H, W, C], floating point; H and W of at least ``multiple``, so that one
            reflection is enough.
        multiple: what is to divide the height and width, at least 1.
    Returns:
        x with up to ``multiple - 1`` more rows and columns.
    Raises:
        TypeError: x is not floating point.
        ValueError: x is empty, not of rank 4 or too small, or multiple is below 1.
    Example:
        >>> pad_to_multiple(jnp.arange(15.0).reshape(1, 3, 5, 1), 3)[0, 0].ravel()
        Array([0., 1., 2., 3., 4., 3.], dtype=float32)
    """
    where = "pad_to_multiple"
    check_nhwc(where, "x", x)
    if multiple < 1:
        raise ValueError(message(where, "multiple", "be at least 1", multiple))
    if min(x.shape[1:3]) < multiple:
        rule = f"be at least {multiple} pixels high and wide"
        raise ValueError(message(where, "x", rule, x.shape))
    bottom, right = (-size % multiple for size in x.shape[1:3])
    return jnp.pad(x, ((0, 0), (0, bottom), (0, right), (0, 0)), mode="reflect")
