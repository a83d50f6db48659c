"""``danet restore``: image files without ground truth, restored into new files."""

import argparse
import dataclasses
import sys
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from danet_jax.checks import ConfigError, DataError
from danet_jax.data.images import find_images
from danet_jax.evaluation.files import read_photograph, write_photograph
from danet_jax.evaluation.inference import Restorer, make_restorer, restore_pixels
from danet_jax.training.checkpoint import load_experiment

Jobs = list[tuple[Path, Path]]  # what to read and where to write it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of ``danet restore``."""
    parser.description = (
        "Restores an image file, or all in a folder and its subfolders. Size, format, "
        "transparency and colour profile stay; JPEG is written with quality 95. Each "
        "new image size is compiled anew, which takes a while for full-size networks."
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
        help="file or folder to write; default: beside the input, as NAME_restored",
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
    jobs = _plan(arguments.input, arguments.out)
    _check_targets(jobs, overwrite=arguments.overwrite)
    config, model = load_experiment(arguments.checkpoint)
    channels, restore = config.model.channels, make_restorer(model)
    if arguments.input.is_file():
        _restore_file(restore, channels, *jobs[0], told=[])
    else:
        _restore_all(restore, channels, jobs)


def _restore_all(restore: Restorer, channels: int, jobs: Jobs) -> None:
    failures: list[DataError] = []
    told: list[Path] = []
    for source, target in tqdm(jobs, "restoring", disable=None):
        try:
            _restore_file(restore, channels, source, target, told=told)
        except DataError as error:
            failures.append(error)
    if failures:
        first = " ".join(map(str, failures[:5]))
        raise DataError(
            f"restore: {len(failures)} of {len(jobs)} images failed, the others are "
            f"written. {first}"
        )


def _restore_file(
    restore: Restorer, channels: int, source: Path, target: Path, *, told: list[Path]
) -> None:
    """Restores one file; ``told`` holds a path once the note on colour was given."""
    photograph = read_photograph(source)
    if channels == 1 and photograph.pixels.shape[2] == 3 and not told:
        note = f"{source}: in colour, but the network is gray: "
        tqdm.write(note + "red, green and blue are restored apart.", file=sys.stderr)
        told.append(source)
    try:
        pixels = restore_pixels(restore, photograph.pixels, channels=channels)
    except DataError as error:
        raise DataError(f"{source}: {error}") from error
    kind = photograph.format
    if target.suffix.lower() != source.suffix.lower():
        kind = _formats()[target.suffix.lower()]
    restored = dataclasses.replace(photograph, pixels=pixels, format=kind)
    write_photograph(target, restored)


def _plan(source: Path, out: Path | None) -> Jobs:
    """Lists what to read and where to write it."""
    named = source.resolve() if source.name in ("", "..") else source
    if source.is_dir():
        out = out or named.with_name(f"{named.name}_restored")
        if out.is_file():
            raise DataError(f"{out}: must be a folder, as {source} is; got a file.")
        files = find_images(source)
        if source.resolve() in out.resolve().parents:  # of an earlier restoration
            files = [p for p in files if out.resolve() not in p.resolve().parents]
        return [(path, out / path.relative_to(source)) for path in files]
    if not source.exists():
        raise DataError(f"{source}: no such file or folder.")
    # A GIF has a palette, which restored colours would not fit into.
    suffix = ".png" if named.suffix.lower() == ".gif" else named.suffix
    if out is None:
        return [(source, named.with_name(f"{named.stem}_restored{suffix}"))]
    if out.is_dir():
        return [(source, out / f"{named.stem}{suffix}")]
    if out.suffix.lower() not in {named.suffix.lower(), *_formats()}:
        raise DataError(
            f"{out}: must end in an image format such as .png, or be a folder that "
            f'exists; got "{out.suffix}".'
        )
    return [(source, out)]


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


def _formats() -> dict[str, str]:
    """The formats that Pillow writes, by the suffixes of their files."""
    known = Image.registered_extensions()
    return {suffix: kind for suffix, kind in known.items() if kind in Image.SAVE}
