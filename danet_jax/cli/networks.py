"""Which network ``danet restore`` uses for an image, and how it is applied."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from danet_jax.checks import ConfigError
from danet_jax.models import DANet
from danet_jax.pretrained import TASKS, load_pretrained
from danet_jax.restoration.ensemble import blended, self_ensemble
from danet_jax.restoration.files import read_head
from danet_jax.restoration.inference import Restorer, make_restorer
from danet_jax.restoration.tiles import make_tiled_restorer
from danet_jax.training.experiment import load_experiment

OVERLAP = 64  # pixels
COARSE = 50  # the best JPEG quality whose artifacts are worse than a camera's noise
TILED = (
    "Tiles of {0} x {0} pixels for larger images differ a little from the whole, the "
    "more the smaller tile and overlap are. docs/tiles.md has figures."
)


class Network(NamedTuple):
    """A network as it is applied to images."""

    channels: int
    restore: Restorer
    on_luma: bool  # a gray network for JPEG, which knows Y


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments that choose a network and say how it is applied."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--checkpoint", type=Path, metavar="DIR", help="working directory of a training"
    )
    tasks = "; ".join(f"{name}: {what}" for name, what in TASKS.items())
    which.add_argument(
        "--task",
        choices=TASKS,
        metavar="TASK",
        help=f"a network that comes with this package ({tasks}); default: jpeg_blind "
        f"for JPEG files of at most quality {COARSE}, real for others, gray25 for gray "
        "images, color_blind for the rest",
    )
    _add_options(parser)


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--tile",
        type=int,
        metavar="N",
        help="restore larger images in tiles of N x N pixels, which need less memory "
        "but twice the time",
    )
    add(
        "--overlap",
        type=int,
        metavar="N",
        help=f"pixels that tiles share, at most half a tile; default: {OVERLAP}",
    )
    add(
        "--ensemble",
        action="store_true",
        help="mean over 4 turns and their mirror images: 8 times the time, a little "
        "better",
    )
    add(
        "--strength",
        type=float,
        default=1.0,
        metavar="X",
        help="0 leaves images as they are, 1 (default) restores them in full",
    )


def choose_networks(
    arguments: argparse.Namespace, paths: Sequence[Path]
) -> Callable[[Path], Network]:
    """Loads the networks that a command line and its images ask for.

    Args:
        arguments: as declared by ``add_arguments``.
        paths: the images.
    Returns:
        The network of each image.
    Raises:
        UserError: one that cannot be loaded, or arguments that it cannot have.
    """
    if arguments.tile is None and arguments.overlap is not None:
        raise ConfigError("restore: --overlap belongs to tiles. Add --tile 512.")
    if arguments.checkpoint is not None:
        config, model = load_experiment(arguments.checkpoint)
        network = _apply(arguments, model, jpeg=config.data.jpeg_quality > 0)
        return lambda path: network
    if arguments.task is not None:
        network = _load(arguments, arguments.task)
        return lambda path: network
    tasks = {path: _task_of(path) for path in paths}
    networks = {task: _load(arguments, task) for task in sorted(set(tasks.values()))}
    _say(tasks)
    return lambda path: networks[tasks[path]]


def _load(arguments: argparse.Namespace, task: str) -> Network:
    return _apply(arguments, load_pretrained(task), jpeg=task == "jpeg_blind")


def _apply(arguments: argparse.Namespace, model: DANet, *, jpeg: bool) -> Network:
    if arguments.tile is None:
        restore = make_restorer(model)
    else:
        tile, overlap = arguments.tile, arguments.overlap
        if overlap is None:
            overlap = min(OVERLAP, tile // 2)
        restore = make_tiled_restorer(model, tile=tile, overlap=overlap)
    if arguments.ensemble:
        restore = self_ensemble(restore)
    channels = model.config.channels
    restore = blended(restore, arguments.strength)
    return Network(channels, restore, on_luma=jpeg and channels == 1)


def _task_of(path: Path) -> str:
    head = read_head(path)
    if head is not None and head.format == "JPEG":
        return "jpeg_blind" if head.jpeg_quality <= COARSE else "real"
    return "gray25" if head is not None and not head.colour else "color_blind"


def _say(tasks: dict[Path, str]) -> None:
    """Says in a line what was chosen for the images, and how to choose another."""
    parts = []
    for task in sorted(set(tasks.values())):
        first, *others = (path for path, chosen in tasks.items() if chosen == task)
        more = f" and {len(others)} more" if others else ""
        parts.append(f"{task} ({TASKS[task]}) for {first}{more}")
    text = "; ".join(parts)
    print(f"Chosen: {text}. --task or --checkpoint choose another.", file=sys.stderr)
