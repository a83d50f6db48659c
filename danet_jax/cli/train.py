"""``danet train``: trains a network, or goes on with a run that was stopped."""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path

import jax

from danet_jax.checks import ConfigError
from danet_jax.config import (
    DistillationConfig,
    ExperimentConfig,
    load_config,
    parse_overrides,
)
from danet_jax.data.sources import check_interval
from danet_jax.training import train


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of ``danet train``."""
    parser.description = (
        "Trains what a config describes, or goes on where its run was stopped. "
        "--config.X=Y changes a field, e.g. --config.train.batch_size=4 or "
        "--config.data.root=DIR (default: the environment variable DANET_DATA)."
    )
    add = parser.add_argument
    add(
        "--config",
        type=Path,
        required=True,
        metavar="FILE",
        help="a Python file that defines get_config(), e.g. configs/sidd.py",
    )
    add(
        "--workdir",
        type=Path,
        metavar="DIR",
        help="receives checkpoints and records; default: runs/NAME, of the config",
    )


def run(arguments: argparse.Namespace, overrides: list[str]) -> None:
    """Trains; SIGTERM and Ctrl-C save and end it as a success.

    Raises:
        UserError: a config, data, working directory or disk that cannot be used, too
            little memory, or a loss that is not finite.
    """
    config = parse_overrides(load_config(arguments.config), overrides)
    if any(word.startswith("--config.data.interval=") for word in overrides):
        check_interval(config.data)
    workdir = arguments.workdir or Path("runs") / config.name
    with explained_memory(config):
        result = train(config, workdir)
    done = result.step == result.steps and not result.stopped  # e.g. in stage one
    if done and jax.process_index() == 0:
        command = arguments.parser.prog.replace("train", "eval")  # script or danet
        print(
            f"{workdir}: trained for {result.steps} steps. "
            f"Next: {command} --checkpoint {workdir} --data DIR"
        )


@contextlib.contextmanager
def explained_memory(config: ExperimentConfig) -> Iterator[None]:
    """Says what to change where a device's memory is too small for a training.

    Raises:
        ConfigError: instead of the error of the device.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        first = remat = ""
        if isinstance(config, DistillationConfig):
            size = config.teacher.train.batch_size
            first = f" (teacher.train.batch_size {size} in stage one)"
            remat = " (in stage one --config.teacher.train.remat=True)"
        raise ConfigError(
            "train: the device's memory is too small for train.batch_size "
            f"{config.train.batch_size}{first} and data.crop {config.data.crop}. Lower "
            "either, or set --config.train.accumulate=2 or --config.train.remat=True"
            f"{remat}, which trade time for memory; a run that has begun needs a new "
            "--workdir."
        ) from error
