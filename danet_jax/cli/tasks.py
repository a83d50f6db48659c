"""What ``danet eval`` has to score: which network on which images by which protocol."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from danet_jax.checks import ConfigError
from danet_jax.cli.folders import Folder
from danet_jax.cli.scoring import apply_overrides
from danet_jax.config import VARIANTS, DANetConfig, ExperimentConfig
from danet_jax.data.sources import open_validation
from danet_jax.evaluation.evaluate import check_sizes
from danet_jax.evaluation.protocols import (
    PROTOCOLS,
    ImageSet,
    Protocol,
    open_images,
    protocol_of,
)
from danet_jax.models import DANet
from danet_jax.training.experiment import load_experiment
from danet_jax.training.workdir import run_and_step

_PAPERS = {"danet": "DANet", "danet_s": "DANet-S"}


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A trained network, and what tables call it."""

    path: Path  # its working directory
    config: ExperimentConfig
    model: DANet
    label: str
    checkpoint: Path  # as it was given: the directory, or a checkpoint in it

    @property
    def folder(self) -> str:
        """The name of the folder of its pictures, where there are several networks."""
        step = run_and_step(self.checkpoint)[1]
        return self.path.resolve().name + ("" if step is None else f"_{step}")


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
        ConfigError: one is given twice.
    """
    runs: list[Run] = []
    for checkpoint in checkpoints:
        if any(run.checkpoint.resolve() == checkpoint.resolve() for run in runs):
            raise ConfigError(f"eval: --checkpoint {checkpoint} is given twice.")
        config, model = load_experiment(checkpoint)
        path = run_and_step(checkpoint)[0]
        label = _label(config.model) or path.resolve().name
        runs.append(Run(path, config, model, label, checkpoint))
    return runs


def check_channels(name: str, channels: int, run: Run) -> None:
    """Raises ConfigError if a network is for images of another kind than a protocol."""
    if run.config.model.channels != channels:
        kinds = {1: "gray", 3: "RGB"}
        other, own = kinds[run.config.model.channels], protocol_of(run.config).name
        raise ConfigError(
            f"eval: {name} needs a network for {kinds[channels]} images; that of "
            f"{run.path} is for {other}. Its own protocol is {own}."
        )


def plan(
    arguments: argparse.Namespace,
    folders: Sequence[tuple[Folder, str]],
    runs: Sequence[Run],
) -> list[Task]:
    """Every network on every folder by every protocol that is asked for.

    But several networks are told apart: one that was trained for one of the protocols
    alone, and not for a range, is scored by that one; others are scored by those of
    their kind, of which noise in gray is one, and JPEG another. A table's row may so
    come from a network for each level, and a table from networks of several tasks.

    Args:
        arguments: of the command.
        folders: of images, each with the protocol that it is for.
        runs: the networks, if any.
    Raises:
        UserError: a network or folder that does not fit a protocol, or a protocol
            without a network.
    """
    wanted = dict.fromkeys(arguments.protocol)
    protocols = [PROTOCOLS[name] for name in wanted if name in PROTOCOLS]
    networks = _networks(runs, protocols)
    tasks = []
    for given, name in folders:
        if name not in networks:
            continue
        protocol = PROTOCOLS[name]
        clean, degraded = _patterns(arguments, protocol, protocols)
        images = open_images(protocol, given.path, clean=clean, degraded=degraded)
        for run in networks[name]:
            check_sizes(images, run.config.model.multiple if run else 1)
            folder = Path(given.name)
            folder /= name if len(protocols) > 1 else ""
            folder /= run.folder if run and len(runs) > 1 else ""
            tasks.append(Task(protocol, given.name, images, run, folder))
    return _relabelled(tasks)


def plan_own(
    arguments: argparse.Namespace,
    folders: Sequence[Folder],
    overrides: list[str],
    run: Run,
) -> list[Task]:
    """A network by the protocol of its own config, on folders or its validation images.

    Raises:
        UserError: overrides of what cannot be changed, or a folder that does not fit.
    """
    config, scoring = apply_overrides(arguments, overrides, run.config)
    sets: dict[str, ImageSet] = {
        folder.name: open_images(
            scoring.protocol,
            folder.path,
            clean=scoring.clean,
            degraded=scoring.degraded,
            cache_gib=config.data.cache_gib,
        )
        for folder in folders
    }
    if not sets:
        validation = open_validation(config.data, config.model.channels)
        if validation is None:
            raise ConfigError(
                "eval: this run has no validation images. Name folders: --data DIR."
            )
        sets["validation"] = validation
    for images in sets.values():
        check_sizes(images, config.model.multiple)
    protocol = scoring.protocol
    return [Task(protocol, n, images, run, Path(n)) for n, images in sets.items()]


def check_single(tasks: Sequence[Task]) -> None:
    """Raises ConfigError if a set has several networks under one protocol."""
    found: dict[tuple[str, str], Run] = {}
    for task in tasks:
        place = task.name, task.protocol.name
        if task.run and found.setdefault(place, task.run) is not task.run:
            raise ConfigError(
                "eval: --json has room for one network for each set and protocol; "
                f"{', '.join(place)} has {found[place].checkpoint} and "
                f"{task.run.checkpoint}. Leave it out: results.json has them all."
            )


def check_places(tasks: Sequence[Task]) -> None:
    """Raises ConfigError if the pictures of two networks would be of one name."""
    found: dict[Path, Run] = {}
    for task in tasks:
        if task.run and found.setdefault(task.folder, task.run) is not task.run:
            raise ConfigError(
                "eval: pictures are kept apart by the names of working directories; "
                f"{found[task.folder].checkpoint} and {task.run.checkpoint} share "
                "theirs. Rename one."
            )


def _label(config: DANetConfig) -> str:
    """What the paper calls a network of this shape, or nothing."""
    gray = dataclasses.replace(config, channels=1)
    return next((_PAPERS[name] for name in _PAPERS if VARIANTS[name] == gray), "")


def _networks(
    runs: Sequence[Run], protocols: Sequence[Protocol]
) -> dict[str, list[Run | None]]:
    """The networks to score by each protocol: None where there are none at all."""
    networks: dict[str, list[Run | None]] = {p.name: [] for p in protocols}
    for run in runs:
        for protocol in _protocols(run, protocols) if len(runs) > 1 else protocols:
            check_channels(protocol.name, protocol.channels, run)
            networks[protocol.name].append(run)
    for name, mine in networks.items():
        if not runs:
            mine.append(None)
        if not mine:
            raise ConfigError(
                f"eval: {name} would have no network: each of the checkpoints was "
                "trained for another protocol that is asked for. Leave it out, or give "
                "one checkpoint alone, which is scored by all."
            )
    return networks


def _protocols(run: Run, protocols: Sequence[Protocol]) -> Sequence[Protocol]:
    """Those of several protocols that one of several networks is for."""
    own, data = protocol_of(run.config), run.config.data
    blind = bool(data.sigma_range_255 or data.jpeg_quality_range)
    same = [protocol for protocol in protocols if protocol.name == own.name]
    if same and not blind:
        return same
    return [p for p in protocols if _kind(p) == _kind(own)] or protocols


def _kind(protocol: Protocol) -> tuple[int, bool, bool]:
    return protocol.channels, protocol.sigma_255 > 0, protocol.jpeg_quality > 0


def _patterns(
    arguments: argparse.Namespace, protocol: Protocol, protocols: Sequence[Protocol]
) -> tuple[str, str]:
    """--clean and --degraded where they are for a protocol.

    With --degraded they are for pairs alone, and first for those without patterns of
    their own. Where nothing can have them, ``open_images`` says so.
    """
    takers = [p for p in protocols if p.opens is None]
    if arguments.degraded:
        takers = [p for p in takers if p.paired]
        takers = [p for p in takers if not p.degraded] or takers
    if takers and protocol not in takers:
        return "", ""
    return arguments.clean, arguments.degraded


def _relabelled(tasks: Sequence[Task]) -> list[Task]:
    """Adds the directory to the labels of networks that would share a table's cell."""
    cells = [(t.protocol.name, t.name, t.run.label) for t in tasks if t.run]
    shared = {label for *_, label in (c for c in cells if cells.count(c) > 1)}
    result = []
    for task in tasks:
        run = task.run
        if run is not None and run.label in shared:
            run = dataclasses.replace(run, label=f"{run.label}, {run.checkpoint}")
        result.append(dataclasses.replace(task, run=run))
    return result
