"""The adaptive receptive field: from where an output pixel is sampled."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from danet_jax.checks import ConfigError, DataError, message
from danet_jax.figures.record import Layer

MOST_LAYERS = 5  # 9^5 = 59049 locations; more would only cover one another
TAPS = np.array([(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)], float)


class Field(NamedTuple):
    """Sampling locations; several may coincide."""

    at: np.ndarray  # [M, 2] places (y, x) in pixels of the image, fractional
    weight: np.ndarray  # [M] the product of the masks on the way to each


class Extent(NamedTuple):
    """Where a field lies."""

    inside: int  # locations in the image
    y: float  # their mean place in pixels
    x: float
    spread: float  # root of the mean squared distance from there, in pixels


def sampling_locations(layers: Sequence[Layer], point: tuple[float, float]) -> Field:
    """Walks back from a point through deformable convolutions.

    A 3x3 convolution at p reads p + p_k + offset_k(p), k = 1 to 9. The last layer is
    followed to nine places, from each of which the layer before it reads nine, and so
    on: 9^L locations for L layers. Offsets and masks at fractional places are
    interpolated bilinearly, as the convolution interpolates the features that it reads
    there. What lies between the layers (plain convolutions, attention, the connections
    that skip blocks) is passed over.

    Convention:
        Pixel centres are whole numbers, (0, 0) the upper left one. A pixel q of scale s
        covers the image around 2^s (q + 1/2) - 1/2. A path that leaves its layer's grid
        by more than half a pixel ends there, as the convolution reads zeros.
    Args:
        layers: in the order of computation.
        point: (x, y) in pixels of the image, at the output of the last layer.
    Returns:
        The locations, of which some may lie outside the image.
    Source: the paper's Sec. 5.3 and Fig. 13; Dai et al. 2017, Fig. 6, whose code
        reads offsets at whole pixels.
    Example:
        >>> zeros = np.zeros((9, 9, 9, 2)), np.ones((9, 9, 9))
        >>> layer = Layer("", 0, *zeros)
        >>> at = sampling_locations([layer, layer], (4, 4)).at
        >>> at.shape, at.min().item(), at.max().item()
        ((81, 2), 2.0, 6.0)
    """
    at, weight = np.array([point[::-1]], float), np.ones(1)
    for layer in reversed(layers):
        pixel = 2.0**layer.scale
        at = (at + 0.5) / pixel - 0.5
        last = np.subtract(layer.mask.shape[:2], 1)
        inside = ((at >= -0.5) & (at <= last + 0.5)).all(axis=1)
        at, weight = at[inside], weight[inside]
        mask = _read(layer.mask, at)
        at = at[:, None] + TAPS + _read(layer.offsets, at)
        at = pixel * (at.reshape(-1, 2) + 0.5) - 0.5
        weight = (weight[:, None] * mask).reshape(-1)
    return Field(at, weight)


def plain(layers: Sequence[Layer]) -> list[Layer]:
    """The same layers as convolutions that are not deformable: no offsets, no mask."""
    return [
        layer._replace(
            offsets=np.broadcast_to(0.0, layer.offsets.shape),
            mask=np.broadcast_to(1.0, layer.mask.shape),
        )
        for layer in layers
    ]


def extent(field: Field, height: int, width: int) -> Extent:
    """Measures the part of a field inside an image, by the weights.

    Args:
        field: the locations.
        height: of the image in pixels.
        width: likewise.
    Returns:
        The extent; NaN where no location of any weight is in the image.
    """
    last = np.array([height - 1, width - 1])
    inside = ((field.at >= -0.5) & (field.at <= last + 0.5)).all(axis=1)
    at, weight = field.at[inside], field.weight[inside]
    if not weight.any():
        return Extent(len(at), np.nan, np.nan, np.nan)
    mean = np.average(at, axis=0, weights=weight)
    squares = ((at - mean) ** 2).sum(axis=1)
    spread = float(np.sqrt(np.average(squares, weights=weight)))
    return Extent(len(at), float(mean[0]), float(mean[1]), spread)


def reach(scales: Sequence[int]) -> int:
    """How far plain 3x3 convolutions at such scales look, in pixels each way."""
    return sum(2**scale for scale in scales)


def check_point(point: tuple[float, float], height: int, width: int) -> None:
    """Raises ConfigError if a point (x, y) is outside an image."""
    x, y = point
    if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
        rule = f"lie in the image, 0,0 to {width - 1},{height - 1}"
        raise ConfigError(message("visualize", "point", rule, f"{x:g},{y:g}"))


def check_size(scales: Sequence[int], height: int, width: int) -> None:
    """Raises DataError if plain convolutions at such scales look beyond an image."""
    least = 2 * reach(scales) + 1
    if min(height, width) < least:
        rule = f"be at least {least}x{least} pixels for --layers {len(scales)}"
        repair = "Follow fewer layers, or take a larger image."
        got = f"{width}x{height}"
        raise DataError(message("visualize", "image", rule, got, repair))


def _read(grid: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Bilinear values of a grid [h, w, ...] at places [M, 2] within half a pixel."""
    size = np.array(grid.shape[:2])
    at = np.clip(at, 0, size - 1)
    first = np.minimum(np.floor(at).astype(int), np.maximum(size - 2, 0))
    second = np.minimum(first + 1, size - 1)
    part = (at - first).reshape(len(at), 2, *[1] * (grid.ndim - 2))
    (top, left), (bottom, right) = first.T, second.T
    upper = grid[top, left] * (1 - part[:, 1]) + grid[top, right] * part[:, 1]
    lower = grid[bottom, left] * (1 - part[:, 1]) + grid[bottom, right] * part[:, 1]
    return upper * (1 - part[:, 0]) + lower * part[:, 0]
