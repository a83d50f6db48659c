"""Where in a network its parts lie, and watching what they return.

Flax can note what every method of a module returns while the module is traced
(``nnx.capture``), and the compiler drops what is not asked for. So the modules hold
nothing for this purpose, and where nothing is watched the programs are the same.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax

from danet_jax.config import DANetConfig
from danet_jax.models.danet import DANet
from danet_jax.models.transfer import dotted

LOST = 0.5  # a share of samples outside the image that nobody wants
Returned = Callable[[str], Any]  # by a method's path, e.g. "decoder.0.stage.__call__"


class Place(NamedTuple):
    """A module of the network."""

    name: str  # e.g. "decoder 1/2, block 1"
    scale: int  # 0: full resolution; one more: half of it
    path: str  # e.g. "decoder.1.stage.blocks.0"


def stages(config: DANetConfig) -> list[Place]:
    """The stages in the order of computation."""
    scales = range(config.scales)
    ways = [("encoder", scale) for scale in scales]
    ways += [("decoder", scale) for scale in reversed(scales[:-1])]
    return [
        Place(f"{part} 1/{2**scale}", scale, f"{part}.{scale}.stage")
        for part, scale in ways
    ]


def blocks(config: DANetConfig, stage: Place) -> list[Place]:
    """The blocks of a stage in the order of computation."""
    decoder = stage.path.startswith("decoder")
    counts = config.decoder_blocks if decoder else config.encoder_blocks
    return [
        Place(f"{stage.name}, block {i + 1}", stage.scale, f"{stage.path}.blocks.{i}")
        for i in range(counts[stage.scale] + 1)
    ]


def deformable(config: DANetConfig) -> list[Place]:
    """The blocks with a deformable convolution in the order of computation.

    Example:
        >>> from danet_jax.config import VARIANTS
        >>> [place.scale for place in deformable(VARIANTS["danet_s"])]
        [0, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 1, 1, 0, 0, 0]
    """
    first = {"adeb": 0, "deform": config.scales, "conv": None}[config.block]
    found = [] if first is None else stages(config)[first:]
    return [block for stage in found for block in blocks(config, stage)]


def watched(model: DANet, image: jax.Array) -> tuple[jax.Array, Returned]:
    """Runs a network and notes what all of its methods return.

    Args:
        model: the network.
        image: as it takes.
    Returns:
        The restored image, and what tells a method's result; each runs once.
    """
    watch = nnx.capture(model, nnx.Intermediate, method_outputs=nnx.Intermediate)
    restored, seen = watch(image)
    returned = {
        dotted(path): variable.get_value() for path, variable in nnx.to_flat_state(seen)
    }
    return restored, lambda path: returned[path][0]


def shares_outside(config: DANetConfig, returned: Returned) -> jax.Array:
    """The share of each deformable convolution's samples that read zeros.

    They lie outside its input. At borders some do; where most do, the offsets have
    outgrown the image, and a sample that reads zeros has no gradient to bring it back.

    Args:
        config: of the network.
        returned: see ``watched``.
    Returns:
        Shares in [0, 1], float32 [L], in the order of ``deformable``.
    """
    branches = [returned(f"{p.path}.offset.__call__") for p in deformable(config)]
    return jnp.asarray([_outside(offsets) for offsets, *_ in branches], jnp.float32)


def by_name(config: DANetConfig, shares: jax.Array) -> dict[str, float]:
    """What ``shares_outside`` returned, by the names of the blocks."""
    names = [place.name for place in deformable(config)]
    return dict(zip(names, np.asarray(shares).tolist(), strict=True))


def lost(shares: Mapping[str, float]) -> str:
    """A line on the convolutions that sample hardly any pixel, "" if there are none.

    Args:
        shares: see ``by_name``.
    """
    names = [f"{name} ({share:.0%})" for name, share in shares.items() if share > LOST]
    if not names:
        return ""
    return (
        f"Deformable convolutions sample outside the image: {', '.join(names)}. Their "
        "offsets have outgrown it, and what reads zeros has no gradient to return by. "
        "A lower learning rate makes that less likely."
    )


def _outside(offsets: jax.Array) -> jax.Array:
    """Of offsets [N, H, W, G, 9, 2] the share that leads to where there is no pixel."""
    shape, dtype = offsets.shape[:-1], offsets.dtype
    tap = lax.broadcasted_iota(jnp.int32, shape, 4)
    inside: Any = True
    for axis, step in enumerate((tap // 3, tap % 3)):
        pixel = lax.broadcasted_iota(dtype, shape, 1 + axis)
        at = pixel + (step - 1).astype(dtype) + offsets[..., axis]
        inside &= (at > -1) & (at < shape[1 + axis])
    return 1 - jnp.mean(inside, dtype=jnp.float32)
