"""Halving, doubling and padding: by hand, and against other ways to compute them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danet_jax.ops.resize import double, halve, pad_to_multiple

# N, h, w, C: few, for each is compiled.
SHAPES = st.sampled_from([(1, 1, 1, 1), (2, 1, 3, 2), (1, 4, 2, 3)])


def random(seed: int, *shape: int) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal(shape)


def test_halve_by_hand() -> None:
    x = jnp.array([[1.0, 3, 0, 0], [5, 7, 0, 1]])
    both = jnp.stack([x, 10 * x], -1).reshape(1, 2, 4, 2)
    assert halve(both).tolist() == [[[[4, 40], [0.25, 2.5]]]]


def test_double_by_hand() -> None:
    """Quarters between pixel centres, edges repeated."""
    twice = jax.jit(double)
    row = jnp.array([0.0, 4.0, 8.0])
    doubled = np.asarray(twice(row.reshape(1, 1, 3, 1)))
    assert doubled.shape == (1, 2, 6, 1)
    assert doubled[0, 1].ravel().tolist() == [0, 1, 3, 5, 7, 8]
    doubled = np.asarray(twice(row.reshape(1, 3, 1, 1)))
    assert doubled.shape == (1, 6, 2, 1)
    assert doubled[0, :, 1].ravel().tolist() == [0, 1, 3, 5, 7, 8]
    square = twice(jnp.array([[0.0, 4.0], [8.0, 12.0]]).reshape(1, 2, 2, 1))
    assert square[0, :, :, 0].tolist() == [
        [0, 1, 3, 4],
        [2, 3, 5, 6],
        [6, 7, 9, 10],
        [8, 9, 11, 12],
    ]
    pixel = twice(jnp.array([3.0, 5.0]).reshape(1, 1, 1, 2))
    assert pixel.tolist() == [[[[3, 5]] * 2] * 2]


def test_pad_to_multiple_by_hand() -> None:
    x = jnp.arange(20.0).reshape(1, 4, 5, 1)
    padded = pad_to_multiple(x, 4)
    assert padded.shape == (1, 4, 8, 1)
    assert padded[0, 1, :, 0].tolist() == [5, 6, 7, 8, 9, 8, 7, 6]
    padded = pad_to_multiple(x, 3)
    assert padded[0, :, 0, 0].tolist() == [0, 5, 10, 15, 10, 5]
    assert padded[0, 4, :, 0].tolist() == [10, 11, 12, 13, 14, 13]
    np.testing.assert_array_equal(pad_to_multiple(x, 1), x)


@settings(max_examples=30)
@given(SHAPES, st.integers(0, 999))
def test_halve_averages(shape: tuple[int, ...], seed: int) -> None:
    n, h, w, c = shape
    x = random(seed, n, 2 * h, 2 * w, c)
    with jax.enable_x64(True):
        halved = np.asarray(jax.jit(halve)(x))
    expected = sum(x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)) / 4
    np.testing.assert_allclose(halved, expected, atol=1e-12)


@jax.jit
def both_ways(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    n, h, w, c = x.shape
    return double(x), jax.image.resize(x, (n, 2 * h, 2 * w, c), "bilinear")


@settings(max_examples=30)
@given(SHAPES, st.integers(0, 999))
def test_double_is_bilinear_with_half_pixel_centres(
    shape: tuple[int, ...], seed: int
) -> None:
    x = random(seed, *shape)
    with jax.enable_x64(True):
        doubled, expected = map(np.asarray, both_ways(x))
    np.testing.assert_allclose(doubled, expected, atol=1e-12)
    np.testing.assert_allclose(doubled.mean((1, 2)), x.mean((1, 2)), atol=1e-12)


@settings(max_examples=10)
@given(st.integers(1, 9), st.integers(0, 9), st.integers(0, 9))
def test_pad_to_multiple_is_least(multiple: int, more_h: int, more_w: int) -> None:
    h, w = multiple + more_h, multiple + more_w
    x = random(0, 2, h, w, 1).astype(np.float32)
    padded = np.asarray(pad_to_multiple(x, multiple))
    assert padded.shape[1] % multiple == padded.shape[2] % multiple == 0
    bottom, right = padded.shape[1] - h, padded.shape[2] - w
    assert max(bottom, right) < multiple
    rows = [*range(h), *range(h - 2, h - 2 - bottom, -1)]
    columns = [*range(w), *range(w - 2, w - 2 - right, -1)]
    np.testing.assert_array_equal(padded, x[:, rows][:, :, columns])


@pytest.mark.parametrize("function", [halve, double, lambda x: pad_to_multiple(x, 4)])
def test_gradients_are_transposes(function: Callable[[Any], Any]) -> None:
    """<f x, y> = <x, f' y> for these linear functions, also under jit."""
    x = random(0, 2, 6, 10, 3)
    with jax.enable_x64(True):
        fx, pull = jax.vjp(jax.jit(function), x)
        y = random(1, *fx.shape)
        (back,) = pull(y)
    fx, back = np.asarray(fx), np.asarray(back)
    np.testing.assert_allclose((fx * y).sum(), (x * back).sum(), rtol=1e-10)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_dtypes_stay(dtype: type) -> None:
    x = jnp.ones((1, 4, 6, 2), dtype)
    for y in jax.jit(lambda x: (halve(x), double(x), pad_to_multiple(x, 4)))(x):
        assert y.dtype == dtype
        assert (y == 1).all()


def test_bad_input() -> None:
    for shape in (1, 3, 4, 1), (1, 4, 3, 1):
        with pytest.raises(ValueError, match=r'halve: "x" must have height.*by 2; got'):
            halve(jnp.zeros(shape))
    with pytest.raises(
        ValueError, match=r'double: "x" must be \[N, H, W, C\]; got \(2, 2\)'
    ):
        double(jnp.zeros((2, 2)))
    for function in halve, double:
        with pytest.raises(TypeError, match=r'"x" must be a floating.*got int32'):
            function(jnp.zeros((1, 4, 4, 1), jnp.int32))
        with pytest.raises(ValueError, match='"x" must not be empty'):
            function(jnp.zeros((1, 0, 4, 1)))
    match = r'pad_to_multiple: "x" must be at least 8 pixels high and wide; got \(1, '
    for shape in (1, 8, 7, 1), (1, 7, 8, 1):
        with pytest.raises(ValueError, match=match):
            pad_to_multiple(jnp.zeros(shape), 8)
    with pytest.raises(ValueError, match='"multiple" must be at least 1; got 0'):
        pad_to_multiple(jnp.zeros((1, 4, 4, 1)), 0)
    with pytest.raises(TypeError, match=r"floating.*uint8\. Convert 8-bit"):
        pad_to_multiple(np.zeros((1, 4, 4, 1), np.uint8), 2)
