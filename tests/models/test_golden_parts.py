"""Attention modules and blocks against the golden files, with all gradients."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from danet_jax.models.attention import ChannelAttention, DualAttention, SpatialAttention
from danet_jax.models.blocks import ADEB, AROB, ConvBlock, DeformBlock
from danet_jax.models.offset import OffsetBranch
from tests import golden_files
from tests.models.comparing import assert_golden, numbered
from tests.models.running import fill, run

# Where a block stands in the network; its parameters' names begin with this.
BLOCK = "encoder.1.stage.blocks.0."
DTYPE = jnp.float32


def call(block: Any, x: jax.Array, carried: jax.Array | None = None) -> Any:
    """What a block returns, and its offset feature where it has one."""
    if isinstance(block, AROB):
        return block(x, carried)
    if isinstance(block, DeformBlock):
        return block(x), block.offset(x)[2]
    return block(x)


def attention(kind: str, width: int, rngs: nnx.Rngs) -> nnx.Module:
    if kind == "spatial_attention":
        return SpatialAttention(dtype=DTYPE, rngs=rngs)
    made = {"channel_attention": ChannelAttention, "dual_attention": DualAttention}
    return made[kind](width, dtype=DTYPE, rngs=rngs)


def block(meta: dict[str, Any], rngs: nnx.Rngs) -> nnx.Module:
    width, inner = meta["width"], {"dtype": DTYPE, "rngs": rngs}
    if meta["kind"] == "conv":
        return ConvBlock(width, **inner)
    branch = OffsetBranch(
        width,
        meta["offset_width"],
        meta["offset_groups"],
        recurrent=meta["recurrent"],
        carried=meta["carried"],
        **inner,
    )
    adeb = AROB if meta["recurrent"] else ADEB
    kind = adeb if meta["kind"] == "adeb" else DeformBlock
    return kind(width, branch, **inner)


def abstract(make: Callable[[nnx.Rngs], nnx.Module]) -> nnx.Module:
    return nnx.eval_shape(lambda: make(nnx.Rngs(0)))


@pytest.mark.parametrize(
    "name",
    golden_files.of_kind("channel_attention", "spatial_attention", "dual_attention"),
)
def test_attention(name: str) -> None:
    golden = golden_files.load(name)
    kind, width = golden.meta["kind"], golden.meta["width"]
    inner = {"dual_attention": ""}.get(kind, kind.removesuffix("attention")[:-1] + ".")
    prefix = f"{BLOCK}attention.{inner}"
    module = abstract(lambda rngs: attention(kind, width, rngs))
    module = fill(module, golden.below("state"), prefix=prefix)
    cotangents = numbered(golden, "cotangent")
    results = run(module, numbered(golden, "input"), cotangents, prefix=prefix)
    assert_golden(golden, results)


@pytest.mark.parametrize("name", golden_files.of_kind("conv", "deform", "adeb"))
def test_block(name: str) -> None:
    golden = golden_files.load(name)
    module = abstract(lambda rngs: block(golden.meta, rngs))
    module = fill(module, golden.below("state"), prefix=BLOCK)
    inputs, cotangents = numbered(golden, "input"), numbered(golden, "cotangent")
    results = run(module, inputs, cotangents, prefix=BLOCK, call=call)
    assert_golden(golden, results)


@pytest.mark.parametrize("carried", [False, True])
def test_a_feature_is_carried_where_it_is_merged(carried: bool) -> None:
    x, r = jnp.zeros((1, 2, 3, 8)), jnp.zeros((1, 2, 3, 4))
    branch = abstract(
        lambda rngs: OffsetBranch(8, 4, 2, carried=carried, dtype=DTYPE, rngs=rngs)
    )
    match = '"carried" must be given to a branch that merges, and to no other; got '
    with pytest.raises(ValueError, match=match + (r"None" if carried else r"\(1, 2")):
        branch(x, None if carried else r)
