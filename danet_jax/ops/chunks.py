"""Long loops in pieces that fit the caches, and what each kind of processor prefers."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

Body = Callable[..., tuple[Any, Any]]


class Backend(NamedTuple):
    """How a kind of processor likes its loops (hashable, so static under jit)."""

    forward_floats: int  # columns of one chunk, forward
    backward_floats: int  # the same in the gradient, whose temporaries are larger
    positions: int  # most positions of a chunk
    loops: bool  # always at least two chunks, so that the loop stays a loop
    fence: Callable[..., Any]  # keeps a computation apart from the loops that use it


def _cpu_fence(first: jax.Array, function: Callable[..., Any], *arrays: Any) -> Any:
    """Runs a function inside a conditional that is always taken.

    XLA's CPU compiler drops optimisation barriers, and then copies the arithmetic of
    indices and weights into every loop that reads them, once for each channel: four
    times the run time. It cannot see through a condition on ``first``, a run-time value
    that is never negative.
    """
    shapes = jax.eval_shape(function, *arrays)

    def never(*_: Any) -> Any:
        return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

    return lax.cond(first >= 0, function, never, *arrays)


def _barrier(_: jax.Array, function: Callable[..., Any], *arrays: Any) -> Any:
    return lax.optimization_barrier(function(*arrays))


CPU = Backend(1_200_000, 600_000, 4096, True, _cpu_fence)
# Columns of 256 MB forward; the gradient's updates are four times its columns.
ACCELERATOR = Backend(1 << 26, 1 << 24, 1 << 30, False, _barrier)


def chunk_length(total: int, floats: int, budget: int, backend: Backend) -> int:
    """Positions of one chunk: within the budget, and without a tail where possible."""
    most = min(backend.positions, max(budget // floats, 1))
    if total <= most and not backend.loops:
        return total
    most = min(most, max(total // 2, 1))
    divisors = (p for p in range(most, most // 2, -1) if total % p == 0)
    return next(divisors, most)


def over_chunks(
    body: Body, carry: Any, arrays: tuple[jax.Array, ...], length: int
) -> tuple[Any, Any]:
    """Applies a body to consecutive slices of arrays, and joins what it returns.

    Args:
        body: (carry, first, *slices) -> (carry, outputs); ``first`` is the position of
            the slice, and all outputs have the length of the slices.
        carry: handed from each call to the next.
        arrays: all of one length T.
        length: of a slice; a shorter one takes what is left at the end.
    Returns:
        The last carry, and the outputs at their length T.
    """
    total = arrays[0].shape[0]
    first = jnp.zeros((), jnp.int32)
    if length == total:
        return body(carry, first, *arrays)

    def step(state: Any, _: None) -> Any:
        first, carry = state
        slices = [lax.dynamic_slice_in_dim(a, first, length) for a in arrays]
        carry, outputs = body(carry, first, *slices)
        return (first + length, carry), outputs

    count = total // length
    (first, carry), outputs = lax.scan(step, (first, carry), length=count)
    outputs = jax.tree.map(lambda o: o.reshape(count * length, *o.shape[2:]), outputs)
    if count * length < total:
        rest = [a[count * length :] for a in arrays]
        carry, tail = body(carry, first, *rest)
        outputs = jax.tree.map(lambda o, t: jnp.concatenate([o, t]), outputs, tail)
    return carry, outputs
