"""Loops in pieces: how long the pieces are, and that nothing is lost between them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danet_jax.ops import chunks
from danet_jax.ops.chunks import ACCELERATOR, CPU, Backend, chunk_length, over_chunks
from tests.ops.deform_cases import QUICK, Case, gradients, pairs
from tests.ops.deform_reference import reference
from tests.tolerances import INPUT_GRADIENT, assert_near


def test_lengths_by_hand() -> None:
    # 256x256 pixels, 9 taps of 64 channels: 600 000 // 576 = 1041, then a divisor.
    assert chunk_length(65536, 576, 600_000, CPU) == 1024
    assert chunk_length(65536, 9, 600_000, CPU) == 4096
    assert chunk_length(70, 576, 600_000, CPU) == 35
    assert chunk_length(71, 576, 600_000, CPU) == 35  # two and a tail of 1
    assert chunk_length(1, 576, 600_000, CPU) == 1
    assert chunk_length(3, 576, 600_000, CPU) == 1
    assert chunk_length(70, 576, 600_000, ACCELERATOR) == 70
    assert chunk_length(70, 10**9, 600_000, ACCELERATOR) == 1


@given(
    st.integers(1, 20_000),
    st.integers(1, 5_000),
    st.sampled_from([1, 1_000, 600_000]),
    st.sampled_from([CPU, ACCELERATOR]),
)
def test_lengths(total: int, floats: int, budget: int, backend: Backend) -> None:
    length = chunk_length(total, floats, budget, backend)
    most = min(backend.positions, max(budget // floats, 1))
    assert 1 <= length <= min(most, total)
    if length == total:
        assert total == 1 or not backend.loops
    else:
        # Never a loop of one step, which the compiler would dissolve.
        assert total // length >= 2
        assert total % length == 0 or length == min(most, total // 2)


@pytest.mark.parametrize("length", [1, 3, 5, 7, 10, 11])
def test_pieces_join(length: int) -> None:
    """Running sums over 11 rows, with the number of each row."""
    rows = jnp.arange(22.0).reshape(11, 2)
    flags = jnp.arange(11) % 2 == 0

    def body(
        carry: jax.Array, first: jax.Array, rows: jax.Array, flags: jax.Array
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        sums = carry.reshape(1, 2) + jnp.cumsum(rows, 0)
        numbers = first + jnp.arange(len(rows), dtype=jnp.int32)
        return sums[-1], (sums, jnp.where(flags, numbers, -numbers))

    carry, (sums, numbers) = over_chunks(body, jnp.zeros(2), (rows, flags), length)
    expected = np.cumsum(rows, 0)
    np.testing.assert_array_equal(sums, expected)
    np.testing.assert_array_equal(carry, expected[-1])
    np.testing.assert_array_equal(abs(numbers), np.arange(11))
    np.testing.assert_array_equal(numbers[1::2], -np.arange(1, 11, 2))


CASE = Case((2, 7, 5, 4), 2, 3, padding=(1, 1))
INPUTS = CASE.arrays(0, dtype=np.float32), CASE.cotangent(0, np.float32)


@pytest.mark.parametrize(
    ("backend", "length"),
    [(CPU, 1), (CPU, 5), (CPU, 34), (ACCELERATOR, 34)],
    ids=["cpu-1", "cpu-5", "cpu-34", "accelerator-34"],
)
def test_convolutions_do_not_depend_on_the_pieces(
    backend: Backend, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """70 single positions; 14 times 5; 34, 34 and a tail of 2."""
    pieces = backend._replace(positions=length)
    assert chunk_length(70, 1, 10**9, pieces) == length
    monkeypatch.setattr(chunks, "CPU", pieces)
    run = jax.jit(gradients(**CASE.options), compiler_options=QUICK)
    expected = reference(*INPUTS, **CASE.options)
    for _, actual, wanted in pairs(run(*INPUTS), expected):
        assert_near(actual, wanted, INPUT_GRADIENT)
