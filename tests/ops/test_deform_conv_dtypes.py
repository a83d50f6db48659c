"""deform_conv2d of narrow floats: their dtype outside, float32 within."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from danet_jax import deform_conv2d
from tests.ops.deform_cases import CASES, QUICK, gradients, pairs
from tests.ops.deform_reference import reference
from tests.tolerances import assert_near

# A few roundings of the inputs' precision, on the scale of the largest value.
NARROW = {jnp.bfloat16: 4 * 2.0**-8, jnp.float16: 4 * 2.0**-11}


@pytest.mark.parametrize(
    ("dtype", "narrow_offsets"),
    [(jnp.bfloat16, False), (jnp.bfloat16, True), (jnp.float16, False)],
)
def test_close_to_float64(dtype: Any, narrow_offsets: bool) -> None:
    case = CASES["plain"]
    narrow = ("x", "kernel", *(["offsets", "mask", "bias"] if narrow_offsets else []))
    arrays = {
        name: jnp.asarray(array, dtype if name in narrow else jnp.float32)
        for name, array in case.arrays(0, dtype=np.float32).items()
    }
    cotangent = jnp.asarray(case.cotangent(0), dtype)
    run = jax.jit(gradients(**case.options), compiler_options=QUICK)
    results = run(arrays, cotangent)
    wide = {name: np.asarray(array, np.float64) for name, array in arrays.items()}
    expected = reference(wide, np.asarray(cotangent, np.float64), **case.options)
    for name, actual, wanted in pairs(results, expected):
        assert actual.dtype == (dtype if name == "output" else arrays[name].dtype)
        assert_near(actual.astype(jnp.float32), wanted, NARROW[dtype])


def test_coordinates_do_not_round() -> None:
    """At pixel 500 bfloat16 knows whole pixels only, float16 quarters."""
    x = jnp.tile(jnp.array([0.0, 1.0, 4.0]), 200).reshape(1, 1, 600, 1)
    offsets = jnp.zeros((1, 1, 600, 1, 1, 2)).at[..., 1].set(0.375)
    run = jax.jit(deform_conv2d, compiler_options=QUICK)
    after = jnp.roll(x, -1, axis=2).at[0, 0, -1].set(0)
    wanted = 0.625 * x + 0.375 * after
    for dtype in NARROW:
        kernel = jnp.ones((1, 1, 1, 1), dtype)
        y = run(x.astype(dtype), offsets.astype(dtype), None, kernel)
        np.testing.assert_array_equal(y, wanted.astype(dtype))


def test_sums_do_not_stall() -> None:
    """In bfloat16 256 + 1 is 256; here 4096 ones are added, in every direction."""
    channels = jnp.ones((1, 1, 1, 4096), jnp.bfloat16)
    kernel = jnp.ones((1, 1, 4096, 1), jnp.bfloat16)
    offsets = jnp.zeros((1, 1, 1, 1024, 1, 2))
    run = jax.jit(deform_conv2d, compiler_options=QUICK)
    assert run(channels, offsets, None, kernel).item() == 4096

    # All positions read pixel (0, 0).
    image = jnp.ones((1, 64, 64, 1), jnp.bfloat16)
    offsets = -jnp.stack(jnp.indices((64, 64)), -1).reshape(1, 64, 64, 1, 1, 2)
    one = jnp.ones((1, 1, 1, 1), jnp.bfloat16)

    def total(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
        y = deform_conv2d(x, offsets.astype(jnp.float32), None, kernel, bias)
        return y.astype(jnp.float32).sum()

    grad = jax.jit(jax.grad(total, (0, 1, 2)), compiler_options=QUICK)
    x, kernel, bias = grad(image, one, jnp.zeros(1, jnp.bfloat16))
    assert x[0, 0, 0, 0] == kernel.item() == bias.item() == 4096
    assert jnp.count_nonzero(x) == 1


def test_float64_stays_float64() -> None:
    """Also where the offsets are narrower."""
    case = CASES["stride_2"]
    with jax.enable_x64(True):
        arrays = {k: jnp.asarray(v) for k, v in case.arrays(0).items()}
        arrays["offsets"] = arrays["offsets"].astype(jnp.float32)
        cotangent = case.cotangent(0)
        run = gradients(**case.options)
        output, grads = jax.eval_shape(run, arrays, cotangent)
    assert output.dtype == grads["x"].dtype == grads["kernel"].dtype == np.float64
    assert grads["offsets"].dtype == np.float32
