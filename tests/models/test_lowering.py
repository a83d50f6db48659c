"""What accelerators are given to compile: read in the lowered programs, not run."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax import export

from danet_jax import DANetConfig
from tests.models.networks import (
    PLAIN,
    THREE_SCALES,
    TWO_SCALES,
    gradients,
    image,
    parameters,
)

BARRIER = "stablehlo.optimization_barrier"


def lowered(config: DANetConfig, platform: str, **options: Any) -> str:
    program = jax.jit(gradients(config, **options))
    traced = program.trace(parameters(config), image(config, 8, 8))
    return traced.lower(lowering_platforms=(platform,)).as_text()


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_remat_keeps_the_input_of_each_stage_alone(platform: str) -> None:
    """One barrier for each stage, and what lies between them is computed twice."""
    stages = 3
    plain = lowered(PLAIN, platform)
    remat = lowered(PLAIN, platform, remat=True)
    assert plain.count(BARRIER) == 0
    assert remat.count(BARRIER) == stages
    convolutions = "stablehlo.convolution"
    # Two more blocks in the first stage; three convolutions in each block, of which
    # the last is not needed again.
    again = 3 * (stages + 2) - stages
    assert remat.count(convolutions) - plain.count(convolutions) == again


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_scan_is_a_loop(platform: str) -> None:
    assert "stablehlo.while" not in lowered(PLAIN, platform)
    # Forward and backward.
    assert lowered(PLAIN, platform, scan=True).count("stablehlo.while") == 2


@pytest.mark.parametrize(
    "config, options",
    [
        (THREE_SCALES, {}),
        (TWO_SCALES, {"remat": True, "scan": True, "dtype": jnp.bfloat16}),
    ],
    ids=["as it is", "with all options"],
)
def test_gradients_lower_for_accelerators(config: Any, options: Any) -> None:
    program = jax.jit(gradients(config, **options))
    inputs = parameters(config), image(config, 9, 13)
    exported = export.export(program, platforms=("cuda", "tpu"))(*inputs)
    assert exported.platforms == ("cuda", "tpu")
    assert len(exported.out_avals) == len(jax.tree.leaves(inputs)) + 1
