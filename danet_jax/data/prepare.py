"""Preparing records: images are decoded in parallel, cut into patches, and written."""

import errno
import os
import shlex
import shutil
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tqdm import tqdm

from danet_jax.checks import DataError
from danet_jax.data.decoding import Job, Pictures, decoded
from danet_jax.data.images import make_folder, refuse_unusable
from danet_jax.data.manifest import (
    MANIFEST,
    Preparation,
    PreparedImage,
    read_manifest,
    write_manifest,
)
from danet_jax.data.patches import Patch, patch_grid
from danet_jax.locks import locked

_FILES = (MANIFEST, "dataset_info.json", "features.json")  # beside the records
_GOES_ON = "Nothing will be written; the rest is read to find others like it."
_OF_THE_DISK = frozenset(
    (
        errno.EACCES,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EIO,
        errno.ENAMETOOLONG,
        errno.ENOSPC,
        errno.EPERM,
        errno.EROFS,
    )
)


def is_prepared(out: Path, preparation: Preparation) -> bool:
    """Whether a folder holds just these records, complete.

    Images of the same names, sizes in bytes and times are the same, wherever their
    folder lies now; if it has moved, the manifest is told.

    Raises:
        DataError: the folder holds something else than records, or cannot be told.
    """
    if out.exists() and not (out.is_dir() and _ours(out)):
        raise DataError(
            f"{out}: exists, but holds no prepared records. Choose another --out."
        )
    try:
        found = read_manifest(out)
        if found is None or not found.like(preparation):
            return False
        from danet_jax.data.records import open_records

        open_records(out, preparation)
    except DataError:  # damaged: to be made anew
        return False
    if found.source != preparation.source:
        with _explained(out):
            write_manifest(out, preparation)
    return True


def prepare(out: Path, preparation: Preparation, *, workers: int) -> None:
    """Makes the records of a plan; what the folder held before is replaced.

    All is written to a hidden folder beside it, which takes its name when it is
    complete. Should the process be killed, the next one removes that folder.

    Args:
        out: folder of the records; a link stays one, and leads to them.
        preparation: the plan.
        workers: processes that decode images; 0: none but this one.
    Raises:
        DataError: a folder that is a disk of its own, or holds other files beside its
            records, an image that cannot be read or has changed, a full disk, or
            another process that prepares the same folder. Nothing is left behind.
    """
    from danet_jax.data.records import write_records

    out = out.resolve()  # beside a link there may be another disk
    if os.path.ismount(out):
        raise DataError(
            f"{out}: a disk is mounted there, so no other folder can take its place. "
            f"Name a folder on it: --out {shlex.quote(str(out / 'records'))}"
        )
    _refuse_others(out)
    make_folder(out.parent)
    records = closing(_records(preparation, workers))
    with _explained(out), _partial(out) as folder, records as patches:
        write_records(folder, preparation, patches)
        write_manifest(folder, preparation)
        if out.exists():
            out.rename(_beside(out, "replaced"))
        folder.rename(out)


def _records(preparation: Preparation, workers: int) -> Generator[Patch, None, None]:
    """The patches of all images, in the order of training from a folder.

    After an image that cannot be decoded there are no more, but all others are decoded,
    too: hours may have gone by, and the next one should not take as many again.
    """
    source = Path(preparation.source)
    jobs = [
        Job(
            tuple(source / file for file in image.files),
            preparation.channels,
            preparation.gray,
        )
        for image in preparation.images
    ]
    errors: list[DataError] = []
    found = zip(preparation.images, decoded(jobs, workers), strict=True)
    bar = tqdm(found, "preparing", len(jobs), unit="image", disable=None)
    for image, pictures in bar:
        if isinstance(pictures, DataError):
            if not errors:
                tqdm.write(f"{pictures} {_GOES_ON}", file=sys.stderr)
            errors.append(pictures)
        elif not errors:
            yield from _cut(image, pictures, preparation)
    refuse_unusable("prepare", errors, len(jobs))


def _cut(
    image: PreparedImage, pictures: Pictures, preparation: Preparation
) -> Iterator[Patch]:
    size = image.height, image.width
    for path, picture in zip(image.files, pictures, strict=True):
        if picture.shape[:2] != size:
            raise DataError(f"{path}: was changed meanwhile. Prepare again.")
    crop, interval = preparation.crop, preparation.interval
    names = ("clean", "degraded")[: len(pictures)]
    for y, x in patch_grid(*size, crop=crop, interval=interval):
        cut = (picture[y : y + crop, x : x + crop] for picture in pictures)
        yield dict(zip(names, cut, strict=True))


def _ours(folder: Path) -> bool:
    """Whether a folder holds records, or nothing."""
    return (folder / MANIFEST).is_file() or not any(folder.iterdir())


def _refuse_others(out: Path) -> None:
    """Raises DataError if a folder that will be replaced holds more than records."""
    for path in sorted(out.iterdir()) if out.is_dir() else ():
        known = path.name in _FILES or ".array_record-" in path.name
        if not known and not path.name.startswith("."):  # of file managers
            raise DataError(
                f"{out}: holds {path.name}, which would be lost with the records that "
                "are to be replaced. Move it, or choose another --out."
            )


def _beside(out: Path, word: str) -> Path:
    """A hidden folder that belongs to a preparation of this one."""
    return out.with_name(f".{out.name}.{word}")


@contextmanager
def _partial(out: Path) -> Iterator[Path]:
    """An empty hidden folder beside another, gone afterwards if it is still there."""
    folder, old = _beside(out, "partial"), _beside(out, "replaced")
    with _locked(out):
        make_folder(folder)
        _tidy(out, old)
        for path in folder.iterdir():  # of a process that was killed
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            _tidy(out, old)


def _tidy(out: Path, old: Path) -> None:
    """Ends the replacement of a folder: only one of the two remains, as ``out``."""
    if old.exists() and not out.exists():
        old.rename(out)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Keeps other processes from preparing a folder.

    Raises:
        DataError: another process prepares it now.
    """
    with locked(_beside(out, "lock")) as ours:
        if not ours:
            raise DataError(f"{out}: another process prepares it now. Wait for it.")
        yield


@contextmanager
def _explained(out: Path) -> Iterator[None]:
    """Words what the disk refuses; any other error is a mistake of ours."""
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        repair = "The disk is full; make room." if full else "Nothing was kept."
        text = error.strerror
        raise DataError(f"{out}: cannot be written ({text}). {repair}") from error
