"""Helpers for tests of distillation."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

from danet_jax.config import (
    DistillationConfig,
    ExperimentConfig,
)
from danet_jax.data.pipeline import training_batches
from danet_jax.data.sources import open_training
from danet_jax.models import DANet
from danet_jax.training import load_experiment
from danet_jax.training.step import degrade


def losses(workdir: Path) -> list[float]:
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [record["loss"] for record in records if record["kind"] == "train"]


def assembled(config: DistillationConfig, run: Path) -> DANet:
    """A student put together by hand: its own start, the last teacher's decoder."""
    _, teacher = load_experiment(run / "checkpoints" / "6")
    student = DANet(config.model, rngs=nnx.Rngs(config.train.seed))
    for part in "decoder", "tail":
        passed = nnx.to_pure_dict(nnx.state(getattr(teacher, part), nnx.Param))
        nnx.update(getattr(student, part), passed)
    return student


def first_batch(config: ExperimentConfig) -> tuple[jax.Array, jax.Array]:
    """The degraded and clean patches of the first step."""
    batch = next(
        training_batches(
            open_training(config.data, 1),
            config.data,
            batch_size=config.train.batch_size,
            seed=config.train.seed,
            start_step=0,
            steps=1,
        )
    )
    key = jax.random.fold_in(jax.random.key(config.train.seed), 0)
    return degrade(batch, key, config.data)


def moved(end: dict[str, Any], start: dict[str, Any]) -> set[str]:
    """The parts of a network whose parameters are not what they were."""
    return {
        name
        for name, part in start.items()
        if not all(map(np.array_equal, *map(jax.tree.leaves, (end[name], part))))
    }
