"""``danet ablation``: trains the rows of Table 8 or Fig. 15, and writes a table."""

import argparse
from pathlib import Path

import jax

from danet_jax.ablation.report import write_study
from danet_jax.ablation.study import outcomes_of, run_study
from danet_jax.checks import ConfigError, DataError
from danet_jax.cli.train import explained_memory
from danet_jax.config import load_config, parse_overrides
from danet_jax.data.sources import open_validation
from danet_jax.evaluation.evaluate import check_sizes
from danet_jax.evaluation.protocols import ImageSet, open_images, protocol_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of ``danet ablation``."""
    parser.description = (
        "Trains the rows of Table 8 (U-Net, + DeConv, + ADEB, + AROB, + WT), or of a "
        "distillation the teacher and the student without and with its decoder: with "
        "the same steps, seed and patches. Writes ablation.md, ablation.json and "
        "curves.png. The same command goes on where it was stopped. --config.X=Y "
        "changes a field of all."
    )
    add = parser.add_argument
    add(
        "--config",
        type=Path,
        required=True,
        metavar="FILE",
        help="e.g. configs/small/ablation.py or configs/small/distill.py",
    )
    add("--workdir", type=Path, required=True, metavar="DIR", help="holds all runs")
    add(
        "--data",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="folders of test images; default: the validation images",
    )
    add(
        "--seeds",
        type=int,
        nargs="+",
        metavar="N",
        help="trainings of each variant; default: the config's seed alone",
    )
    add(
        "--variants",
        nargs="+",
        default=[],
        metavar="NAME",
        help="train some rows only, e.g. on several machines (a teacher first); of a "
        "distillation also frozen, features, outputs; the table has all that are done",
    )


def run(arguments: argparse.Namespace, overrides: list[str]) -> None:
    """Trains, scores and writes; SIGTERM and Ctrl-C save and end it as a success.

    Raises:
        UserError: a config, data, working directory or disk that cannot be used.
    """
    config = parse_overrides(load_config(arguments.config), overrides)
    seeds = arguments.seeds or [config.train.seed]
    if len(set(seeds)) < len(seeds):
        raise ConfigError(f"ablation: --seeds must differ; got {seeds}.")
    protocol = protocol_of(config)
    sets: dict[str, ImageSet] = {}
    for path in arguments.data:
        name = path.resolve().name
        if name in sets:
            raise DataError(f'ablation: two folders are named "{name}". Rename one.')
        sets[name] = open_images(protocol, path)
    if not sets:
        validation = open_validation(config.data, config.model.channels)
        if validation is None:
            raise ConfigError(
                "ablation: there are no test images. Name folders: --data Set12 BSD68."
            )
        sets["validation"] = validation
    for images in sets.values():
        check_sizes(images, config.model.multiple)
    names = tuple(dict.fromkeys(arguments.variants))
    with explained_memory(config):
        done = run_study(config, arguments.workdir, sets, seeds=seeds, names=names)
    if done and jax.process_index() == 0:
        outcomes = outcomes_of(config, arguments.workdir, sets)
        print(write_study(arguments.workdir, outcomes), end="")
