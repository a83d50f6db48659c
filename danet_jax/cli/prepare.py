"""``danet prepare``: the patches of a data set, cut once and stored as records."""

import argparse
import os
import shlex
import sys
from pathlib import Path

from danet_jax.checks import ConfigError
from danet_jax.config import (
    DIV2K_TRAIN,
    IMAGE_FOLDER,
    PAIRED_FOLDERS,
    SIDD_MEDIUM_TRAIN,
    Dataset,
    realsr_train,
)
from danet_jax.data.listing import list_files
from danet_jax.data.manifest import Preparation
from danet_jax.data.planning import plan
from danet_jax.data.prepare import is_prepared, prepare

_SCALES = (2, 3, 4)
_USUAL = Preparation()
_PUBLISHED = {one.name: one for one in (DIV2K_TRAIN, SIDD_MEDIUM_TRAIN)}
_REALSR = realsr_train(_SCALES[0]).name
_EXAMPLE = ", as in --clean 'clean/*' --degraded 'noisy/*'"
_NAMES = (*_PUBLISHED, _REALSR, IMAGE_FOLDER, PAIRED_FOLDERS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of ``danet prepare``."""
    parser.description = (
        "Cuts the patches of a data set and stores them as records. Training on them, "
        "by --config.data.root=OUT, starts at once and needs little memory. What is "
        "there already is left alone; what has changed is made anew. docs/data.md says "
        "where the data sets are, and how their folders must look."
    )
    parser.epilog = (
        "Pairs of one's own, in one folder or in two: %(prog)s paired_folders "
        "--source DIR --out OUT --clean '*_clean.png' --degraded '*_noisy.png', or "
        "--clean 'clean/*' --degraded 'noisy/*'. What the wildcards match must be "
        "equal, but for a suffix at the end: clean/a.png and noisy/a.jpg."
    )
    add = parser.add_argument
    add("name", choices=_NAMES, metavar="NAME", help=f"one of {', '.join(_NAMES)}")
    add("--source", type=Path, required=True, metavar="DIR", help="folder of images")
    add("--out", type=Path, required=True, metavar="OUT", help="folder of the records")
    add("--scale", type=int, choices=_SCALES, help=f"of {_REALSR}")
    add(
        "--clean",
        metavar="PATTERN",
        help="of the clean images in folders of your own, below --source; default **/*",
    )
    add("--degraded", metavar="PATTERN", help="of their partners, with equal wildcards")
    _add_options(parser)


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--crop",
        type=int,
        default=_USUAL.crop,
        help="pixels a side; default %(default)s",
    )
    add(
        "--interval",
        type=int,
        default=_USUAL.interval,
        help="pixels between the corners of patches; default %(default)s",
    )
    add(
        "--channels",
        type=int,
        choices=(1, 3),
        default=_USUAL.channels,
        help="1: gray, 3: RGB; default %(default)s",
    )
    add(
        "--gray",
        choices=("rgb2gray", "y"),
        default=_USUAL.gray,
        help="what colour becomes with one channel; default %(default)s",
    )
    add(
        "--held-out",
        nargs="+",
        default=[],
        metavar="PATTERN",
        help="of images to leave out, for validation: data.held_out of the config",
    )
    add(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="processes that decode; 0: none but this one; default %(default)s",
    )


def run(arguments: argparse.Namespace, overrides: list[str]) -> None:
    """Prepares what the command line names, unless it is there already.

    Raises:
        UserError: arguments that do not fit together, images or a disk that cannot be
            used.
    """
    if overrides:
        raise ConfigError(
            f"prepare: has no configuration to change; got {overrides[0]}."
        )
    if arguments.workers < 0:
        raise ConfigError(
            f"prepare: --workers must be at least 0; got {arguments.workers}."
        )
    dataset, out = _dataset(arguments), arguments.out.expanduser().absolute()
    preparation = plan(
        dataset,
        arguments.source,
        crop=arguments.crop,
        interval=arguments.interval,
        channels=arguments.channels,
        gray=arguments.gray,
        held_out=arguments.held_out,
    )
    _say_what_is_missing(dataset, arguments.source.expanduser())
    text = _summary(preparation)
    if is_prepared(out, preparation):
        print(f"{out}: holds {text} already; nothing to do.")
        return
    size = preparation.records * preparation.record_bytes / 2**20
    print(f"{text}: {size:,.0f} MiB before compression", file=sys.stderr)
    prepare(out, preparation, workers=arguments.workers)
    command = arguments.parser.prog.replace("prepare", "train")  # script or danet
    print(
        f"{out}: {text}. Next: {command} --config FILE "
        f"--config.data.root={shlex.quote(str(out))}"
    )


def _dataset(arguments: argparse.Namespace) -> Dataset:
    """The data set that the arguments name, or an error where they do not fit it."""
    name, own = arguments.name, arguments.name in (IMAGE_FOLDER, PAIRED_FOLDERS)
    given = {key: getattr(arguments, key) for key in ("clean", "degraded", "scale")}
    wanted = {
        IMAGE_FOLDER: ["clean"],
        PAIRED_FOLDERS: ["clean", "degraded"],
        _REALSR: ["scale"],
    }.get(name, [])
    for key, value in given.items():
        if value is not None and key not in wanted:
            raise ConfigError(f"prepare: {name} takes no --{key}; got {value!r}.")
        if value is None and key in wanted and name != IMAGE_FOLDER:
            example = "" if key == "scale" else _EXAMPLE
            raise ConfigError(f"prepare: {name} needs --{key}{example}.")
    if own:
        clean = given["clean"] or _USUAL.clean
        return Dataset(name=name, clean=clean, degraded=given["degraded"] or "")
    return realsr_train(given["scale"]) if name == _REALSR else _PUBLISHED[name]


def _say_what_is_missing(dataset: Dataset, source: Path) -> None:
    """Warns where a published set has more or fewer images, held out or not."""
    found = len(list_files(source, dataset.clean, dataset.degraded))
    if dataset.counts and found not in dataset.counts:
        kind = "pairs" if dataset.degraded else "images"
        published = " or ".join(map(str, dataset.counts))
        print(
            f"Warning: {source} holds {found} {kind}, but {dataset.name} as published "
            f"has {published}. Unless this is meant, unpack or download it anew.",
            file=sys.stderr,
        )


def _summary(preparation: Preparation) -> str:
    count, side = len(preparation.images), preparation.crop
    kind = "pairs" if preparation.degraded else "images"
    return f"{preparation.records} patches of {side}x{side} from {count} {kind}"
