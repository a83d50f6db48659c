"""A working directory belongs to one experiment."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax

from danet_jax.checks import CheckpointError
from danet_jax.config import ExperimentConfig

FILE = "config.json"

# What a resumed run may change: it does not change what is computed.
FREE = {
    "distributed",
    "data.root",
    "data.validation_root",
    "data.source",
    "data.cache_gib",
    "train.log_every",
    "train.validate_every",
    "train.save_every",
    "train.tensorboard",
}


def claim(workdir: Path, config: ExperimentConfig) -> None:
    """Makes a directory the place of an experiment, or checks that it is.

    Raises:
        CheckpointError: it holds the run of another config, or cannot be written.
    """
    path = workdir / FILE
    values = dataclasses.asdict(config)
    if path.exists():
        try:
            stored = _flat(json.loads(path.read_text()))
        except ValueError as error:
            raise CheckpointError(
                f"{path}: is not a stored config: {error}."
            ) from error
        wanted = _flat(json.loads(json.dumps(values)))
        differences = [
            f"{name} was {stored.get(name)!r}, now {wanted.get(name)!r}"
            for name in sorted(stored.keys() | wanted.keys())
            if name not in FREE and stored.get(name) != wanted.get(name)
        ]
        if differences:
            raise CheckpointError(
                f"{workdir}: holds the run of another config: {'; '.join(differences)}. "
                "Give another --workdir, or the config it was started with."
            )
    if jax.process_index() == 0:
        try:
            workdir.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values, indent=2) + "\n")
        except OSError as error:
            raise CheckpointError(f"{workdir}: cannot be written: {error}.") from error


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
