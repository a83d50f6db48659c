"""``danet restore``: image files without ground truth, restored into new files."""

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from danet_jax.checks import ConfigError, DataError
from danet_jax.data.images import SUFFIXES, find_images, make_folder
from danet_jax.evaluation.files import (
    DiskError,
    in_colour,
    read_photograph,
    write_photograph,
)
from danet_jax.evaluation.inference import Restorer, make_restorer, restore_pixels
from danet_jax.training.checkpoint import load_experiment

Jobs = list[tuple[Path, Path]]  # what to read and where to write it

_FORMATS = " ".join(sorted(SUFFIXES))
_MARK = "_restored"  # at the end of a result's name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of ``danet restore``."""
    parser.description = (
        "Restores an image file, or all in a folder and its subfolders, but for "
        f"NAME{_MARK} beside NAME. Formats: {_FORMATS}. Size, format, transparency and "
        "colour profile stay; JPEG is written with quality 95. Each new image size is "
        "compiled anew, which takes a while for full-size networks."
    )
    add = parser.add_argument
    add("input", type=Path, metavar="INPUT", help="image file or folder of images")
    add(
        "--checkpoint", type=Path, required=True, help="working directory of a training"
    )
    add(
        "--out",
        type=Path,
        metavar="PATH",
        help=f"file or folder to write; default: beside the input, as NAME{_MARK}",
    )
    add("--overwrite", action="store_true", help="replace results that exist already")


def run(arguments: argparse.Namespace, overrides: list[str]) -> None:
    """Restores what the command line names; one broken file does not stop the others.

    Raises:
        UserError: a checkpoint, folder or file that cannot be used.
    """
    if overrides:
        raise ConfigError(
            f"restore: has no configuration to change; got {overrides[0]}."
        )
    source, (out, jobs) = arguments.input, _plan(arguments.input, arguments.out)
    _check_targets(jobs, overwrite=arguments.overwrite)
    config, model = load_experiment(arguments.checkpoint)
    _check_folder(out if source.is_dir() else out.parent)
    channels, restore = config.model.channels, make_restorer(model)
    colour = next((path for path, _ in jobs if channels == 1 and in_colour(path)), None)
    if colour is not None:
        note = f"{colour}: in colour, but the network is gray: "
        print(note + "red, green and blue are restored apart.", file=sys.stderr)
    if source.is_dir():
        _restore_all(restore, channels, jobs)
    else:
        _restore_file(restore, channels, *jobs[0])
    print(f"{source} -> {out}")


def _restore_all(restore: Restorer, channels: int, jobs: Jobs) -> None:
    failures: list[DataError] = []
    written = 0
    for source, target in tqdm(jobs, "restoring", disable=None):
        try:
            _restore_file(restore, channels, source, target)
            written += 1
        except DataError as error:
            failures.append(error)
            if isinstance(error, DiskError):
                break
    if failures:
        first = " ".join(map(str, failures[:5]))
        raise DataError(
            f"restore: of {len(jobs)} images {written} written, {len(failures)} "
            f"failed. {first}"
        )


def _restore_file(restore: Restorer, channels: int, source: Path, target: Path) -> None:
    photograph = read_photograph(source)
    try:
        pixels = restore_pixels(restore, photograph.pixels, channels=channels)
    except DataError as error:
        raise DataError(f"{source}: {error}") from error
    kind = photograph.format
    if target.suffix.lower() != source.suffix.lower():
        kind = Image.registered_extensions()[target.suffix.lower()]
    restored = dataclasses.replace(photograph, pixels=pixels, format=kind)
    write_photograph(target, restored)


def _plan(source: Path, out: Path | None) -> tuple[Path, Jobs]:
    """The file or folder to write, and all that is read and written."""
    if source.is_dir():
        named = source.resolve() if source.name in ("", "..") else source
        out = out or named.with_name(f"{named.name}{_MARK}")
        if out.is_file():
            raise DataError(f"{out}: must be a folder, as {source} is; got a file.")
        files = find_images(source)
        if source.resolve() in out.resolve().parents:  # of an earlier restoration
            files = [p for p in files if out.resolve() not in p.resolve().parents]
        inputs = (path for path in files if not _is_result(path, files))
        return out, [(path, out / path.relative_to(source)) for path in inputs]
    if not source.exists():
        raise DataError(f"{source}: no such file or folder.")
    if source.suffix.lower() not in SUFFIXES:
        raise DataError(
            f'{source}: must end in one of {_FORMATS}; got "{source.suffix}". Convert '
            "it first."
        )
    if out is None:
        out = source.with_stem(f"{source.stem}{_MARK}")
    elif out.is_dir():
        out = out / source.name
    elif out.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"{out}: must end in one of {_FORMATS}, or be a folder that exists; got "
            f'"{out.suffix}".'
        )
    return out, [(source, out)]


def _is_result(path: Path, files: list[Path]) -> bool:
    """Whether a file is what restoring its neighbour alone has written."""
    stem = path.stem.removesuffix(_MARK)
    return stem != path.stem and path.with_stem(stem) in files


def _check_targets(jobs: Jobs, *, overwrite: bool) -> None:
    sources = {source.resolve() for source, _ in jobs}
    for _, target in jobs:
        if target.resolve() in sources:
            raise DataError(
                f"{target}: is an input, which is never overwritten. Choose another "
                "--out."
            )
    existing = [target for _, target in jobs if target.exists()]
    if existing and not overwrite:
        raise DataError(
            f"{existing[0]}: exists already, one of {len(existing)} such results. "
            "Choose another --out, or add --overwrite."
        )


def _check_folder(folder: Path) -> None:
    """Makes a folder, and tries whether it takes a file before any time is spent."""
    make_folder(folder)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror
        raise DataError(f"{folder}: takes no files ({reason}).") from error
