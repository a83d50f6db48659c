"""Training batches: patches in an order that seed and step decide, and nothing else."""

import functools
from collections.abc import Generator

import grain
import numpy as np

from danet_jax.checks import ConfigError, message
from danet_jax.config import DataConfig
from danet_jax.data.degrade import jpeg
from danet_jax.data.patches import PatchSource

Batch = dict[str, np.ndarray]
_READING = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)  # batches


def patch_count(images: PatchSource, data: DataConfig) -> int:
    """Returns the number of patches, which is the length of an epoch."""
    return len(images.places(data))


def training_batches(
    images: PatchSource,
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
    gets positions ``s * batch_size`` onwards. Moves, flips and JPEG qualities depend on
    (seed, position) alone. So a resumed run reads what an uninterrupted one would have
    read, and the parts of all processes, in order, are the batch of a single process.

    Args:
        images: the training images, or prepared records of them.
        data: size, spacing, random changes and JPEG coding of the patches.
        batch_size: patches a step, over all processes.
        seed: of order and random changes; at least 0.
        start_step: first step to read for.
        steps: step before which to stop.
        process_index: which part of each batch to read, less than ``process_count``.
        process_count: number of equal parts.
    Returns:
        {"clean": uint8 [batch_size / process_count, crop, crop, C]}, and for pairs and
        JPEG also "degraded". Closing the iterator ends its threads.
    Raises:
        ConfigError: the processes do not divide the batch.
    """
    if batch_size % process_count:
        rule = f"be a multiple of the number of processes, {process_count}"
        raise ConfigError(message("train", "batch_size", rule, batch_size))
    stream = grain.MapDataset.source(images.places(data)).seed(seed).shuffle()
    patches = stream.repeat().random_map(functools.partial(_cut, images, data))
    parts = patches.batch(batch_size // process_count, drop_remainder=True)
    first = start_step * process_count + process_index
    return _iterate(parts[first : steps * process_count : process_count])


def _cut(
    images: PatchSource,
    data: DataConfig,
    place: np.ndarray,
    rng: np.random.Generator,
) -> Batch:
    """The patch at a place, moved, flipped and degraded at random."""
    sample, y, x = images.window(place.tolist(), data, rng)
    down, right = rng.choice((1, -1), 2) if data.flips else (1, 1)
    pictures = {"clean": sample.clean}
    if sample.degraded is not None:
        pictures["degraded"] = sample.degraded
    patches = {
        name: image[y : y + data.crop, x : x + data.crop][::down, ::right]
        for name, image in pictures.items()
    }
    if data.jpeg_quality:
        bounds = data.jpeg_quality_range or (data.jpeg_quality,)
        quality = int(rng.integers(bounds[0], bounds[-1], endpoint=True))
        patches["degraded"] = jpeg(patches["clean"], quality)
    return patches


def _iterate(batches: grain.MapDataset[Batch]) -> Generator[Batch, None, None]:
    iterator = iter(batches.to_iter_dataset(_READING))
    try:
        yield from iterator
    finally:
        iterator.close()
