"""conv2d: the library's convolution, whatever form computes it and its gradients."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import export, lax

from danet_jax.ops import conv2d
from danet_jax.ops.conv import _by_convolution, _by_one_product, _by_strips

# Which form each shape takes on CPUs, of the kernel's gradient or of the whole.
SHAPES = {
    "one product": (1, 12, 10, 9, 50, 3),
    "strips": (3, 40, 36, 9, 50, 3),
    "strips of one line": (1, 67, 72, 120, 8, 3),
    "convolution over the batch": (8, 9, 7, 8, 5, 3),
    "convolution of few inputs": (1, 12, 10, 1, 64, 3),
    "banded": (2, 9, 40, 2, 1, 7),
    "banded, one block": (1, 5, 6, 2, 1, 5),
    "one pixel": (1, 1, 1, 3, 60, 3),
}


def arrays(shape: Any, dtype: Any = np.float32) -> list[jax.Array]:
    """x, kernel and cotangent."""
    n, height, width, inputs, outputs, size = shape
    random = np.random.default_rng(0)
    shapes = [
        (n, height, width, inputs),
        (size, size, inputs, outputs),
        (n, height, width, outputs),
    ]
    return [jnp.asarray(random.standard_normal(s), dtype) for s in shapes]


def library(x: jax.Array, kernel: jax.Array) -> jax.Array:
    axes = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=axes)


def results(function: Any, x: Any, kernel: Any, g: Any) -> list[np.ndarray]:
    """The value and both gradients."""

    def all_of(x: Any, kernel: Any, g: Any) -> Any:
        y, pull = jax.vjp(function, x, kernel)
        return y, *pull(g)

    return [np.asarray(array) for array in jax.jit(all_of)(x, kernel, g)]


def assert_close(actual: Any, expected: Any, tolerance: float) -> None:
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.abs(b).max())


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_value_and_gradients(shape: Any) -> None:
    inputs = arrays(shape)
    with jax.enable_x64(True):
        wide = [jnp.asarray(np.asarray(a), jnp.float64) for a in inputs]
        expected = results(library, *wide)
    assert_close(results(conv2d, *inputs), expected, 5e-6)


@settings(max_examples=8)  # each shape compiles anew
@given(
    st.tuples(
        st.integers(1, 9),
        st.integers(1, 9),
        st.integers(1, 9),
        st.integers(1, 9),
        st.integers(1, 60),
        st.sampled_from([1, 3, 5]),
    )
)
def test_the_forms_of_the_kernel_gradient_are_equal(shape: Any) -> None:
    x, kernel, g = arrays(shape)
    forms = _by_convolution, _by_one_product, _by_strips
    [expected, *others] = (np.asarray(form(x, kernel.shape, g)) for form in forms)
    assert_close(others, [expected, expected], 5e-6)


@pytest.mark.parametrize("name", ["strips", "banded"])
def test_in_a_loop_and_mapped(name: str) -> None:
    """The gradients stay right inside scan and under vmap."""
    x, kernel, g = arrays(SHAPES[name])

    def looped(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return lax.scan(lambda c, image: (c, conv2d(image[None], kernel)[0]), 0, x)[1]

    def mapped(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jax.vmap(lambda image: conv2d(image[None], kernel)[0])(x)

    expected = results(library, x, kernel, g)
    assert_close(results(looped, x, kernel, g), expected, 1e-5)
    assert_close(results(mapped, x, kernel, g), expected, 1e-5)


def test_bfloat16_sums_in_float32() -> None:
    shape = SHAPES["strips"]
    narrow = results(conv2d, *arrays(shape, jnp.bfloat16))
    assert {array.dtype for array in narrow} == {jnp.dtype(jnp.bfloat16)}
    exact = [jnp.asarray(array, jnp.float32) for array in arrays(shape, jnp.bfloat16)]
    expected = results(library, *exact)
    assert_close([np.float32(array) for array in narrow], expected, 1e-2)


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_accelerators_get_convolutions_alone(platform: str) -> None:
    inputs = arrays(SHAPES["strips"])
    program = jax.jit(lambda *a: jax.vjp(conv2d, *a[:2])[1](a[2]))
    text = export.export(program, platforms=[platform])(*inputs).mlir_module()
    assert text.count("stablehlo.convolution") == 2
    assert "stablehlo.while" not in text and "stablehlo.dot_general" not in text


@pytest.mark.parametrize(
    "x, kernel, error, match",
    [
        ((1, 4, 4, 2), (3, 3, 3, 1), ValueError, r'"kernel" must be \[kh, kw, 2, O\]'),
        ((1, 4, 4, 2), (2, 3, 2, 1), ValueError, r"be odd; got \(2, 3, 2, 1\)"),
        ((4, 4, 2), (3, 3, 2, 1), ValueError, r'"x" must be \[N, H, W, C\]'),
        ((0, 4, 4, 2), (3, 3, 2, 1), ValueError, "empty"),
    ],
)
def test_shapes_that_do_not_fit(x: Any, kernel: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        conv2d(jnp.zeros(x), jnp.zeros(kernel))


def test_dtypes_that_do_not_fit() -> None:
    x, kernel = jnp.zeros((1, 4, 4, 2)), jnp.zeros((3, 3, 2, 1), jnp.bfloat16)
    with pytest.raises(TypeError, match="have the dtype of x, float32; got bfloat16"):
        conv2d(x, kernel)
    with pytest.raises(TypeError, match="floating point array; got int32"):
        conv2d(x.astype(jnp.int32), kernel)
