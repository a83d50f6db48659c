"""What a network computes on the way to one restored image."""

from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from danet_jax.checks import ConfigError, DataError, message
from danet_jax.config import DANetConfig
from danet_jax.models import DANet, abstract_danet
from danet_jax.models.places import (
    Place,
    blocks,
    by_name,
    deformable,
    shares_outside,
    stages,
    watched,
)
from danet_jax.restoration.inference import check_degraded, check_restored

MOST_PIXELS = 1 << 20


class Layer(NamedTuple):
    """A deformable 3x3 convolution as it ran on one image.

    Its grid may reach beyond the image: the network pads to a multiple.
    """

    name: str  # e.g. "decoder 1/2, block 1"
    scale: int  # 0: full resolution; one more: half of it
    offsets: np.ndarray  # [h, w, 9, 2] displacements (dy, dx) in pixels of this scale
    mask: np.ndarray  # [h, w, 9] factors in (0, 1)


class Map(NamedTuple):
    """Features at one place of the network."""

    name: str  # e.g. "decoder 1/2"
    scale: int
    values: np.ndarray  # [h, w, C]


class Record(NamedTuple):
    """What one run of a network left behind."""

    restored: np.ndarray  # float32 [H, W, channels]
    layers: tuple[Layer, ...]  # the last deformable ones, in the order of computation
    feature: Map  # the offset feature of the very last one
    attention: tuple[Map, ...]  # spatial factors, C = 1, of the stages' last blocks
    downs: tuple[Map, ...]  # what goes into the ways to coarser scales
    outside: dict[str, float]  # of all deformable layers; see ``shares_outside``


def record(
    model: DANet, degraded: np.ndarray, *, layers: int, group: int | None = None
) -> Record:
    """Runs a network on one image and keeps what figures need.

    Args:
        model: the network.
        degraded: float32 [H, W, channels], nominally in [0, 1].
        layers: how many of the last deformable convolutions to keep, at least 1.
        group: the offset group to keep, from 0; None: the mean over all groups.
    Raises:
        ConfigError: layers or a group that the network does not have.
        DataError: the image is too small for the network, or larger than a megapixel.
        CheckpointError: the network returned NaN or infinity.
        TypeError, ValueError: not such an image.
    """
    config = model.config
    _check(config, degraded, layers, group)
    last_layers = deformable(config)[-layers:]
    downs = stages(config)[: config.scales - 1]
    attentive = _attentive(config)
    graphdef = nnx.graphdef(abstract_danet(config, dtype=model.dtype))

    @jax.jit
    def run(params: Any, image: jax.Array) -> Any:
        restored, returned = watched(nnx.merge(graphdef, params), image)
        branches = [returned(f"{place.path}.offset.__call__") for place in last_layers]
        return (
            restored,
            [tuple(_of_group(x, group) for x in branch[:2]) for branch in branches],
            branches[-1][2],
            [returned(f"{p.path}.attention.spatial.weights") for p in attentive],
            [returned(f"{place.path}.__call__")[0] for place in downs],
        ), shares_outside(config, returned)

    params = nnx.as_pure(nnx.state(model, nnx.Param))
    outputs, outside = run(params, degraded.astype(np.float32)[None])
    restored, branches, feature, weights, features = jax.tree.map(_first, outputs)
    check_restored(restored)
    last = last_layers[-1]
    return Record(
        restored,
        tuple(
            Layer(place.name, place.scale, *arrays)
            for place, arrays in zip(last_layers, branches, strict=True)
        ),
        Map(last.name, last.scale, feature),
        _maps(attentive, weights),
        _maps(downs, features),
        by_name(config, outside),
    )


def _attentive(config: DANetConfig) -> list[Place]:
    """The last block of each stage, where blocks have attention."""
    if config.block != "adeb":
        return []
    return [
        blocks(config, stage)[-1]._replace(name=stage.name) for stage in stages(config)
    ]


def _of_group(x: jax.Array, group: int | None) -> jax.Array:
    """Of offsets or mask [N, H, W, G, ...] one group's, or the mean."""
    return x.mean(axis=3) if group is None else x[:, :, :, group]


def _first(batch: jax.Array) -> np.ndarray:
    return np.asarray(batch[0], np.float32)


def _maps(places: list[Place], arrays: list[np.ndarray]) -> tuple[Map, ...]:
    pairs = zip(places, arrays, strict=True)
    return tuple(Map(place.name, place.scale, array) for place, array in pairs)


def _check(
    config: DANetConfig, degraded: np.ndarray, layers: int, group: int | None
) -> None:
    count = len(deformable(config))
    if not 1 <= layers <= count:
        rule = f"lie in 1 to {count}, the deformable convolutions of the network"
        raise ConfigError(message("visualize", "layers", rule, layers))
    if group is not None and not 0 <= group < config.offset_groups:
        rule = f"lie in 0 to {config.offset_groups - 1}"
        raise ConfigError(message("visualize", "group", rule, group))
    check_degraded(degraded[None], config)
    if degraded.shape[0] * degraded.shape[1] > MOST_PIXELS:
        rule, got = f"have at most {MOST_PIXELS} pixels", degraded.shape
        raise DataError(message("visualize", "image", rule, got, "Cut a part out."))
