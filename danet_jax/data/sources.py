"""Folders of images, single or in pairs, checked as a whole before they are used."""

import dataclasses
import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

import numpy as np
from tqdm import tqdm

from danet_jax.checks import DataError
from danet_jax.config import DataConfig
from danet_jax.data.images import find_images, read_image
from danet_jax.data.pairing import match_pairs

Files = dict[str, tuple[Path, Path | None]]  # name -> clean file, degraded partner


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """One picture, uint8 [H, W, C], read-only, and its degraded partner if any."""

    name: str
    clean: np.ndarray
    degraded: np.ndarray | None


class ImageFolder:
    """Decoded images by index; safe to read from several threads.

    Every file is decoded once at the start, so that a broken one is named at once. What
    does not fit into the cache is decoded again at each access.

    Args:
        files: the clean file, and its partner or None, by name.
        channels: 1 (gray) or 3 (RGB), of all images.
        cache_gib: GiB of decoded images to keep.
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
    ) -> None:
        self.names = list(files)
        self.channels = channels
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

    def _decode(self, index: int) -> Sample:
        path, partner = self._files[index]
        clean, degraded = read_image(path, self.channels), None
        clean.setflags(write=False)
        if partner is not None:
            degraded = read_image(partner, self.channels)
            degraded.setflags(write=False)
            if degraded.shape != clean.shape:
                raise DataError(
                    f"{partner}: must be as large as {path}; got {_size(degraded)} and "
                    f"{_size(clean)} pixels (width x height)."
                )
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
        if errors:
            first = " ".join(map(str, errors[:5]))
            raise DataError(
                f"data: {len(errors)} of {len(self)} images cannot be used. {first}"
            )
        return [result for result in results if not isinstance(result, DataError)]


def open_training(data: DataConfig, channels: int) -> ImageFolder:
    """Opens the images of a config that are not held out.

    Raises:
        DataError: no folder given or found, no images, broken ones, pairs that do not
            fit, or images smaller than ``data.crop``.
    """
    files, _ = _split(data)
    images = ImageFolder(files, channels=channels, cache_gib=data.cache_gib)
    _check_crop(images, data.crop)
    return images


def open_validation(data: DataConfig, channels: int) -> ImageFolder | None:
    """Opens the held-out images or the validation folder of a config, if it has any.

    Raises:
        DataError: as ``open_training``, but for the crop: these images are used whole.
    """
    if data.validation_root:
        return open_folder(
            Path(data.validation_root).expanduser(),
            channels,
            clean=data.clean,
            degraded=data.degraded,
            cache_gib=data.cache_gib,
        )
    if not data.held_out:
        return None
    _, held_out = _split(data)
    return ImageFolder(held_out, channels=channels, cache_gib=data.cache_gib)


def open_folder(
    path: Path,
    channels: int,
    *,
    clean: str = "**/*",
    degraded: str = "",
    cache_gib: float,
) -> ImageFolder:
    """Opens the images below a folder, in pairs if ``degraded`` is a pattern.

    Raises:
        DataError: no folder, no images, broken ones, or pairs that do not fit.
    """
    files = _list_files(path, clean, degraded)
    return ImageFolder(files, channels=channels, cache_gib=cache_gib)


def _list_files(root: Path, clean: str, degraded: str) -> Files:
    """The files below root by name: the clean one's path below root, without suffix.

    Where two names would be equal (a.png, a.jpg), all names keep their suffix.
    """
    root = Path(root)
    found = [path.relative_to(root) for path in find_images(root, clean)]
    pairs: list[tuple[Path, Path | None]] = [(root / path, None) for path in found]
    if degraded:
        found += [path.relative_to(root) for path in find_images(root, degraded)]
        matched = match_pairs(
            {path.as_posix() for path in found},
            clean=PurePath(clean).as_posix(),
            degraded=PurePath(degraded).as_posix(),
            where=str(root),
        )
        pairs = [(root / one, root / other) for one, other in matched]
    full = [path.relative_to(root) for path, _ in pairs]
    bare = [path.with_suffix("") for path in full]
    unique = len(set(bare)) == len(bare)
    names = [path.as_posix() for path in (bare if unique else full)]
    return dict(zip(names, pairs, strict=True))


def _root_files(data: DataConfig) -> Files:
    """The files below the config's root, or an error that says how to get them."""
    try:
        root = data.root or os.environ.get("DANET_DATA", "")
        if not root:
            wanted = " and ".join(filter(None, (data.clean, data.degraded)))
            raise DataError(f"data: no folder of images given, to look for {wanted}.")
        return _list_files(Path(root).expanduser(), data.clean, data.degraded)
    except DataError as error:
        where = "--config.data.root=DIR or the environment variable DANET_DATA"
        raise DataError(
            f"{error} The folder comes from {where}. {data.source}".rstrip()
        ) from error


def _split(data: DataConfig) -> tuple[Files, Files]:
    """The files of a config for training, and those held out for validation."""
    files = _root_files(data)
    held_out: set[str] = set()
    for pattern in data.held_out:
        matched = {
            name
            for name, (path, _) in files.items()
            if fnmatchcase(name, pattern) or fnmatchcase(path.name, pattern)
        }
        if not matched:
            raise DataError(
                f"data.held_out: {pattern!r} matches none of {len(files)} images; "
                f"their names look like {next(iter(files))}."
            )
        held_out |= matched
    if len(held_out) == len(files):
        raise DataError(
            f"data.held_out: {', '.join(data.held_out)} matches all {len(files)} "
            "images. Leave some for training."
        )
    training = {name: pair for name, pair in files.items() if name not in held_out}
    return training, {name: files[name] for name in files if name in held_out}


def _check_crop(images: ImageFolder, crop: int) -> None:
    small = [i for i, size in enumerate(images.sizes) if min(size) < crop]
    if small:
        height, width = images.sizes[small[0]]
        raise DataError(
            f"data: {len(small)} of {len(images)} training images are smaller than the "
            f"crop of {crop} pixels. First: {images.names[small[0]]} with "
            f"{width}x{height} (width x height). Remove them, or crop "
            f"less: --config.data.crop={min(map(min, images.sizes))}"
        )


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
