"""Folders of images, single or in pairs, checked as a whole before they are used."""

import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from danet_jax.checks import ConfigError, DataError
from danet_jax.config import DataConfig
from danet_jax.data.images import Gray, read_image, refuse_unusable
from danet_jax.data.listing import Files, hold_out, list_files
from danet_jax.data.manifest import Preparation, read_manifest
from danet_jax.data.pairing import check_partner
from danet_jax.data.patches import PatchSource, Sample, check_crop, patch_grid


class ImageFolder:
    """Decoded images by index; safe to read from several threads.

    Every file is decoded once at the start, so that a broken one is named at once. What
    does not fit into the cache is decoded again at each access.

    Args:
        files: the clean file, and its partner or None, by name.
        channels: 1 (gray) or 3 (RGB), of all images.
        cache_gib: GiB of decoded images to keep.
        gray: what colour becomes with one channel.
    Raises:
        DataError: files that cannot be read, or pairs of different sizes; the message
            holds the first five and their number.
    """

    def __init__(
        self,
        files: Mapping[str, tuple[Path, Path | None]],
        *,
        channels: int,
        cache_gib: float,
        gray: Gray = "rgb2gray",
    ) -> None:
        self.names = list(files)
        self.channels = channels
        self._gray = gray
        self._files = list(files.values())
        self.paired = any(degraded is not None for _, degraded in self._files)
        self._cache: dict[int, Sample] = {}
        self._free_bytes = cache_gib * 2**30
        self._lock = threading.Lock()
        self.sizes = self._inspect_all()

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Sample:
        return self._cache.get(index) or self._decode(index)

    def places(self, data: DataConfig) -> np.ndarray:
        """All patches as int32 rows (image, y, x)."""
        places = [
            (index, y, x)
            for index, size in enumerate(self.sizes)
            for y, x in patch_grid(*size, crop=data.crop, interval=data.interval)
        ]
        return np.asarray(places, np.int32)

    def window(
        self, place: Sequence[int], data: DataConfig, rng: np.random.Generator
    ) -> tuple[Sample, int, int]:
        """The image at a place, and the patch's corner, moved if there is jitter."""
        index, y, x = place
        sample, reach = self[index], data.interval // 2
        if data.jitter:
            moved = np.add((y, x), rng.integers(-reach, reach, 2, endpoint=True))
            last = np.subtract(sample.clean.shape[:2], data.crop)
            y, x = np.clip(moved, 0, last).tolist()
        return sample, y, x

    def _decode(self, index: int) -> Sample:
        path, partner = self._files[index]
        clean, degraded = read_image(path, self.channels, self._gray), None
        clean.setflags(write=False)
        if partner is not None:
            degraded = read_image(partner, self.channels, self._gray)
            degraded.setflags(write=False)
            check_partner(path, clean.shape[:2], partner, degraded.shape[:2])
        return Sample(self.names[index], clean, degraded)

    def _inspect(self, index: int) -> tuple[int, int] | DataError:
        """Decodes one sample, keeps it while there is room, and returns its size."""
        try:
            sample = self._decode(index)
        except DataError as error:
            return error
        with self._lock:
            size = sample.clean.nbytes * (1 if sample.degraded is None else 2)
            if size <= self._free_bytes:
                self._free_bytes -= size
                self._cache[index] = sample
        height, width = sample.clean.shape[:2]
        return height, width

    def _inspect_all(self) -> list[tuple[int, int]]:
        workers = min(16, os.cpu_count() or 1)  # bounds the undecided images in memory
        with ThreadPoolExecutor(workers) as pool:
            found = pool.map(self._inspect, range(len(self)))
            found = tqdm(found, "reading images", len(self), leave=False, disable=None)
            results = list(found)
        errors = [result for result in results if isinstance(result, DataError)]
        refuse_unusable("data", errors, len(self))
        return [result for result in results if not isinstance(result, DataError)]


def open_training(data: DataConfig, channels: int) -> PatchSource:
    """Opens the images of a config that are not held out, or its prepared records.

    Raises:
        DataError: no folder given or found, no images, broken ones, pairs that do not
            fit, images smaller than ``data.crop``, or records that are incomplete.
        ConfigError: records that were prepared for another config.
    """
    root = _root(data)
    manifest = read_manifest(root)
    if manifest is not None:
        from danet_jax.data.prepared import PreparedPatches  # imports TFDS

        return PreparedPatches(root, manifest, data, channels)
    files, _ = hold_out(_root_files(root, data), data.held_out)
    images = _folder(files, data, channels)
    sizes = dict(zip(images.names, images.sizes, strict=True))
    check_crop("data", sizes, data.crop, option="--config.data.crop=")
    return images


def check_interval(data: DataConfig) -> None:
    """Checks an interval that was asked for by hand against prepared records.

    Those have the interval of their preparation, whatever a config says. Its own, for
    folders of images, may differ; one that was typed would do nothing, unsaid.

    Raises:
        ConfigError: the root holds records of another interval.
        DataError: no root is given, or its manifest cannot be read.
    """
    root = _root(data)
    manifest = read_manifest(root)
    if manifest is not None and manifest.interval != data.interval:
        others = root.with_name(f"{root.name}_interval")
        command = manifest.command(others, interval=data.interval)
        raise ConfigError(
            f"{root}: the records were cut at intervals of {manifest.interval} pixels, "
            f"which data.interval={data.interval} cannot change. Leave it out, or "
            f"prepare others: {command}"
        )


def open_validation(data: DataConfig, channels: int) -> ImageFolder | None:
    """Opens the held-out images or the validation folder of a config, if it has any.

    Those held out of prepared records are read from the folder they were made from.

    Raises:
        DataError: as ``open_training``, but for the crop: these images are used whole.
    """
    if data.validation_root:
        path = Path(data.validation_root).expanduser()
        return _folder(list_files(path, *data.validation_patterns), data, channels)
    if not data.held_out:
        return None
    root = _root(data)
    manifest = read_manifest(root)
    files = _root_files(root, data) if manifest is None else _source_files(manifest)
    _, held_out = hold_out(files, data.held_out)
    return _folder(held_out, data, channels)


def open_folder(
    path: Path,
    channels: int,
    *,
    clean: str = "**/*",
    degraded: str = "",
    cache_gib: float,
    gray: Gray = "rgb2gray",
    advice: str = "",
) -> ImageFolder:
    """Opens the images below a folder, in pairs if ``degraded`` is a pattern.

    Raises:
        DataError: no folder, no images, broken ones, or pairs that do not fit.
    """
    files = list_files(path, clean, degraded, advice=advice)
    return ImageFolder(files, channels=channels, cache_gib=cache_gib, gray=gray)


def _folder(files: Files, data: DataConfig, channels: int) -> ImageFolder:
    return ImageFolder(
        files, channels=channels, cache_gib=data.cache_gib, gray=data.gray
    )


def _root(data: DataConfig) -> Path:
    """The config's root, or an error that says how to get the data."""
    root = data.root or os.environ.get("DANET_DATA", "")
    if not root:
        wanted = " and ".join(filter(None, (data.clean, data.degraded)))
        text = f"data: no folder of images given, to look for {wanted}."
        raise DataError(_advised(text, data))
    return Path(root).expanduser()


def _root_files(root: Path, data: DataConfig) -> Files:
    """The files below the config's root, or an error that says how to get them."""
    try:
        return list_files(root, data.clean, data.degraded)
    except DataError as error:
        raise DataError(_advised(str(error), data)) from error


def _source_files(manifest: Preparation) -> Files:
    """The files that records were made from."""
    source = Path(manifest.source)
    try:
        return list_files(source, manifest.clean, manifest.degraded)
    except DataError as error:
        raise DataError(
            f"{error} Held-out images are read from the folder that was prepared. Put "
            "it back, or name one of validation images: --config.data.held_out= "
            "--config.data.validation_root=DIR"
        ) from error


def _advised(problem: str, data: DataConfig) -> str:
    where = "--config.data.root=DIR or the environment variable DANET_DATA"
    return f"{problem} The folder comes from {where}. {data.source}".rstrip()
