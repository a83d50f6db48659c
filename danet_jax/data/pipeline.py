"""Training batches: patches in an order that seed and step decide, and nothing else."""

import functools
from collections.abc import Generator

import grain
import numpy as np

from danet_jax.checks import ConfigError, message
from danet_jax.config import DataConfig
from danet_jax.data.sources import ImageFolder

Batch = dict[str, np.ndarray]
_READING = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)  # batches


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


def patch_count(images: ImageFolder, data: DataConfig) -> int:
    """Returns the number of patches, which is the length of an epoch."""
    return len(_patch_places(images, data))


def training_batches(
    images: ImageFolder,
    data: DataConfig,
    *,
    batch_size: int,
    seed: int,
    start_step: int,
    steps: int,
    process_index: int = 0,
    process_count: int = 1,
) -> Generator[Batch, None, None]:
    """Yields the batches of steps ``start_step`` to ``steps - 1``.

    The patches form an endless stream, shuffled anew in each epoch, of which step s
    gets positions ``s * batch_size`` onwards. Jitter and flips depend on (seed,
    position) alone. So a resumed run reads what an uninterrupted one would have read,
    and the parts of all processes, in order, are the batch of a single process.

    Args:
        images: the training images.
        data: size, spacing and random changes of the patches.
        batch_size: patches a step, over all processes.
        seed: of order, jitter and flips; at least 0.
        start_step: first step to read for.
        steps: step before which to stop.
        process_index: which part of each batch to read, less than ``process_count``.
        process_count: number of equal parts.
    Returns:
        {"clean": uint8 [batch_size / process_count, crop, crop, C]}, and for pairs also
        "degraded". Closing the iterator ends its threads.
    Raises:
        ConfigError: the processes do not divide the batch.
    """
    if batch_size % process_count:
        rule = f"be a multiple of the number of processes, {process_count}"
        raise ConfigError(message("train", "batch_size", rule, batch_size))
    stream = grain.MapDataset.source(_patch_places(images, data)).seed(seed).shuffle()
    patches = stream.repeat().random_map(functools.partial(_cut, images, data))
    parts = patches.batch(batch_size // process_count, drop_remainder=True)
    first = start_step * process_count + process_index
    return _iterate(parts[first : steps * process_count : process_count])


def _cut(
    images: ImageFolder,
    data: DataConfig,
    place: np.ndarray,
    rng: np.random.Generator,
) -> Batch:
    """The patch at a place (image, y, x), moved and flipped at random."""
    index, *corner = map(int, place)
    sample, crop, reach = images[index], data.crop, data.interval // 2
    if data.jitter:
        moved = corner + rng.integers(-reach, reach, 2, endpoint=True)
        corner = np.clip(moved, 0, np.subtract(sample.clean.shape[:2], crop)).tolist()
    y, x = corner
    down, right = rng.choice((1, -1), 2) if data.flips else (1, 1)
    patches = {"clean": sample.clean}
    if sample.degraded is not None:
        patches["degraded"] = sample.degraded
    return {
        name: image[y : y + crop, x : x + crop][::down, ::right]
        for name, image in patches.items()
    }


def _patch_places(images: ImageFolder, data: DataConfig) -> np.ndarray:
    """All patches as int32 rows (image, y, x)."""
    places = [
        (index, y, x)
        for index, (height, width) in enumerate(images.sizes)
        for y, x in patch_grid(height, width, crop=data.crop, interval=data.interval)
    ]
    return np.asarray(places, np.int32)


def _iterate(batches: grain.MapDataset[Batch]) -> Generator[Batch, None, None]:
    iterator = iter(batches.to_iter_dataset(_READING))
    try:
        yield from iterator
    finally:
        iterator.close()
