"""deform_conv2d: hand numbers, and what must hold for all inputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from danet_jax import deform_conv2d
from tests.ops.deform_cases import CASES, QUICK, call, gradients
from tests.tolerances import OUTPUT, assert_near

ONE = jnp.ones((1, 1, 1, 1))
IMAGE = jnp.array([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]]).reshape(1, 2, 3, 1)


def displaced(dy: object, dx: object) -> jax.Array:
    """Offsets of a single tap on IMAGE."""
    pair = [jnp.broadcast_to(jnp.asarray(d, jnp.float32), (2, 3)) for d in (dy, dx)]
    return jnp.stack(pair, -1).reshape(1, 2, 3, 1, 1, 2)


def plane(y: jax.Array) -> list[list[float]]:
    return y[0, :, :, 0].tolist()


def test_displacements_by_hand() -> None:
    read = jax.jit(lambda offsets: deform_conv2d(IMAGE, offsets, None, ONE))
    assert plane(read(displaced(0, 1))) == [[2, 4, 0], [16, 32, 0]]
    assert plane(read(displaced(1, 0))) == [[8, 16, 32], [0, 0, 0]]
    assert plane(read(displaced(-1, -2))) == [[0, 0, 0], [0, 0, 1]]
    assert plane(read(displaced(0, 0.5))) == [[1.5, 3, 2], [12, 24, 16]]
    assert plane(read(displaced(0.25, 0))) == [[2.75, 5.5, 11], [6, 12, 24]]
    # Between four pixels: (1 + 2 + 8 + 16) / 4, ..., and beyond the corner 32 / 4.
    assert plane(read(displaced(0.5, 0.5))) == [[6.75, 13.5, 9], [6, 12, 8]]
    # Half a pixel outside, half of the edge; a whole pixel outside, nothing.
    assert plane(read(displaced(-0.5, 0))) == [[0.5, 1, 2], [4.5, 9, 18]]
    one = displaced([[0, 0, 0], [0, 0, -0.5]], [[-1, 0, 0], [0, 0, 0.25]])
    assert plane(read(one)) == [[0, 2, 4], [8, 16, 0.75 * 18]]


def test_tap_order_groups_mask_and_bias_by_hand() -> None:
    """One position, two taps (upper, lower), two groups of one channel each."""
    x = jnp.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]).reshape(1, 3, 1, 2)
    kernel = jnp.array([[1.0, 3.0], [5.0, 7.0]]).reshape(2, 1, 2, 1)
    # Group 0 moves its lower tap to row 2; group 1 its upper to row 1.
    dy = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    offsets = jnp.stack([dy, jnp.zeros((2, 2))], -1).reshape(1, 1, 1, 2, 2, 2)
    offsets = jnp.concatenate([offsets, jnp.zeros(offsets.shape)], axis=1)
    mask = jnp.array([[0.5, 2.0], [1.0, -1.0]]).reshape(1, 1, 1, 2, 2)
    mask = jnp.concatenate([mask, jnp.ones(mask.shape)], axis=1)
    y = deform_conv2d(x, offsets, mask, kernel, jnp.array([100.0]))
    first = 0.5 * 1 * 1 + 2 * 4 * 5 + 1 * 20 * 3 - 1 * 20 * 7
    second = 2 * 1 + 4 * 5 + 20 * 3 + 40 * 7
    assert y.ravel().tolist() == [100 + first, 100 + second]


def test_offset_gradients_at_zero_are_those_of_the_next_cell() -> None:
    def total(offsets: jax.Array) -> jax.Array:
        return deform_conv2d(IMAGE, offsets, None, ONE).sum()

    grad = jax.grad(total)(displaced(0, 0))[0, :, :, 0, 0]
    assert grad[..., 0].tolist() == [[7, 14, 28], [-8, -16, -32]]
    assert grad[..., 1].tolist() == [[1, 2, -4], [8, 16, -32]]


@pytest.mark.parametrize("name", ["plain", "stride_2", "uneven", "2x2"])
def test_zero_offsets_are_a_plain_convolution(name: str) -> None:
    case = CASES[name]
    arrays = case.arrays(0, "zero", np.float32)
    del arrays["mask"]
    expected = lax.conv_general_dilated(
        arrays["x"],
        arrays["kernel"],
        case.stride,
        [(p, p) for p in case.padding],
        rhs_dilation=case.dilation,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    expected = np.asarray(expected) + arrays["bias"]
    run = jax.jit(lambda a: call(a, **case.options), compiler_options=QUICK)
    assert_near(run(arrays), expected, OUTPUT)


RANDOM = np.random.RandomState(0)
X, KERNEL = RANDOM.standard_normal((2, 5, 4, 3)), RANDOM.standard_normal((3, 3, 3, 2))
X, KERNEL = X.astype(np.float32), KERNEL.astype(np.float32)


@jax.jit
def moved(shift: jax.Array) -> jax.Array:
    offsets = jnp.broadcast_to(shift, (2, 5, 4, 3, 9, 2))
    return deform_conv2d(X, offsets, None, KERNEL, padding=1)


@settings(max_examples=40)
@given(st.integers(-8, 8), st.integers(-8, 8))
def test_whole_pixel_offsets_shift_the_image(dy: int, dx: int) -> None:
    """A convolution of the image amid zeros, read elsewhere."""
    amid = np.pad(X, ((0, 0), (8, 8), (8, 8), (0, 0)))
    numbers = ("NHWC", "HWIO", "NHWC")
    wide = lax.conv_general_dilated(
        amid, KERNEL, (1, 1), "SAME", dimension_numbers=numbers
    )
    expected = np.zeros((2, 37, 36, 2), np.float32)
    expected[:, 8:29, 8:28] = wide
    top, left = 16 + dy, 16 + dx
    shift = jnp.array([dy, dx], jnp.float32).reshape(1, 1, 1, 1, 1, 2)
    window = expected[:, top : top + 5, left : left + 4]
    np.testing.assert_allclose(moved(shift), window, rtol=1e-5, atol=1e-5)


def test_no_mask_stands_for_ones() -> None:
    case = CASES["stride_2"]
    arrays = case.arrays(0, dtype=np.float32)
    arrays["mask"] = np.ones_like(arrays["mask"])
    ones = call(arrays, **case.options)
    del arrays["mask"]
    np.testing.assert_array_equal(call(arrays, **case.options), ones)


def test_linear() -> None:
    case = CASES["plain"]
    arrays, others = (case.arrays(seed, dtype=np.float32) for seed in (0, 1))
    arrays["bias"] = np.zeros_like(arrays["bias"])
    run = jax.jit(lambda a: call(a, **case.options), compiler_options=QUICK)
    for name in "x", "mask", "kernel":
        first, second = arrays[name], others[name]
        whole = run({**arrays, name: 2 * first - 3 * second})
        second_part = 3 * np.asarray(run({**arrays, name: second}))
        assert_near(whole, 2 * np.asarray(run(arrays)) - second_part, OUTPUT)


def test_nothing_far_outside_is_read() -> None:
    """Infinite offsets too: no value, and a finite gradient of zero."""
    for far in (1e12, -1e12, np.inf, -np.inf, 3.0, -4.0):
        for offsets in displaced(far, 0), displaced(0, far):
            y, pull = jax.vjp(lambda o: deform_conv2d(IMAGE, o, None, ONE), offsets)
            assert not y.any()
            assert not pull(jnp.ones(y.shape))[0].any()


def test_nan_offsets_reach_the_output_and_nothing_else() -> None:
    case = CASES["plain"]
    arrays, cotangent = case.arrays(0, dtype=np.float32), case.cotangent(0, np.float32)
    run = jax.jit(gradients(**case.options), compiler_options=QUICK)
    sound, offsets = run(arrays, cotangent)[0], arrays["offsets"]
    sample = (1, 2, 3, 0, 4)
    for axis in range(2):
        arrays["offsets"] = offsets.copy()
        arrays["offsets"][(*sample, axis)] = np.nan
        output, grads = run(arrays, cotangent)
        affected = np.isnan(output)
        assert affected[sample[:3]].all()
        assert affected.sum() == case.outputs
        np.testing.assert_array_equal(np.where(affected, sound, output), sound)
        assert np.isnan(grads["kernel"]).any()
        assert np.isfinite(grads["x"]).all()
        assert np.argwhere(np.isnan(grads["offsets"]))[:, :5].tolist() == [[*sample]]


@pytest.mark.parametrize("name", ["x", "offsets", "kernel"])
def test_vmap_over_one_argument(name: str) -> None:
    case = CASES["2x2"]
    arrays = case.arrays(0, dtype=np.float32)
    both = np.stack([arrays[name], case.arrays(1, dtype=np.float32)[name]])

    def run(array: jax.Array) -> jax.Array:
        return call({**arrays, name: array}, **case.options)

    def twice(both: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.vmap(run)(both), jnp.stack([run(both[0]), run(both[1])])

    mapped, expected = jax.jit(twice, compiler_options=QUICK)(both)
    assert_near(mapped, np.asarray(expected), OUTPUT)


def test_numbers_may_be_numpys_and_arrays_too() -> None:
    case = CASES["stride_2"]
    arrays = case.arrays(0)  # float64, narrowed like any array that enters JAX
    expected = call(case.arrays(0, dtype=np.float32), **case.options)
    numbers = {"stride": np.int64(2), "padding": [np.int32(1), 1], "dilation": 1}
    y = call(arrays, **numbers)
    assert y.dtype == jnp.float32
    assert_near(y, np.asarray(expected), OUTPUT)


def test_a_kernel_without_outputs() -> None:
    case = CASES["plain"]
    arrays = case.arrays(0, dtype=np.float32)
    arrays["kernel"], arrays["bias"] = arrays["kernel"][..., :0], arrays["bias"][:0]
    run = jax.jit(gradients(**case.options), compiler_options=QUICK)
    y, grads = run(arrays, np.zeros((2, 5, 7, 0), np.float32))
    assert y.shape == (2, 5, 7, 0)
    assert not grads["x"].any()
