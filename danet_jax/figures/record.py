"""What a network computes on the way to one restored image.

Flax can note what every method of a module returns while the module is traced
(``nnx.capture``), and the compiler drops what is not asked for here. So the modules
hold nothing for this purpose, and training and restoring compile the same programs as
without it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from danet_jax.checks import ConfigError, DataError, message
from danet_jax.config import DANetConfig
from danet_jax.models import DANet, abstract_danet
from danet_jax.models.transfer import dotted
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


class _Place(NamedTuple):
    """A module of the network."""

    name: str
    scale: int
    path: str  # e.g. "decoder.1.stage"


def layer_scales(config: DANetConfig) -> list[int]:
    """The scales of a network's deformable convolutions, in the order of computation.

    Example:
        >>> from danet_jax.config import VARIANTS
        >>> layer_scales(VARIANTS["danet_s"])
        [0, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 1, 1, 0, 0, 0]
    """
    return [place.scale for place in _deformable(config)]


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
    deformable = _deformable(config)[-layers:]
    stages = _stages(config)
    downs = stages[: config.scales - 1]
    attentive = [_last_block(config, s) for s in stages if config.block == "adeb"]
    graphdef = nnx.graphdef(abstract_danet(config, dtype=model.dtype))

    @jax.jit
    def run(params: Any, image: jax.Array) -> Any:
        restored, returned = watched(nnx.merge(graphdef, params), image)
        branches = [returned(f"{place.path}.offset.__call__") for place in deformable]
        return (
            restored,
            [tuple(_of_group(x, group) for x in branch[:2]) for branch in branches],
            branches[-1][2],
            [returned(f"{p.path}.attention.spatial.weights") for p in attentive],
            [returned(f"{place.path}.__call__")[0] for place in downs],
        )

    params = nnx.as_pure(nnx.state(model, nnx.Param))
    outputs = run(params, degraded.astype(np.float32)[None])
    restored, branches, feature, weights, features = jax.tree.map(_first, outputs)
    check_restored(restored)
    last = deformable[-1]
    return Record(
        restored,
        tuple(
            Layer(place.name, place.scale, *arrays)
            for place, arrays in zip(deformable, branches, strict=True)
        ),
        Map(last.name, last.scale, feature),
        _maps(attentive, weights),
        _maps(downs, features),
    )


def watched(model: DANet, image: jax.Array) -> tuple[jax.Array, Callable[[str], Any]]:
    """Runs a network and notes what all of its methods return.

    Args:
        model: the network.
        image: as it takes.
    Returns:
        The restored image, and a function that tells what a method returned, by its
        path, e.g. "decoder.0.stage.__call__". Each runs once in a network.
    """
    watch = nnx.capture(model, nnx.Intermediate, method_outputs=nnx.Intermediate)
    restored, seen = watch(image)
    returned = {
        dotted(path): variable.get_value() for path, variable in nnx.to_flat_state(seen)
    }
    return restored, lambda path: returned[path][0]


def _stages(config: DANetConfig) -> list[_Place]:
    """The stages in the order of computation."""
    scales = range(config.scales)
    ways = [("encoder", scale) for scale in scales]
    ways += [("decoder", scale) for scale in reversed(scales[:-1])]
    return [
        _Place(f"{part} 1/{2**scale}", scale, f"{part}.{scale}.stage")
        for part, scale in ways
    ]


def _blocks(config: DANetConfig, stage: _Place) -> list[_Place]:
    decoder = stage.path.startswith("decoder")
    counts = config.decoder_blocks if decoder else config.encoder_blocks
    return [
        _Place(f"{stage.name}, block {i + 1}", stage.scale, f"{stage.path}.blocks.{i}")
        for i in range(counts[stage.scale] + 1)
    ]


def _last_block(config: DANetConfig, stage: _Place) -> _Place:
    return _blocks(config, stage)[-1]._replace(name=stage.name)


def _deformable(config: DANetConfig) -> list[_Place]:
    """The blocks with a deformable convolution in the order of computation."""
    first = {"adeb": 0, "deform": config.scales, "conv": None}[config.block]
    stages = [] if first is None else _stages(config)[first:]
    return [block for stage in stages for block in _blocks(config, stage)]


def _of_group(x: jax.Array, group: int | None) -> jax.Array:
    """Of offsets or mask [N, H, W, G, ...] one group's, or the mean."""
    return x.mean(axis=3) if group is None else x[:, :, :, group]


def _first(batch: jax.Array) -> np.ndarray:
    return np.asarray(batch[0], np.float32)


def _maps(places: list[_Place], arrays: list[np.ndarray]) -> tuple[Map, ...]:
    pairs = zip(places, arrays, strict=True)
    return tuple(Map(place.name, place.scale, array) for place, array in pairs)


def _check(
    config: DANetConfig, degraded: np.ndarray, layers: int, group: int | None
) -> None:
    count = len(_deformable(config))
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
