"""Images that do not fit into memory, restored tile by tile.

A network differs on a tile from what it is on the whole image in two ways. Near the
tile's edge it lacks what lies beyond: tiles overlap, and the outermost quarter of an
overlap is not used. And its channel attention pools over all it is given: so a first
pass measures these means on every tile, and a second one restores all tiles with the
means over the whole image.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from tqdm import tqdm

from danet_jax.checks import ConfigError, message
from danet_jax.config import DANetConfig
from danet_jax.models import DANet, abstract_danet
from danet_jax.models.attention import ChannelAttention, DualAttention
from danet_jax.ops.resize import halve
from danet_jax.restoration.inference import (
    Restorer,
    check_degraded,
    check_restored,
    in_device_memory,
    make_restorer,
)

Means = list[np.ndarray]  # what each channel attention pools, [1, 1, 1, width]
Run = Callable[..., tuple[jax.Array, list[jax.Array]]]  # see _forward


def make_tiled_restorer(model: DANet, *, tile: int, overlap: int) -> Restorer:
    """Turns a network into a function that restores large images in bounded memory.

    It does what that of ``make_restorer`` does, and the very same for images that fit
    into a tile. One program is compiled for all images with both sides larger than a
    tile, and one for each length of a shorter side; it runs twice a tile. Beside an
    image and its result it needs the memory of one tile. docs/tiles.md says by how much
    results differ from those of whole images.

    Args:
        model: the network, whose parameters are read now.
        tile: pixels a side, a multiple of ``model.config.multiple``.
        overlap: pixels that neighbouring tiles share at least; at most half a tile.
    Raises:
        ConfigError: a tile or overlap that cannot be used.
    """
    config = model.config
    _check(tile, overlap, config.multiple)
    whole = make_restorer(model)
    params = nnx.as_pure(nnx.state(model, nnx.Param))
    run = functools.partial(_forward(config, np.dtype(model.dtype)), params)

    def restore(degraded: np.ndarray) -> np.ndarray:
        check_degraded(degraded, config)
        if max(degraded.shape[1:3]) <= tile:
            return whole(degraded)
        restored = np.empty(degraded.shape, np.float32)
        for target, image in zip(restored, degraded, strict=True):
            tiles = _cut(image.astype(np.float32), tile, overlap, config.multiple)
            with in_device_memory(*tiles.tile):
                result = _restore(run, tiles, _no_means(config))
            target[...] = result[: image.shape[0], : image.shape[1]]
        check_restored(restored)
        return restored

    return restore


class Axis(NamedTuple):
    """How tiles lie along the height or the width of an image."""

    starts: list[int]  # of the tiles, in pixels
    shares: np.ndarray  # [tiles, size]: of each tile in each pixel; they sum to 1
    core: np.ndarray  # [tiles, size]: 1 where a tile has the largest share, else 0

    def at(self, number: int, place: slice) -> tuple[np.ndarray, np.ndarray]:
        """The shares and the core of one tile, where it lies."""
        return self.shares[number, place], self.core[number, place]


def lay_tiles(size: int, tile: int, overlap: int, multiple: int) -> Axis:
    """Lays tiles along an axis, the last one shifted inwards to end with it.

    Args:
        size: of the axis in pixels, at least a tile.
        tile: pixels of a tile.
        overlap: pixels that neighbours share at least, at most half a tile; none for a
            tile of ``multiple`` pixels, since the next can begin only at its end.
        multiple: divides size, tile and the places of tiles: so they meet the scales
            of the network as the whole image does.
    Returns:
        Their places and shares. From one tile to the next the shares change linearly
        within the inner half of an overlap.
    """
    overlap = min(overlap, tile - multiple)
    last, stride = size - tile, (tile - overlap) // multiple * multiple
    starts = [*range(0, last, stride), last]
    pixels = np.arange(size) + 0.5
    shares = np.empty((len(starts), size))
    for share, start in zip(shares, starts, strict=True):
        inside = (start < pixels) & (pixels < start + tile)
        before = pixels - start if start else np.inf  # distance from an inner edge
        after = start + tile - pixels if start < last else np.inf
        depth = np.minimum(before, after) - overlap / 4
        share[:] = inside * np.clip(depth / max(overlap / 2, 0.5), 0, 1)
    core = shares.argmax(axis=0) == np.arange(len(starts))[:, None]
    return Axis(starts, shares / shares.sum(axis=0), core)


class _Tiles(NamedTuple):
    """An image [H, W, C], padded, and how it is cut into tiles."""

    image: np.ndarray
    tile: tuple[int, int]  # height and width
    rows: Axis
    columns: Axis

    def __call__(self, task: str) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
        """The place of each tile in the image, its core and its shares, [h, w, 1]."""
        count = len(self.rows.starts), len(self.columns.starts)
        bar = {"total": count[0] * count[1], "leave": False, "disable": None}
        for i, j in tqdm(np.ndindex(count), task, **bar):
            y, x = self.rows.starts[i], self.columns.starts[j]
            place = slice(y, y + self.tile[0]), slice(x, x + self.tile[1])
            row, column = self.rows.at(i, place[0]), self.columns.at(j, place[1])
            shares, core = (
                np.outer(*pair).astype(np.float32)[..., None]
                for pair in zip(row, column, strict=True)
            )
            yield place, core, shares


def _cut(image: np.ndarray, tile: int, overlap: int, multiple: int) -> _Tiles:
    height, width = image.shape[:2]
    padding = (0, -height % multiple), (0, -width % multiple), (0, 0)
    padded = np.pad(image, padding, mode="reflect")  # as the network does
    # An image's short side is that of its tiles: padding it would show at its border.
    sides = min(tile, padded.shape[0]), min(tile, padded.shape[1])
    axes = (
        lay_tiles(size, side, min(overlap, side // 2), multiple)
        for size, side in zip(padded.shape, sides, strict=False)
    )
    return _Tiles(padded, sides, *axes)


def _restore(run: Run, tiles: _Tiles, means: Means) -> np.ndarray:
    known = np.array(False)
    if means:
        means, known = _measure(run, tiles, means), np.array(True)
    restored = np.zeros_like(tiles.image)
    for place, core, shares in tiles("tiles"):
        result, _ = run(tiles.image[place][None], core[None], means, known)
        restored[place] += shares * np.asarray(result)[0]
    return restored


def _measure(run: Run, tiles: _Tiles, means: Means) -> Means:
    """The means over all tiles' cores: each pixel of the image lies in one of them."""
    totals, area = [np.zeros(mean.shape) for mean in means], 0.0
    for place, core, _ in tiles("measuring"):
        image = tiles.image[place][None]
        _, found = run(image, core[None], means, np.array(False))
        area += core.sum(dtype=float)
        for total, mean in zip(totals, found, strict=True):
            total += core.sum(dtype=float) * np.asarray(mean)
    return [(total / area).astype(np.float32) for total in totals]


def _no_means(config: DANetConfig) -> Means:
    """Zeros in the shapes of a network's means."""
    attentions = _attentions(abstract_danet(config))
    widths = [attention.channel.reduce.kernel.shape[2] for attention in attentions]
    return [np.zeros((1, 1, 1, width), np.float32) for width in widths]


class _Pooled:
    """Stands in for a channel attention: measures means, and may be told others."""

    def __init__(
        self,
        channel: ChannelAttention,
        core: jax.Array,
        mean: jax.Array,
        known: jax.Array,
    ):
        self.channel, self.core, self.mean, self.known = channel, core, mean, known

    def weights(self, x: jax.Array) -> jax.Array:
        """The factors of the channels, [1, 1, 1, width]; keeps what it has measured."""
        core = self.core
        while core.shape[1] > x.shape[1]:
            core = halve(core)
        area = jnp.maximum(core.sum(), 1e-6)  # a core may be empty
        self.found = jnp.einsum("nhwk,nhwc->nkc", core, x)[:, None] / area
        pooled = jnp.where(self.known, self.mean, self.found)
        # Pooling a single pixel returns it.
        return self.channel.weights(pooled.astype(x.dtype))


def _attentions(model: DANet) -> list[DualAttention]:
    """In an order that depends on the architecture alone."""
    modules = (module for _, module in nnx.iter_graph(model))
    return [module for module in modules if isinstance(module, DualAttention)]


@functools.lru_cache(maxsize=4)
def _forward(config: DANetConfig, dtype: np.dtype) -> Run:
    """The compiled network, with what its channel attentions pool coming in and out.

    It takes parameters, a tile [1, H, W, C], its core [1, H, W, 1], the means, and
    whether to use them; and returns the restored tile, and the means over its core.
    """
    graphdef = nnx.graphdef(abstract_danet(config, dtype=dtype))

    @jax.jit
    def forward(
        params: Any, image: jax.Array, core: jax.Array, means: Any, known: jax.Array
    ) -> tuple[jax.Array, list[jax.Array]]:
        model = nnx.merge(graphdef, params)
        pools = []
        for attention, mean in zip(_attentions(model), means, strict=True):
            pools.append(_Pooled(attention.channel, core, mean, known))
            attention.channel = pools[-1]  # type: ignore[assignment]
        restored = model(image)
        return restored, [pool.found for pool in pools]

    return forward


def _check(tile: int, overlap: int, multiple: int) -> None:
    if tile < 1 or tile % multiple:
        rule = f"be a positive multiple of {multiple}, as the network has scales"
        raise ConfigError(message("restore", "tile", rule, tile))
    if not 0 <= overlap <= tile // 2:
        rule = f"lie in 0 to {tile // 2}, half a tile"
        raise ConfigError(message("restore", "overlap", rule, overlap))
