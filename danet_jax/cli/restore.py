"""``danet restore``: image files without ground truth, restored into new files."""

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from danet_jax.checks import ConfigError, DataError
from danet_jax.cli import networks
from danet_jax.cli.jobs import (
    FORMATS,
    MARK,
    Jobs,
    check_folder,
    check_targets,
    compared,
    outputs,
    parse_shard,
    plan,
    share_of,
    unfinished,
)
from danet_jax.cli.networks import Network, choose_networks
from danet_jax.data.images import NO_MEMORY, write_png
from danet_jax.evaluation.pictures import side_by_side
from danet_jax.restoration.files import (
    DiskError,
    check_format,
    read_head,
    read_photograph,
    write_photograph,
)
from danet_jax.restoration.inference import DeviceMemoryError, restore_pixels, unit

Restore = Callable[[Path, Path], None]  # reads one file, writes another


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of ``danet restore``."""
    parser.description = (
        "Restores an image file, or all in a folder and its subfolders, but for "
        f"NAME{MARK} beside NAME. Formats: {FORMATS}. Size, format, depth (16-bit PNG "
        "and TIFF, float TIFF), transparency and colour profile stay; JPEG is written "
        "with quality 95. Each new image size is compiled anew, which takes a while "
        "for full-size networks; with --tile, all larger images share one program."
    )
    add = parser.add_argument
    add("input", type=Path, metavar="INPUT", help="image file or folder of images")
    networks.add_arguments(parser)
    add(
        "--out",
        type=Path,
        metavar="PATH",
        help=f"file or folder to write; default: beside the input, as NAME{MARK}",
    )
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument(
        "--overwrite", action="store_true", help="replace results that exist already"
    )
    existing.add_argument(
        "--skip-existing",
        action="store_true",
        help="leave results that exist already, whatever made them, and write what is "
        "missing: to go on where a restoration was stopped",
    )
    add(
        "--compare",
        action="store_true",
        help="also write input and result side by side, as RESULT.compare.png",
    )
    add(
        "--shard",
        metavar="I/N",
        help="restore the I-th of N parts of a folder, from 1; auto: by the number of "
        "the process under srun, mpirun, or JAX_PROCESS_ID and JAX_NUM_PROCESSES",
    )


def run(arguments: argparse.Namespace, overrides: list[str]) -> None:
    """Restores what the command line names; one broken file does not stop the others.

    Raises:
        UserError: a checkpoint, folder or file that cannot be used.
    """
    if overrides:
        raise ConfigError(
            f"restore: has no configuration to change; got {overrides[0]}."
        )
    source, (out, everything) = arguments.input, plan(arguments.input, arguments.out)
    jobs, part = _share(arguments, everything)
    compare, keep = arguments.compare, arguments.skip_existing
    replace = arguments.overwrite or keep
    check_targets(jobs, everything, replace=replace, compare=compare)
    if keep:
        jobs, there = unfinished(jobs, compare=compare), len(jobs)
        part += f"; {there - len(jobs)} of {there} were there already"
    if jobs:
        network_of = choose_networks(arguments, [path for path, _ in jobs])
        check_folder(out if source.is_dir() else out.parent)
        _say_what_differs(arguments, network_of, jobs)

        def restore(source: Path, target: Path) -> None:
            wanted = outputs(target, compare=compare)
            if keep:
                wanted = [path for path in wanted if not path.exists()]
            network, tile = network_of(source), arguments.tile
            _restore_file(network, source, target, wanted, tile=tile)

        _restore_all(restore, jobs) if source.is_dir() else restore(*jobs[0])
    print(f"{source} -> {out}{part}")


def _share(arguments: argparse.Namespace, everything: Jobs) -> tuple[Jobs, str]:
    """This process' part of all jobs, and its name."""
    if arguments.shard is None:
        return everything, ""
    if not arguments.input.is_dir():
        raise ConfigError(
            f"restore: --shard is for folders; {arguments.input} is a file. Leave it "
            "out."
        )
    number, count = parse_shard(arguments.shard)
    jobs = share_of(everything, (number, count))
    images = f"{len(jobs)} of {len(everything)} images"
    return jobs, f" (part {number} of {count}: {images})"


def _say_what_differs(
    arguments: argparse.Namespace, network_of: Callable[[Path], Network], jobs: Jobs
) -> None:
    grays = (path for path, _ in jobs if network_of(path).channels == 1)
    colour = next((p for p in grays if (head := read_head(p)) and head.colour), None)
    if colour is not None:
        done = "red, green and blue are restored apart"
        if network_of(colour).on_luma:
            done = "the luma is restored, the colours stay"
        note = f"{colour}: in colour, but the network is gray: {done}."
        print(note, file=sys.stderr)
    if arguments.tile is not None:
        print(networks.TILED.format(arguments.tile), file=sys.stderr)


def _restore_all(restore: Restore, jobs: Jobs) -> None:
    failures: list[DataError] = []
    written = 0
    for source, target in tqdm(jobs, "restoring", disable=None):
        try:
            restore(source, target)
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


def _restore_file(
    network: Network,
    source: Path,
    target: Path,
    wanted: Sequence[Path],
    *,
    tile: int | None,
) -> None:
    """Restores an image, and writes the result, its comparison, or both."""
    photograph = read_photograph(source)
    if target.suffix.lower() != source.suffix.lower():
        kind = Image.registered_extensions()[target.suffix.lower()]
        photograph = dataclasses.replace(photograph, format=kind)
    check_format(target, photograph)
    pixels = photograph.pixels
    try:
        restored = _restored(network, source, pixels, tile=tile)
        if target in wanted:
            write_photograph(target, dataclasses.replace(photograph, pixels=restored))
        if compared(target) in wanted:
            panels = ("input", unit(pixels)), ("restored", unit(restored))
            write_png(compared(target), side_by_side(panels))
    except MemoryError as error:
        raise DataError(f"{source}: {NO_MEMORY}") from error


def _restored(
    network: Network, source: Path, pixels: np.ndarray, *, tile: int | None
) -> np.ndarray:
    """An image restored; errors name its file, and the tiles that there might be."""
    try:
        return restore_pixels(
            network.restore, pixels, channels=network.channels, on_luma=network.on_luma
        )
    except DeviceMemoryError as error:
        repair = "Restore it in tiles: --tile 512, or smaller ones."
        if tile is not None:
            repair = f"Give a smaller --tile than {tile}."
        raise DataError(f"{source}: {error.problem} {repair}") from error
    except DataError as error:
        raise DataError(f"{source}: {error}") from error
