"""The Haar transform: by hand, against the golden files, and its properties."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danet_jax import dwt2, idwt2
from tests import golden_files
from tests.golden_files import to_nhwc
from tests.tolerances import OUTPUT, assert_near


def test_by_hand() -> None:
    """Two channels, a row of two cells: 1 2 / 3 4 and 5 5 / 5 9, and minus these."""
    cells = jnp.array([[1.0, 2, 5, 5], [3, 4, 5, 9]])
    x = jnp.stack([cells, -cells], -1).reshape(1, 2, 4, 2)
    bands = dwt2(x)
    # (LL, LL, HL, HL, LH, LH, HH, HH); HL is right minus left, LH lower minus upper.
    assert bands[0, 0, 0].tolist() == [5, -5, 1, -1, 2, -2, 0, 0]
    assert bands[0, 0, 1].tolist() == [12, -12, 2, -2, 2, -2, 2, -2]
    np.testing.assert_array_equal(idwt2(bands), x)


def test_single_bands_by_hand() -> None:
    """What each band adds to the pixels of its cell."""
    patterns = [[[1, 1], [1, 1]], [[-1, 1], [-1, 1]], [[-1, -1], [1, 1]]]
    patterns.append([[1, -1], [-1, 1]])
    for band, pattern in enumerate(patterns):
        unit = 2 * jax.nn.one_hot(band, 4).reshape(1, 1, 1, 4)
        assert idwt2(unit)[0, :, :, 0].tolist() == pattern


@pytest.mark.parametrize("name", golden_files.of_kind("haar"))
@pytest.mark.parametrize("wrap", [jax.jit, lambda f: f])
def test_golden_forward(name: str, wrap: Callable[[Any], Any]) -> None:
    arrays = golden_files.load(name).arrays
    x, bands = to_nhwc(arrays["x"]), to_nhwc(arrays["dwt2"])
    assert_near(wrap(dwt2)(x), bands, OUTPUT)
    assert_near(wrap(idwt2)(bands), x, OUTPUT)


@pytest.mark.parametrize("name", golden_files.of_kind("haar_inverse"))
def test_golden_inverse(name: str) -> None:
    arrays = golden_files.load(name).arrays
    bands, x = to_nhwc(arrays["x"]), to_nhwc(arrays["idwt2"])
    assert_near(idwt2(bands), x, OUTPUT)
    assert_near(dwt2(x), bands, OUTPUT)


# N, h, w, C of the bands' grid: few, for each is compiled.
SHAPES = st.sampled_from([(1, 1, 1, 1), (2, 1, 3, 2), (1, 4, 2, 3)])


def random(seed: int, *shape: int) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal(shape)


@jax.jit
def all_ways(x: jax.Array, y: jax.Array) -> list[jax.Array]:
    return [dwt2(x), idwt2(y), idwt2(dwt2(x)), dwt2(idwt2(y))]


@given(SHAPES, st.integers(0, 999))
def test_orthonormal(shape: tuple[int, ...], seed: int) -> None:
    """Inverse, energy and transpose: <dwt2 x, y> = <x, idwt2 y>, in float64."""
    n, h, w, c = shape
    x, y = random(seed, n, 2 * h, 2 * w, c), random(seed + 1, n, h, w, 4 * c)
    with jax.enable_x64(True):
        bands, image, x_again, y_again = map(np.asarray, all_ways(x, y))
    assert bands.dtype == image.dtype == np.float64
    np.testing.assert_allclose(x_again, x, atol=1e-10)
    np.testing.assert_allclose(y_again, y, atol=1e-10)
    np.testing.assert_allclose((bands**2).sum(), (x**2).sum(), rtol=1e-10)
    np.testing.assert_allclose((bands * y).sum(), (x * image).sum(), atol=1e-10)


def test_gradients_are_the_inverses() -> None:
    x = random(0, 2, 4, 6, 3).astype(np.float32)
    y = random(1, 2, 2, 3, 12).astype(np.float32)
    pulled = jax.jit(lambda x, y: (jax.vjp(dwt2, x)[1](y), jax.vjp(idwt2, y)[1](x)))
    (at_x,), (at_y,) = pulled(x, y)
    bands, image = map(np.asarray, all_ways(x, y)[:2])
    assert_near(at_x, image, OUTPUT)
    assert_near(at_y, bands, OUTPUT)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_narrow_floats_stay_narrow(dtype: type) -> None:
    x = jnp.asarray(random(0, 1, 4, 4, 2), dtype)
    bands = jax.jit(dwt2)(x)
    assert bands.dtype == jax.jit(idwt2)(bands).dtype == dtype
    wide = jax.jit(dwt2)(x.astype(jnp.float32))
    assert_near(bands.astype(jnp.float32), np.asarray(wide), 0.02)


def test_bad_input() -> None:
    with pytest.raises(
        ValueError, match=r'dwt2: "x" must be \[N, H, W, C\]; got \(4, 4, 1'
    ):
        dwt2(jnp.zeros((4, 4, 1)))
    for shape in (1, 3, 4, 1), (1, 4, 5, 1):
        with pytest.raises(ValueError, match=r"divisible by 2; .* Use pad_to_multiple"):
            dwt2(jnp.zeros(shape))
    with pytest.raises(TypeError, match=r'dwt2: "x" must be a floating.*got int32'):
        dwt2(jnp.zeros((1, 4, 4, 1), jnp.int32))
    with pytest.raises(
        ValueError, match=r'idwt2: "bands" must be \[N, H, W, 4C\]; got \(4, 4, 4'
    ):
        idwt2(jnp.zeros((4, 4, 4)))
    with pytest.raises(ValueError, match=r"divisible by 4; got .*6\). Stack the four"):
        idwt2(jnp.zeros((1, 4, 4, 6)))
    with pytest.raises(TypeError, match=r'idwt2: "bands" must be a floating.*uint8'):
        idwt2(np.zeros((1, 4, 4, 4), np.uint8))
    for function, size in (dwt2, 2), (idwt2, 4):
        with pytest.raises(ValueError, match=r"must not be empty; got \(0, 2, 2"):
            function(jnp.zeros((0, 2, 2, size)))
