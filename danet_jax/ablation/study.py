"""Trains and scores the variants of an ablation: one budget, seed and data order."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from danet_jax.ablation.variants import Variant, all_variants, variants_of
from danet_jax.atomic import replace_text
from danet_jax.checks import CheckpointError
from danet_jax.config import DistillationConfig, ExperimentConfig, override
from danet_jax.evaluation.evaluate import evaluate
from danet_jax.evaluation.protocols import ImageSet, protocol_of
from danet_jax.restoration.inference import make_restorer
from danet_jax.training import load_experiment, train
from danet_jax.training.distillation import TEACHER
from danet_jax.training.records import FILE
from danet_jax.training.workdir import CHECKPOINTS, check_owner

OUTCOME = "outcome.json"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one variant with one seed; outcome.json of its directory."""

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
) -> bool:
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
        Whether all is done; False if a training was stopped.
    Raises:
        CheckpointError: a run that lies there has another config; it would come into
            the same table.
        UserError: as ``train`` and ``evaluate``.
    """
    _runs(config, workdir)  # refuses a foreign run before hours of training
    for seed in seeds:
        folder = workdir / f"seed{seed}"
        for variant in variants_of(_seeded(config, seed), names):
            own = folder / variant.name
            result = train(variant.config, own, teacher=folder / TEACHER)
            if result.stopped:
                return False
            _conclude(variant.config, own, result.steps, sets)
            jax.clear_caches()  # a compiled step of DANet takes a gigabyte
    return True


def outcomes_of(
    config: ExperimentConfig, workdir: Path, sets: Mapping[str, ImageSet]
) -> list[Outcome]:
    """The outcomes that lie in a study's directory, of any call: seeds within variants.

    Those that were not scored on all of the sets are left out.
    """
    keys = {name: _key(name, images, config) for name, images in sets.items()}
    found = []
    for variant, seed, folder in _runs(config, workdir):
        path = folder / OUTCOME
        known = _read(path) if path.exists() else {"scores": {}}
        if all(key in known["scores"] for key in keys.values()):
            found.append(
                Outcome(
                    variant,
                    seed,
                    known["steps"],
                    known["step_seconds"],
                    {name: tuple(known["scores"][key]) for name, key in keys.items()},
                    [(step, psnr) for step, psnr in known["curve"]],
                )
            )
    return found


def _runs(config: ExperimentConfig, workdir: Path) -> list[tuple[Variant, int, Path]]:
    """The runs that lie in a study's directory, with their seeds, variant by variant.

    Raises:
        CheckpointError: one of them has another config than its variant.
    """
    numbers = [path.name.removeprefix("seed") for path in workdir.glob("seed*")]
    seeds = sorted(int(number) for number in numbers if number.isdecimal())
    of_seed = {seed: all_variants(_seeded(config, seed)) for seed in seeds}
    found = []
    for name in all_variants(config):
        for seed in seeds:
            variant, folder = of_seed[seed][name], workdir / f"seed{seed}" / name
            if folder.is_dir():
                check_owner(folder, variant.config)
                found.append((variant, seed, folder))
    return found


def _seeded(config: ExperimentConfig, seed: int) -> ExperimentConfig:
    changes = {"train.seed": seed}
    if isinstance(config, DistillationConfig):
        changes["teacher.train.seed"] = seed
    return override(config, changes)


def _conclude(
    config: ExperimentConfig, folder: Path, steps: int, sets: Mapping[str, ImageSet]
) -> None:
    """Writes the outcome of a finished run; scores of the same network are kept."""
    records = [json.loads(x) for x in (folder / FILE).read_text().splitlines()]
    speeds = [r["images_per_second"] for r in records if "images_per_second" in r]
    checkpoint = folder / CHECKPOINTS / str(steps)
    values: dict[str, Any] = {
        "steps": steps,
        "saved": checkpoint.stat().st_mtime_ns,
        "step_seconds": config.train.batch_size / max(speeds) if speeds else 0.0,
        "curve": sorted(_curve(records).items()),
    }
    path = folder / OUTCOME
    known = _read(path) if path.exists() else {}
    same = known.get("saved") == values["saved"]
    scores = known["scores"] if same else {}
    restore = None
    for name, images in sets.items():
        key = _key(name, images, config)
        if key not in scores:
            restore = restore or make_restorer(load_experiment(checkpoint)[1])
            mean = evaluate(restore, images, protocol_of(config)).mean
            scores[key] = mean.psnr_restored, mean.ssim_restored
    if jax.process_index() == 0:  # all have scored, as loading takes all of them
        replace_text(path, json.dumps(values | {"scores": scores}, indent=2) + "\n")


def _curve(records: Sequence[dict[str, Any]]) -> dict[int, float]:
    """PSNR in dB by step, but for an infinite one, which is recorded as null."""
    scored = [r for r in records if r["kind"] == "validation"]
    return {r["step"]: r["psnr_db"] for r in scored if r["psnr_db"] is not None}


def _key(name: str, images: ImageSet, config: ExperimentConfig) -> str:
    """Tells a set by its images' names and sizes, wherever they lie, and a protocol."""
    content = [
        (n, *map(int, s)) for n, s in zip(images.names, images.sizes, strict=True)
    ]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:8]
    return f"{name} ({len(images)}, {digest}), {protocol_of(config).name}"


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error}). Remove it; it will be made again."
        ) from error
