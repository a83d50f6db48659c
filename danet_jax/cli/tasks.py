"""What ``danet eval`` has to score: which network on which images by which protocol."""

import argparse
import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from danet_jax.checks import ConfigError, DataError
from danet_jax.config import VARIANTS, DANetConfig, ExperimentConfig, parse_overrides
from danet_jax.data.sources import open_validation
from danet_jax.evaluation.evaluate import check_sizes
from danet_jax.evaluation.protocols import (
    PROTOCOLS,
    ImageSet,
    Protocol,
    open_images,
    protocol_of,
    real_pairs,
)
from danet_jax.models import DANet
from danet_jax.training.checkpoint import load_experiment
from danet_jax.training.workdir import run_and_step

_PAPERS = {"danet": "DANet", "danet_s": "DANet-S"}


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A trained network, and what tables call it."""

    path: Path  # its working directory
    config: ExperimentConfig
    model: DANet
    label: str


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """A set of images to score by a protocol, with a network or without."""

    protocol: Protocol
    name: str  # of the set
    images: ImageSet
    run: Run | None
    folder: Path  # of its pictures, below the results


def load_runs(checkpoints: Sequence[Path]) -> list[Run]:
    """Loads the networks of working directories or their checkpoints.

    A network of the paper's shape is called as there, "DANet" or "DANet-S", any other
    after its directory.

    Raises:
        CheckpointError: there is no checkpoint, or it is incomplete.
    """
    runs = []
    for checkpoint in checkpoints:
        config, model = load_experiment(checkpoint)
        path = run_and_step(checkpoint)[0]
        label = _label(config.model) or path.resolve().name
        runs.append(Run(path, config, model, label))
    return runs


def named(folders: Sequence[Path]) -> dict[str, Path]:
    """Folders by their names, by which results call them.

    Raises:
        DataError: two of one name.
    """
    names = [path.resolve().name for path in folders]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(f'eval: two folders are named "{twice[0]}". Rename one.')
    return dict(zip(names, folders, strict=True))


def check_channels(name: str, channels: int, run: Run) -> None:
    """Raises ConfigError if a network is for images of another kind than a protocol."""
    if run.config.model.channels != channels:
        kinds = {1: "gray", 3: "RGB"}
        other, own = kinds[run.config.model.channels], protocol_of(run.config).name
        raise ConfigError(
            f"eval: {name} needs a network for {kinds[channels]} images; that of "
            f"{run.path} is for {other}. Its own protocol is {own}."
        )


def plan(arguments: argparse.Namespace, runs: Sequence[Run]) -> list[Task]:
    """Every network on every folder by every protocol that is asked for.

    But of several networks, one that was trained for one of the protocols alone, and
    not for a range, is scored by that one: a table's row may so come from a network for
    each level.

    Raises:
        UserError: a network or folder that does not fit a protocol.
    """
    wanted = dict.fromkeys(arguments.protocol)
    protocols = [PROTOCOLS[name] for name in wanted if name in PROTOCOLS]
    pairs = [
        (run, p) for run in runs for p in protocols if _takes(run, p, runs, wanted)
    ]
    for run, protocol in pairs:
        check_channels(protocol.name, protocol.channels, run)
    tasks = []
    for name, path in named(arguments.data).items():
        for protocol in protocols:
            images = open_images(
                protocol, path, clean=arguments.clean, degraded=arguments.degraded
            )
            mine: list[Run | None] = [run for run, p in pairs if p is protocol]
            for one in mine if runs else [None]:
                check_sizes(images, one.config.model.multiple if one else 1)
                folder = Path(name)
                folder /= protocol.name if len(protocols) > 1 else ""
                folder /= one.path.resolve().name if one and len(runs) > 1 else ""
                tasks.append(Task(protocol, name, images, one, folder))
    return _relabelled(tasks)


def plan_own(
    arguments: argparse.Namespace, overrides: list[str], run: Run
) -> list[Task]:
    """A network by the protocol of its own config, on folders or its validation images.

    Raises:
        UserError: overrides of what cannot be changed, or a folder that does not fit.
    """
    config = _apply(run.config, overrides)
    data, channels = config.data, config.model.channels
    protocol = protocol_of(config)
    if arguments.degraded:
        protocol = real_pairs(channels, data.gray, config.evaluation)
    sets: dict[str, ImageSet] = {}
    clean, degraded = data.validation_patterns if data.degraded else ("**/*", "")
    for name, path in named(arguments.data).items():
        sets[name] = open_images(
            protocol,
            path,
            clean=arguments.clean or clean,
            degraded=arguments.degraded or degraded,
            cache_gib=data.cache_gib,
        )
    if not sets:
        validation = open_validation(data, channels)
        if validation is None:
            raise ConfigError(
                "eval: this run has no validation images. Name folders: --data DIR."
            )
        sets["validation"] = validation
    for images in sets.values():
        check_sizes(images, config.model.multiple)
    return [Task(protocol, n, images, run, Path(n)) for n, images in sets.items()]


def _label(config: DANetConfig) -> str:
    """What the paper calls a network of this shape, or nothing."""
    gray = dataclasses.replace(config, channels=1)
    return next((_PAPERS[name] for name in _PAPERS if VARIANTS[name] == gray), "")


def _takes(
    run: Run, protocol: Protocol, runs: Sequence[Run], wanted: Iterable[str]
) -> bool:
    own, data = protocol_of(run.config).name, run.config.data
    blind = bool(data.sigma_range_255 or data.jpeg_quality_range)
    return blind or len(runs) == 1 or own not in wanted or own == protocol.name


def _relabelled(tasks: Sequence[Task]) -> list[Task]:
    """Adds the directory to the labels of networks that would share a table's cell."""
    cells = [(t.protocol.name, t.name, t.run.label) for t in tasks if t.run]
    shared = {label for *_, label in (c for c in cells if cells.count(c) > 1)}
    result = []
    for task in tasks:
        run = task.run
        if run is not None and run.label in shared:
            run = dataclasses.replace(run, label=f"{run.label}, {run.path}")
        result.append(dataclasses.replace(task, run=run))
    return result


def _apply(stored: ExperimentConfig, overrides: list[str]) -> ExperimentConfig:
    config = parse_overrides(stored, overrides)
    fixed = dataclasses.replace(config, data=stored.data, evaluation=stored.evaluation)
    if fixed != stored:
        raise ConfigError(
            "eval: the network and its training cannot be changed; only "
            "--config.data and --config.evaluation can."
        )
    return config
