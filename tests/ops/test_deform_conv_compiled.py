"""What compilers make of deform_conv2d: counted in the programs, never timed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from danet_jax.ops import chunks
from tests.ops.deform_cases import QUICK, Arrays, Case, call, gradients, pairs
from tests.ops.deform_reference import reference
from tests.tolerances import INPUT_GRADIENT, assert_near

# 2 x 7 x 5 positions: in chunks of at most 34 two full ones and a tail of 2.
CASE = Case((2, 7, 5, 4), 2, 3, padding=(1, 1))
ARRAYS = CASE.arrays(0, dtype=np.float32)


def total(arrays: Arrays) -> jax.Array:
    return call(arrays, **CASE.options).sum()


def test_fences_survive_the_cpu_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two conditionals forward, three backward, in the loop's body and in the tail."""
    monkeypatch.setattr(chunks, "CPU", chunks.CPU._replace(positions=34))
    with jax.default_device(jax.devices("cpu")[0]):
        for function, fences in (lambda a: total(a), 2), (jax.grad(total), 3):
            text = jax.jit(lambda a, f=function: f(a)).lower(ARRAYS).compile().as_text()
            assert text.count(" conditional(") == 2 * fences
            assert text.count(" while(") == 1
            # Columns are made in their four axes; as [34, 36] they would be loaded
            # number by number.
            assert "= f32[34,2,9,2]{3,2,1,0} fusion(" in text


def test_one_position_needs_no_loop() -> None:
    case = Case((1, 1, 1, 4), padding=(1, 1))
    arrays = case.arrays(0, dtype=np.float32)
    text = jax.jit(gradients(**case.options)).lower(
        arrays, case.cotangent(0, np.float32)
    )
    assert "stablehlo.while" not in text.as_text()


@pytest.mark.parametrize("platform", ["cuda", "rocm", "tpu"])
def test_lowers_for_accelerators(platform: str) -> None:
    """Forward and backward: one chunk, barriers, and rows gathered all at once."""
    run = jax.jit(gradients(**CASE.options))
    traced = run.trace(ARRAYS, CASE.cotangent(0, np.float32))
    text = traced.lower(lowering_platforms=(platform,)).as_text()
    assert "stablehlo.while" not in text
    assert text.count("stablehlo.optimization_barrier") == 5
    assert text.count('"stablehlo.scatter"') == 1
    # Four corners in each direction, and all four at once for the inner products.
    gathers = [line for line in text.splitlines() if '"stablehlo.gather"' in line]
    assert len(gathers) == 9
    assert all("tensor<70x2x9" in line.split("->")[-1] for line in gathers)


def test_products_of_narrow_floats_add_up_in_float32() -> None:
    arrays = {name: jnp.asarray(a, jnp.bfloat16) for name, a in ARRAYS.items()}
    cotangent = jnp.asarray(CASE.cotangent(0, np.float32), jnp.bfloat16)
    traced = jax.jit(gradients(**CASE.options)).trace(arrays, cotangent)
    text = traced.lower(lowering_platforms=("cuda",)).as_text()
    products = [line for line in text.splitlines() if "stablehlo.dot_general" in line]
    assert len(products) == 3
    for line in products:
        operands, result = line.rsplit(" : ", 1)[1].split(" -> ")
        assert operands.count("xbf16>") == 2
        assert "xf32>" in result


def test_large_images_take_few_steps_on_accelerators() -> None:
    """256x256 pixels of 64 channels: forward at once, the gradient in four steps."""
    positions, floats = 256 * 256, 9 * 64
    backend = chunks.ACCELERATOR
    forward = chunks.chunk_length(positions, floats, backend.forward_floats, backend)
    backward = chunks.chunk_length(positions, floats, backend.backward_floats, backend)
    assert (forward, backward) == (positions, positions // 4)


def test_one_export_for_all_platforms() -> None:
    run = jax.jit(gradients(**CASE.options))
    inputs = ARRAYS, CASE.cotangent(0, np.float32)
    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), inputs)
    exported = export.export(run, platforms=("cpu", "cuda", "tpu"))(*shapes)
    results = jax.jit(exported.call, compiler_options=QUICK)(
        *jax.tree.map(jnp.asarray, inputs)
    )
    expected = reference(*inputs, **CASE.options)
    for _, actual, wanted in pairs(results, expected):
        assert_near(actual, wanted, INPUT_GRADIENT)
