"""Patches from the records that ``danet prepare`` wrote, as a source for training."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from danet_jax.checks import ConfigError, DataError
from danet_jax.config import DataConfig
from danet_jax.data.images import find_images
from danet_jax.data.listing import list_files, matching
from danet_jax.data.manifest import Preparation
from danet_jax.data.patches import Sample
from danet_jax.data.records import open_records


class PreparedPatches:
    """Prepared patches by index; safe to read from several threads.

    Args:
        folder: of the records.
        manifest: what they were made from.
        data: the config that wants to train on them.
        channels: of its network.
    Raises:
        ConfigError: the config wants what the records are not.
        DataError: records that are missing or incomplete, or an image that was since
            changed, added or removed; the file is named.
    """

    def __init__(
        self, folder: Path, manifest: Preparation, data: DataConfig, channels: int
    ) -> None:
        _check(folder, manifest, data, channels)
        _check_source(folder, manifest)
        self.names = [image.name for image in manifest.images]
        self.paired = bool(manifest.degraded)
        self._folder = folder
        self._crop = manifest.crop
        self._records = open_records(folder, manifest)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> Sample:
        try:
            record = self._records[index]
        except RuntimeError as error:  # a record whose checksum is wrong
            raise DataError(
                f"{self._folder}: record {index} is damaged ({error}). Prepare the "
                "records anew."
            ) from error
        return Sample(str(index), record["clean"], record.get("degraded"))

    def places(self, data: DataConfig) -> np.ndarray:
        """All records as int32 rows (index, 0, 0)."""
        places = np.zeros((len(self), 3), np.int32)
        places[:, 0] = np.arange(len(self))
        return places

    def window(
        self, place: Sequence[int], data: DataConfig, rng: np.random.Generator
    ) -> tuple[Sample, int, int]:
        """A record, and a random corner where it is larger than the patch."""
        sample, free = self[place[0]], self._crop - data.crop
        y, x = rng.integers(0, free, 2, endpoint=True).tolist() if free else (0, 0)
        return sample, y, x


def _check(
    folder: Path, manifest: Preparation, data: DataConfig, channels: int
) -> None:
    """Compares what the records are with what a config wants."""
    kinds = {True: "pairs of images", False: "single images"}
    has, wants = bool(manifest.degraded), bool(data.degraded)
    if has != wants:
        raise ConfigError(
            f"{folder}: the records hold {kinds[has]}, but the config trains on "
            f"{kinds[wants]}. Give --config.data.root another folder."
        )
    patterns = manifest.clean, manifest.degraded
    if has and patterns != (data.clean, data.degraded):
        raise ConfigError(
            f"{folder}: the records hold the pairs {' and '.join(patterns)}, but the "
            f"config trains on {data.clean} and {data.degraded}. Give "
            "--config.data.root another folder, or the config the same patterns: "
            "--config.data.clean and --config.data.degraded."
        )
    if data.crop > manifest.crop:
        repair = f", or crop less: --config.data.crop={manifest.crop}"
        _refuse(folder, manifest, "crop", data.crop, repair)
    if channels != manifest.channels:
        _refuse(folder, manifest, "channels", channels)
    if manifest.colour and channels == 1 and data.gray != manifest.gray:
        _refuse(folder, manifest, "gray", data.gray)
    same = set(data.held_out) == set(manifest.held_out)
    if not (same or data.validation_root):
        _refuse(folder, manifest, "held_out", data.held_out)


def _check_source(folder: Path, manifest: Preparation) -> None:
    """Compares the images with what they were: all may be gone, but none changed."""
    source = Path(manifest.source)
    stated = {
        source / file: (size, mtime_ns)
        for image in manifest.images
        for file, size, mtime_ns in zip(
            image.files, image.bytes, image.mtime_ns, strict=True
        )
    }
    repair = f"Prepare them anew: {manifest.command(folder)}"
    try:
        there = _training_files(source, manifest)
    except DataError as error:
        raise DataError(
            f"{error} The records in {folder} are of other files. {repair}"
        ) from error
    for path in sorted(there | stated.keys()) if there else ():
        what = "removed" if path not in there else "added"
        if path in there and path in stated:
            stat = path.stat()
            if (stat.st_size, stat.st_mtime_ns) == stated[path]:
                continue
            what = "changed"
        raise DataError(
            f"{path}: was {what} after the records in {folder} were prepared. {repair}"
        )


def _training_files(source: Path, manifest: Preparation) -> set[Path]:
    """The files that would be prepared now; none if there are no images any more."""
    try:
        find_images(source, manifest.clean)
    except DataError:
        return set()
    files = list_files(source, manifest.clean, manifest.degraded)
    held_out = matching(files, manifest.held_out)
    pairs = (pair for name, pair in files.items() if name not in held_out)
    return {path for pair in pairs for path in pair if path and path.exists()}


def _refuse(
    folder: Path, manifest: Preparation, name: str, value: object, repair: str = ""
) -> None:
    others = folder.with_name(f"{folder.name}_{name}")
    raise ConfigError(
        f"{folder}: the records were prepared with {name}="
        f"{getattr(manifest, name)!r}, but the config wants {value!r}. Prepare others: "
        f"{manifest.command(others, **{name: value})}{repair}"
    )
