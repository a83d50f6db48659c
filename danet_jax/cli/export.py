"""``danet export``: a run's network as files that the package can ship."""

import argparse
import json
from pathlib import Path

from danet_jax.checks import CheckpointError, ConfigError
from danet_jax.pretrained import TASKS, Card, Figure, write_pretrained
from danet_jax.pretrained.card import figures_of
from danet_jax.training.checkpoint import Checkpoints
from danet_jax.training.experiment import load_experiment
from danet_jax.training.workdir import run_and_step


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of ``danet export``."""
    parser.description = (
        "Writes the network of a run as TASK.safetensors and TASK.json, which holds "
        "its config and origin, e.g. into danet_jax/pretrained of a checkout, from "
        "where --task TASK and load_pretrained take it."
    )
    add = parser.add_argument
    add(
        "--checkpoint",
        type=Path,
        required=True,
        metavar="DIR",
        help="working directory of a training",
    )
    add("--task", choices=TASKS, required=True, help="what the network is for")
    add("--command", required=True, dest="trained_by", help="that trained it")
    add("--data", required=True, metavar="TEXT", help="what it was trained on")
    add("--terms", required=True, metavar="TEXT", help="the terms of these data")
    add(
        "--figures",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="results.json of danet eval; their means become the network's figures",
    )
    add("--half", action="store_true", help="store the parameters as float16")
    add("--out", type=Path, required=True, metavar="DIR", help="an existing folder")


def run(arguments: argparse.Namespace, overrides: list[str]) -> None:
    """Exports the best checkpoint of a run.

    Raises:
        UserError: a checkpoint, file or folder that cannot be used.
    """
    if overrides:
        raise ConfigError(f"export: has no configuration; got {overrides[0]}.")
    if not arguments.out.is_dir():
        raise ConfigError(f"{arguments.out}: no such folder. Make it first.")
    figures = [figure for path in arguments.figures for figure in _figures(path)]
    config, model = load_experiment(arguments.checkpoint)
    card = Card(
        task=arguments.task,
        model=config.model,
        command=arguments.trained_by,
        data=arguments.data,
        terms=arguments.terms,
        steps=_steps(arguments.checkpoint),
        dtype="float16" if arguments.half else "float32",
        figures=tuple(figures),
    )
    path = write_pretrained(arguments.out, card, model)
    size = path.stat().st_size / 1e6
    print(f"{arguments.checkpoint} -> {path} ({size:.2f} MB), {path.stem}.json")


def _figures(path: Path) -> tuple[Figure, ...]:
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as JSON ({error}).") from error
    return figures_of(records, where=str(path))


def _steps(checkpoint: Path) -> int:
    """The steps after which the exported checkpoint was saved."""
    workdir, step = run_and_step(checkpoint)
    if step is None:
        with Checkpoints(workdir) as checkpoints:
            step = checkpoints.best
    if step is None:
        raise CheckpointError(f"{checkpoint}: no checkpoint was finished here yet.")
    return step
