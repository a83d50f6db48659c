"""``danet visualize``: where networks look, and what they compute on the way."""

import argparse
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from danet_jax.checks import ConfigError
from danet_jax.config import DANetConfig, EvaluationConfig
from danet_jax.data.degrade import noisy
from danet_jax.data.images import make_folder, read_image, to_float, write_png
from danet_jax.evaluation.report import write_text
from danet_jax.figures.field import MOST_LAYERS, check_point, check_size, reach
from danet_jax.figures.locations import locations_sheet
from danet_jax.figures.maps import attention_sheet, feature_sheet, wavelet_sheet
from danet_jax.figures.page import field_page
from danet_jax.figures.points import Point, choose_points
from danet_jax.figures.record import Record, record
from danet_jax.models import DANet
from danet_jax.models.places import deformable, lost
from danet_jax.pretrained import TASKS, load_pretrained
from danet_jax.training.experiment import load_experiment
from danet_jax.training.workdir import run_and_step

_LAYERS = 3  # by default, as the paper's Fig. 13 seems to have it


class Shown(NamedTuple):
    """An image as it goes into the networks."""

    pixels: np.ndarray  # float32 [H, W, C]
    about: str  # its name, and what was added


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of ``danet visualize``."""
    parser.description = (
        "Draws, for one image: from where chosen pixels are sampled by the deformable "
        "convolutions, the offset features, the spatial attention and the wavelet "
        "bands, as PNG; and a page in which any pixel can be pointed at, as HTML. "
        "docs/figures.md says how each is computed."
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--checkpoint",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="working directories of trainings, which are drawn side by side",
    )
    which.add_argument(
        "--task",
        nargs="+",
        choices=TASKS,
        metavar="TASK",
        help=f"networks that come with this package: {', '.join(TASKS)}",
    )
    _add_options(parser)


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--image", type=Path, required=True, metavar="FILE", help="image to look at")
    add("--out", type=Path, required=True, metavar="DIR", help="folder to write into")
    add(
        "--sigma",
        type=float,
        default=0.0,
        metavar="S",
        help="add Gaussian noise of this standard deviation, in 8-bit steps, as the "
        "protocols do; default: the image as it is",
    )
    add(
        "--point",
        nargs="+",
        default=[],
        metavar="X,Y",
        help="pixels, from 0,0 at the upper left; default: an edge, a corner, a "
        "texture and a flat area",
    )
    add(
        "--layers",
        type=int,
        metavar="N",
        help=f"follow the last N deformable convolutions, at most {MOST_LAYERS}; "
        f"default: {_LAYERS}",
    )
    add(
        "--group",
        type=int,
        metavar="G",
        help="the offsets of one group of channels, from 0; default: the mean of all",
    )


def run(arguments: argparse.Namespace, overrides: list[str]) -> None:
    """Draws the figures.

    Raises:
        UserError: a network, image, point or folder that cannot be used.
    """
    if overrides:
        raise ConfigError(
            f"visualize: has no configuration to change; got {overrides[0]}."
        )
    models = _load(arguments)
    configs = {name: model.config for name, model in models.items()}
    layers = _layers(arguments.layers, configs)
    shown = _read(arguments, _channels(configs))
    points = [_point(text, *shown.pixels.shape[:2]) for text in arguments.point]
    for config in configs.values():
        scales = [place.scale for place in deformable(config)[-layers:]]
        check_size(scales, *shown.pixels.shape[:2])
    records = {
        name: record(model, shown.pixels, layers=layers, group=arguments.group)
        for name, model in models.items()
    }
    for name, of_network in records.items():
        if warning := lost(of_network.outside):
            print(f"{name}: {warning}", file=sys.stderr)
    first = next(iter(records.values()))
    if not points:
        margin = reach([layer.scale for layer in first.layers])
        points = choose_points(first.restored, margin=margin)
    make_folder(arguments.out)
    _draw(arguments.out, records, configs, shown, points)


def _load(arguments: argparse.Namespace) -> dict[str, DANet]:
    """The networks by the names that figures call them."""
    if arguments.task is not None:
        return {task: load_pretrained(task) for task in arguments.task}
    paths = [run_and_step(path)[0].resolve() for path in arguments.checkpoint]
    names = [path.name for path in paths]
    if len(set(names)) < len(names):  # steps of one run, or runs of one name
        names = [str(path) for path in arguments.checkpoint]
    models = [load_experiment(path)[1] for path in arguments.checkpoint]
    return dict(zip(names, models, strict=True))


def _layers(wanted: int | None, configs: dict[str, DANetConfig]) -> int:
    """How many layers to follow in every network."""
    counts = {name: len(deformable(config)) for name, config in configs.items()}
    for name, count in counts.items():
        if not count:
            raise ConfigError(
                f'visualize: {name} has no deformable convolutions (block "conv"), and '
                "so neither sampling locations nor offset features nor attention. "
                "Leave it out."
            )
    fewest = min(counts, key=counts.__getitem__)
    most = min(counts[fewest], MOST_LAYERS)
    if wanted is None:
        return min(_LAYERS, most)
    if not 1 <= wanted <= most:
        raise ConfigError(
            f"visualize: --layers must lie in 1 to {most}; got {wanted}. {fewest} has "
            f"{counts[fewest]} deformable convolutions; {MOST_LAYERS} are followed at "
            "most."
        )
    return wanted


def _channels(configs: dict[str, DANetConfig]) -> int:
    """What the images of all networks have."""
    counts = {name: config.channels for name, config in configs.items()}
    if len(set(counts.values())) > 1:
        kinds = {1: "gray", 3: "colour"}
        got = ", ".join(f"{name} ({kinds[count]})" for name, count in counts.items())
        raise ConfigError(
            f"visualize: networks must be for one kind of image; got {got}. Draw "
            "those for gray and for colour apart."
        )
    return next(iter(counts.values()))


def _read(arguments: argparse.Namespace, channels: int) -> Shown:
    sigma_255 = arguments.sigma
    if not 0 <= sigma_255 < math.inf:
        raise ConfigError(f"visualize: --sigma must be 0 or more; got {sigma_255}.")
    pixels = read_image(arguments.image, channels)
    name = arguments.image.name
    if not sigma_255:
        return Shown(to_float(pixels), name)
    degraded = noisy(pixels, EvaluationConfig(), sigma_255)
    return Shown(degraded, f"{name} with noise of sigma {sigma_255:g}")


def _point(text: str, height: int, width: int) -> Point:
    text = text.strip()
    match = re.fullmatch(r"(-?\d+),(-?\d+)", text)
    if match is None:
        raise ConfigError(
            f"visualize: --point must be X,Y in whole pixels, e.g. 40,25; got {text}."
        )
    x, y = int(match[1]), int(match[2])
    check_point((x, y), height, width)
    return Point(x, y, text)


def _draw(
    out: Path,
    records: dict[str, Record],
    configs: dict[str, DANetConfig],
    shown: Shown,
    points: Sequence[Point],
) -> None:
    """Writes all figures and says which."""
    pixels, about = shown
    pictures = {
        "sampling.png": locations_sheet(records, points),
        "offset_feature.png": feature_sheet(records, pixels),
    }
    pages, ends = {}, _ends(list(records))
    for name, of_network in records.items():
        end = ends[name]
        if of_network.attention:
            pictures[f"attention{end}.png"] = attention_sheet(of_network, pixels)
        else:
            note = f'{name}: blocks "{configs[name].block}" have no attention to draw.'
            print(note, file=sys.stderr)
        downs = of_network.downs if configs[name].wavelet else ()
        pictures[f"wavelets{end}.png"] = wavelet_sheet(downs, pixels)
        pages[f"field{end}.html"] = field_page(
            of_network, pixels, points, network=name, about=about
        )
    for name, picture in pictures.items():
        write_png(out / name, picture)
    for name, page in pages.items():
        write_text(out / name, page)
    print(f"Written to {out}: {', '.join([*pictures, *pages])}.")


def _ends(names: Sequence[str]) -> dict[str, str]:
    """What the names of each network's files end with: nothing if it is the only one.

    They are numbered if two would be the same, also to disks that ignore case.
    """
    if len(names) == 1:
        return dict.fromkeys(names, "")
    ends = {name: f"_{_as_file(name)}" for name in names}
    if len({end.casefold() for end in ends.values()}) == len(names):
        return ends
    return {name: f"{end}_{i}" for i, (name, end) in enumerate(ends.items(), 1)}


def _as_file(name: str) -> str:
    """A network's name as part of a file's."""
    return re.sub(r"[^\w.-]+", "_", name).strip("_")
