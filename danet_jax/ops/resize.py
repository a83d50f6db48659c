"""Exact halving and doubling of feature maps, and padding to a multiple."""

import functools

import jax
import jax.numpy as jnp


def halve(x: jax.Array) -> jax.Array:
    """2x2 average pooling of [N, H, W, C], H and W even."""
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))


def double(x: jax.Array) -> jax.Array:
    """Bilinear enlargement of [N, H, W, C] to [N, 2H, 2W, C].

    Half-pixel centres and clamped edges: torch's ``align_corners=False``.
    """
    return _double_axis(_double_axis(x, 1), 2)


def _double_axis(x: jax.Array, axis: int) -> jax.Array:
    size = x.shape[axis]
    cut = functools.partial(jax.lax.slice_in_dim, x, axis=axis)
    before = jnp.concatenate([cut(0, 1), cut(0, size - 1)], axis)
    after = jnp.concatenate([cut(1, size), cut(size - 1, size)], axis)
    halves = jnp.stack([0.25 * before + 0.75 * x, 0.75 * x + 0.25 * after], axis + 1)
    return halves.reshape(*x.shape[:axis], 2 * size, *x.shape[axis + 1 :])


def pad_to_multiple(x: jax.Array, multiple: int) -> jax.Array:
    """Reflects [N, H, W, C] at the bottom and the right, edge pixels not repeated.

    H and W must be at least ``multiple``.
    """
    bottom, right = (-size % multiple for size in x.shape[1:3])
    return jnp.pad(x, ((0, 0), (0, bottom), (0, right), (0, 0)), mode="reflect")
