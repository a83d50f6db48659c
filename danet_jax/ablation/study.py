"""Trains and scores the variants of an ablation: one budget, seed and data order."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from danet_jax.ablation.variants import Variant, variants_of
from danet_jax.checks import CheckpointError
from danet_jax.config import DistillationConfig, ExperimentConfig, override
from danet_jax.evaluation.evaluate import evaluate
from danet_jax.evaluation.protocols import ImageSet, protocol_of
from danet_jax.restoration.inference import make_restorer
from danet_jax.training import load_experiment, train
from danet_jax.training.records import FILE
from danet_jax.training.workdir import CHECKPOINTS, replace_text

SCORES = "scores.json"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one variant with one seed."""

    variant: Variant
    seed: int
    steps: int
    step_seconds: float  # of the fastest interval between two records
    scores: Mapping[str, tuple[float, float]]  # by set: PSNR in dB, SSIM
    curve: Sequence[tuple[int, float]]  # step and PSNR in dB of each validation


def run_study(
    config: ExperimentConfig,
    workdir: Path,
    sets: Mapping[str, ImageSet],
    *,
    seeds: Sequence[int],
    names: tuple[str, ...] = (),
) -> list[Outcome] | None:
    """Trains and scores each variant with each seed, in workdir/seedS/VARIANT.

    What is trained or scored already is not done again. The last network of each run is
    scored, not the best, as validation may be on the test images.

    Args:
        config: as ``variants_of`` takes it.
        workdir: holds all runs.
        sets: test images by name, scored by the config's protocol.
        seeds: of initialisation, patches and noise; equal for all variants.
        names: of the variants; see ``variants_of``.
    Returns:
        The outcomes, seed by seed; None if a training was interrupted.
    Raises:
        UserError: as ``train`` and ``evaluate``.
    """
    outcomes = []
    for seed in seeds:
        folder = workdir / f"seed{seed}"
        for variant in variants_of(_seeded(config, seed), folder, names):
            outcome = _outcome(variant, seed, folder / variant.name, sets)
            if outcome is None:
                return None
            outcomes.append(outcome)
            jax.clear_caches()  # a compiled step of DANet takes a gigabyte
    return outcomes


def _seeded(config: ExperimentConfig, seed: int) -> ExperimentConfig:
    changes = {"train.seed": seed}
    if isinstance(config, DistillationConfig):
        changes["teacher.train.seed"] = seed
    return override(config, changes)


def _outcome(
    variant: Variant, seed: int, folder: Path, sets: Mapping[str, ImageSet]
) -> Outcome | None:
    result = train(variant.config, folder)
    if result.step < result.steps:
        return None
    records = _records(folder / FILE)
    speeds = [r["images_per_second"] for r in records if "images_per_second" in r]
    batch = variant.config.train.batch_size
    return Outcome(
        variant,
        seed,
        result.steps,
        batch / max(speeds) if speeds else float("nan"),
        _scored(variant.config, folder, result.steps, sets),
        [(r["step"], r["psnr_db"]) for r in records if r["kind"] == "validation"],
    )


def _scored(
    config: ExperimentConfig, folder: Path, steps: int, sets: Mapping[str, ImageSet]
) -> dict[str, tuple[float, float]]:
    """Scores the last network on the sets that its scores.json does not have yet."""
    path, protocol = folder / SCORES, protocol_of(config)
    known = json.loads(path.read_text()) if path.exists() else {}
    missing = [name for name in sets if f"{name}, {protocol.name}" not in known]
    if missing:
        _, model = load_experiment(folder / CHECKPOINTS / str(steps))
        restore = make_restorer(model)
    for name in missing:
        mean = evaluate(restore, sets[name], protocol).mean
        known[f"{name}, {protocol.name}"] = [mean.psnr_restored, mean.ssim_restored]
        replace_text(path, json.dumps(known, indent=2) + "\n")
    return {name: tuple(known[f"{name}, {protocol.name}"]) for name in sets}


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text().splitlines()]
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}).") from error
