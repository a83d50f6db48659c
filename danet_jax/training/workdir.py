"""A working directory belongs to one experiment."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from danet_jax.atomic import replace_text
from danet_jax.checks import CheckpointError
from danet_jax.config import ExperimentConfig, flat
from danet_jax.locks import locked

CONFIG = "config.json"
CHECKPOINTS = "checkpoints"
LOCK = ".lock"

# What a resumed run may change: it does not change what is computed.
_FREE = {
    "distributed",
    "data.root",
    "data.validation_root",
    "data.source",
    "data.cache_gib",
    "train.log_every",
    "train.validate_every",
    "train.save_every",
    "train.tensorboard",
    "train.profile",
}
FREE = _FREE | {f"teacher.{name}" for name in _FREE if name.startswith("train.")}


def check_owner(
    workdir: Path, config: ExperimentConfig, *, resolved: bool = False
) -> None:
    """Checks that a directory does not belong to another experiment; writes nothing.

    One whose run has saved nothing yet may be given another config. A length that is
    told in epochs is stored in steps, but is not compared before it is known.

    Args:
        workdir: the directory.
        config: what shall run there.
        resolved: whether its train.steps are what its epochs amount to.
    Raises:
        CheckpointError: it holds the run of another config.
    """
    if not has_checkpoint(workdir):
        return
    wanted = flat(json.loads(json.dumps(dataclasses.asdict(config))))
    # A field that the run's version did not know yet had what is its default now.
    usual = flat(json.loads(json.dumps(dataclasses.asdict(type(config)()))))
    stored = usual | _stored(workdir / CONFIG)
    untold = (stored if resolved else wanted)["train.steps"] == 0
    differences = _differences(stored, wanted, {"train.steps"} if untold else set())
    if differences:
        raise CheckpointError(
            f"{workdir}: holds the run of another config: {'; '.join(differences)}. "
            "Give another --workdir, or the config (where epochs count, also the "
            "images) it was started with."
        )


@contextlib.contextmanager
def claimed(workdir: Path, config: ExperimentConfig) -> Iterator[None]:
    """Makes a directory the place of an experiment, and keeps other processes out.

    Args:
        workdir: the directory.
        config: with its length in steps.

    Raises:
        CheckpointError: it holds the run of another config, cannot be written, or
            another process trains there now.
    """
    check_owner(workdir, config, resolved=True)
    if jax.process_index() > 0:  # the first one speaks for all
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            workdir.mkdir(parents=True, exist_ok=True)
            if not stack.enter_context(locked(workdir / LOCK)):
                raise CheckpointError(
                    f"{workdir}: another process trains here now. Wait for it, or give "
                    "another --workdir."
                )
            text = json.dumps(dataclasses.asdict(config), indent=2) + "\n"
            replace_text(workdir / CONFIG, text)
        except OSError as error:
            raise CheckpointError(f"{workdir}: cannot be written: {error}.") from error
        yield


def has_checkpoint(workdir: Path) -> bool:
    """Whether a finished checkpoint lies in a working directory."""
    folders = workdir.joinpath(CHECKPOINTS).glob("*")
    return any(folder.name.isdigit() for folder in folders)


def is_complete(workdir: Path) -> bool:
    """Whether a run that lies in a working directory has done all of its steps."""
    if not has_checkpoint(workdir):
        return False
    return newest(workdir).name == str(_stored(workdir / CONFIG)["train.steps"])


def newest(path: Path) -> Path:
    """The newest finished checkpoint of a run; any other path as it is."""
    steps = [
        int(folder.name)
        for folder in path.joinpath(CHECKPOINTS).glob("*")
        if folder.name.isdigit()
    ]
    return path / CHECKPOINTS / str(max(steps)) if steps else path


def run_and_step(path: Path) -> tuple[Path, int | None]:
    """The working directory that a path names, and the step if it is a checkpoint's."""
    if path.parent.name == CHECKPOINTS and path.name.isdigit():
        return path.parent.parent, int(path.name)
    return path, None


def _stored(path: Path) -> dict[str, Any]:
    try:
        return flat(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"{path}: the config of the run here cannot be read: {error}. Give another "
            "--workdir."
        ) from error


def _differences(
    stored: dict[str, Any], wanted: dict[str, Any], untold: set[str]
) -> list[str]:
    return [
        f"{name} was {stored.get(name)!r}, now {wanted.get(name)!r}"
        for name in sorted((stored.keys() | wanted.keys()) - FREE - untold)
        if stored.get(name) != wanted.get(name)
    ]
