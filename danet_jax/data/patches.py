"""Patches: where they lie in an image, and what every source of them offers."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from danet_jax.checks import DataError, message
from danet_jax.config import DataConfig

Patch = dict[str, np.ndarray]  # uint8 [h, w, C] by "clean" and, in pairs, "degraded"


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """One picture, uint8 [H, W, C], read-only, and its degraded partner if any."""

    name: str
    clean: np.ndarray
    degraded: np.ndarray | None


class PatchSource(Protocol):
    """What training reads: decoded images, or prepared records of them."""

    names: list[str]  # of the images
    paired: bool  # whether the samples have degraded partners

    def places(self, data: DataConfig) -> np.ndarray:
        """All patches as int32 rows (index, y, x), in a fixed order."""

    def window(
        self, place: Sequence[int], data: DataConfig, rng: np.random.Generator
    ) -> tuple[Sample, int, int]:
        """The sample at a place, and the patch's corner (y, x), moved at random."""


def patch_grid(
    height: int, width: int, *, crop: int, interval: int
) -> list[tuple[int, int]]:
    """Returns the upper left corners (y, x) of an image's training patches.

    They are the multiples of ``interval`` at which a patch still fits.

    Raises:
        ValueError: the image is smaller than a patch.
    Source: Huang et al. 2021, Sec. 4.1: crops of 256 at an interval of 130.
    Example:
        >>> patch_grid(400, 300, crop=256, interval=130)
        [(0, 0), (130, 0)]
    """
    if min(height, width) < crop:
        got = f"{height}x{width}"
        rule = f"have at least {crop} pixels a side"
        raise ValueError(message("patch_grid", "image", rule, got))
    rows = range(0, height - crop + 1, interval)
    columns = range(0, width - crop + 1, interval)
    return [(y, x) for y in rows for x in columns]


def check_crop(
    where: str, sizes: Mapping[str, tuple[int, int]], crop: int, *, option: str
) -> None:
    """Checks that a patch fits into every image.

    Args:
        where: what the message names first.
        sizes: height and width in pixels of each image, by name.
        crop: pixels a side of a patch.
        option: of the command line, up to its value: "--crop ".
    Raises:
        DataError: one is smaller; the first is named, and how many there are.
    """
    small = [name for name, size in sizes.items() if min(size) < crop]
    if small:
        height, width = sizes[small[0]]
        least = min(map(min, sizes.values()))
        raise DataError(
            f"{where}: {len(small)} of {len(sizes)} images are smaller than the crop "
            f"of {crop} pixels. First: {small[0]} with {width}x{height} (width x "
            f"height). Remove them, or crop less: {option}{least}"
        )
