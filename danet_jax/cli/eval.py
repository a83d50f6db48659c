"""``danet eval``: scores, tables and pictures of a checkpoint on test images."""

import argparse
import dataclasses
import functools
import sys
from pathlib import Path

from danet_jax.checks import ConfigError, DataError
from danet_jax.config import ExperimentConfig, parse_overrides
from danet_jax.data.images import make_folder, write_png
from danet_jax.data.sources import ImageFolder, open_folder, open_validation
from danet_jax.evaluation.baselines import NON_LOCAL_MEANS, Baseline
from danet_jax.evaluation.evaluate import Panels, check_sizes, evaluate
from danet_jax.evaluation.inference import make_restorer
from danet_jax.evaluation.pictures import (
    Panel,
    captioned,
    comparison_sheet,
    side_by_side,
)
from danet_jax.evaluation.report import markdown, write_report
from danet_jax.training.checkpoint import load_experiment
from danet_jax.training.workdir import run_and_step

_SHEET_ROWS = 3
_SHEET_PX = 320  # largest side of a picture on the sheet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of ``danet eval``."""
    parser.description = (
        "Scores a trained network. --config.evaluation.X=Y and --config.data.X=Y "
        "change the noise and what is scored, e.g. --config.data.sigma_255=50. Each "
        "new image size is compiled anew: a while, for full-size networks."
    )
    add = parser.add_argument
    add(
        "--checkpoint", type=Path, required=True, help="working directory of a training"
    )
    add(
        "--data",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="folders of test images, one set each; default: the run's own validation",
    )
    add("--clean", default="", metavar="PATTERN", help="of the clean images in --data")
    add(
        "--degraded",
        default="",
        metavar="PATTERN",
        help="of their degraded partners; without one, noise is added to clean images",
    )
    add("--baseline", choices=["nlm"], help="also score non-local means")
    add(
        "--out", type=Path, metavar="DIR", help="default: eval in the working directory"
    )
    add("--save-images", action="store_true", help="restored images as OUT/SET/images")
    add(
        "--compare",
        action="store_true",
        help="side-by-side pictures as OUT/SET/compare, and OUT/comparison.png",
    )


def run(arguments: argparse.Namespace, overrides: list[str]) -> None:
    """Evaluates a checkpoint: a table to standard output, everything into files.

    Raises:
        UserError: a checkpoint, configuration, folder or image that cannot be used.
    """
    stored, model = load_experiment(arguments.checkpoint)
    config = _apply(stored, overrides)
    sets = _open_sets(arguments, config)
    baseline = _baseline(arguments, sets)
    for images in sets.values():
        check_sizes(images, config.model.multiple)
    out = arguments.out or run_and_step(arguments.checkpoint)[0] / "eval"
    make_folder(out)
    restore, evaluations = make_restorer(model), {}
    sheet: list[list[Panel]] = []
    for name, images in sets.items():
        kind = "degraded" if images.paired else "noisy"
        evaluations[name] = evaluate(
            restore,
            images,
            sigma_255=config.data.sigma_255,
            evaluation=config.evaluation,
            baseline=baseline,
            on_image=functools.partial(_save, arguments, out / name, kind, sheet),
        )
    if sheet:
        write_png(out / "comparison.png", comparison_sheet(sheet, largest=_SHEET_PX))
    write_report(out, evaluations)
    print(markdown(evaluations), end="")
    print(f"Written to {out}: results.md, results.csv, results.json.", file=sys.stderr)


def _apply(stored: ExperimentConfig, overrides: list[str]) -> ExperimentConfig:
    config = parse_overrides(stored, overrides)
    fixed = dataclasses.replace(config, data=stored.data, evaluation=stored.evaluation)
    if fixed != stored:
        raise ConfigError(
            "eval: the network and its training cannot be changed; only "
            "--config.data and --config.evaluation can."
        )
    return config


def _baseline(
    arguments: argparse.Namespace, sets: dict[str, ImageFolder]
) -> Baseline | None:
    if not arguments.baseline:
        return None
    if any(images.paired for images in sets.values()):
        raise ConfigError(
            "eval: --baseline nlm needs noise of known strength, but the images are "
            "pairs. Leave it out."
        )
    return NON_LOCAL_MEANS


def _open_sets(
    arguments: argparse.Namespace, config: ExperimentConfig
) -> dict[str, ImageFolder]:
    data, channels = config.data, config.model.channels
    if not arguments.data:
        images = open_validation(data, channels)
        if images is None:
            raise ConfigError(
                "eval: this run has no validation images. Name folders: --data DIR."
            )
        return {"validation": images}
    degraded = arguments.degraded or data.degraded
    clean = arguments.clean or (data.clean if data.degraded else "**/*")
    names = [path.resolve().name for path in arguments.data]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(f'eval: two folders are named "{twice[0]}". Rename one.')
    return {
        name: open_folder(
            path, channels, clean=clean, degraded=degraded, cache_gib=data.cache_gib
        )
        for name, path in zip(names, arguments.data, strict=True)
    }


def _save(
    arguments: argparse.Namespace,
    folder: Path,
    degraded: str,
    sheet: list[list[Panel]],
    panels: Panels,
) -> None:
    """Writes the pictures of one image; the first few go onto the sheet."""
    name = f"{panels.row.image}.png"
    if arguments.save_images:
        path = folder / "images" / name
        make_folder(path.parent)
        write_png(path, panels.restored)
    if arguments.compare:
        row = captioned(panels, degraded=degraded, baseline=NON_LOCAL_MEANS.name)
        path = folder / "compare" / name
        make_folder(path.parent)
        write_png(path, side_by_side(row))
        if len(sheet) < _SHEET_ROWS:
            sheet.append(row)
