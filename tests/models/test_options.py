"""dtype, remat and scan change how a network is computed, not what."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from danet_jax import DANet
from danet_jax.models.offset import OffsetBranch
from tests.models.networks import (
    PLAIN,
    SIZE,
    TWO_SCALES,
    compiled,
    forward,
    gradients,
    image,
    parameters,
)
from tests.models.running import by_torch_name
from tests.tolerances import INPUT_GRADIENT, OUTPUT, assert_near, of_parameter


def results(config: Any, **options: Any) -> Any:
    x, params = image(config, *SIZE), parameters(config)
    return compiled(gradients(config, **options))(params, x)


@pytest.fixture(scope="module")
def expected() -> Any:
    return results(TWO_SCALES)


@pytest.mark.parametrize("option", ["remat", "scan"])
def test_the_order_of_computing_changes_nothing(option: str, expected: Any) -> None:
    restored, params, x = results(TWO_SCALES, **{option: True})
    assert_near(restored, np.asarray(expected[0]), OUTPUT)
    assert_near(x, np.asarray(expected[2]), INPUT_GRADIENT)
    actual, wanted = by_torch_name(params), by_torch_name(expected[1])
    for name, grad in actual.items():
        assert_near(grad, wanted[name], of_parameter(name))


def test_remat_and_scan_together() -> None:
    config = dataclasses.replace(PLAIN, encoder_blocks=(3, 0))
    plain, both = (
        compiled(gradients(config, remat=on, scan=on))(
            parameters(config), image(config, *SIZE)
        )
        for on in (False, True)
    )
    for ours, theirs in zip(jax.tree.leaves(both), jax.tree.leaves(plain), strict=True):
        assert_near(ours, np.asarray(theirs), of_parameter("any"))


def test_bfloat16_stays_near_float32(expected: Any) -> None:
    """Features in bfloat16 have 8 significant bits; parameters and sums have 24."""
    restored, params, x = results(TWO_SCALES, dtype=jnp.bfloat16)
    assert {leaf.dtype for leaf in jax.tree.leaves((restored, params, x))} == {
        jnp.dtype("float32")
    }
    change = np.asarray(expected[0]) - np.asarray(image(TWO_SCALES, *SIZE))
    error = np.asarray(restored) - np.asarray(expected[0])
    assert 1e-4 < np.abs(error).max() / np.abs(change).max() < 0.05
    ours, theirs = (
        np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(grads)])
        for grads in (params, expected[1])
    )
    assert np.linalg.norm(ours - theirs) < 0.1 * np.linalg.norm(theirs)


def test_parameters_are_float32_whatever_the_features_are() -> None:
    model = nnx.eval_shape(
        lambda: DANet(TWO_SCALES, rngs=nnx.Rngs(0), dtype=jnp.bfloat16)
    )
    assert {str(leaf.dtype) for leaf in jax.tree.leaves(model)} == {"float32"}


def test_offsets_and_masks_are_float32_whatever_the_features_are() -> None:
    def branch(x: jax.Array) -> tuple[jax.Array, ...]:
        made = OffsetBranch(8, 4, 2, dtype=x.dtype, rngs=nnx.Rngs(0))
        return made(x)

    x = jax.ShapeDtypeStruct((1, 3, 5, 8), jnp.bfloat16)
    offsets, mask, feature = jax.eval_shape(branch, x)
    assert (offsets.shape, offsets.dtype) == ((1, 3, 5, 2, 9, 2), jnp.float32)
    assert (mask.shape, mask.dtype) == ((1, 3, 5, 2, 9), jnp.float32)
    assert (feature.shape, feature.dtype) == ((1, 3, 5, 4), jnp.bfloat16)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_features_have_the_dtype_and_coordinates_float32(dtype: str) -> None:
    """Read in the lowered program: what is convolved, and what is sampled."""
    x, params = image(TWO_SCALES, *SIZE), parameters(TWO_SCALES)
    lines = jax.jit(forward(TWO_SCALES, dtype=dtype)).lower(params, x).as_text()
    word = {"float32": "xf32>", "bfloat16": "xbf16>"}[dtype]
    convolutions = [line for line in lines.splitlines() if "convolution(" in line]
    assert len(convolutions) > 20
    for line in convolutions:
        assert line.count("tensor<") == line.count(word) == 3  # two operands, a result
    floors = [line for line in lines.splitlines() if "stablehlo.floor" in line]
    assert floors
    assert all("xf32>" in line for line in floors)
