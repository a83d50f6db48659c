"""Checkpoints of a run (Orbax)."""

import dataclasses
import errno
import inspect
import json
import math
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils

from danet_jax.atomic import replace_text
from danet_jax.checks import CheckpointError
from danet_jax.config import ExperimentConfig, experiment_from_dict
from danet_jax.training.step import TrainState
from danet_jax.training.workdir import CHECKPOINTS

_POLICY = ocp.checkpoint_managers.preservation_policy


def _score(metrics: dict[str, float]) -> float:
    """The validation PSNR; the worst of all where there is none (NaN would be best)."""
    value = metrics.get("psnr_db", math.nan) if metrics else math.nan
    return value if math.isfinite(value) else -math.inf


class _Manager(ocp.CheckpointManager):
    # JAX counts the calls of Interrupt; between them Orbax would ask it by the step.
    def reached_preemption(self, step: int) -> bool:
        return False


class Checkpoints:
    """The checkpoints of one working directory: the latest two and the best are kept.

    Saving goes on in the background; a checkpoint that is not finished does not count,
    and is removed when the run starts again.
    """

    def __init__(self, workdir: Path, config: ExperimentConfig | None = None):
        """Opens the checkpoints; config is stored in each one saved from here on.

        Without a config they are only read, and nothing is made or removed.

        Raises:
            CheckpointError: the record of a validation's score cannot be read.
        """
        self._config = None if config is None else dataclasses.asdict(config)
        reading = config is None
        keep = [_POLICY.LatestN(2), _POLICY.BestN(get_metric_fn=_score, n=1)]
        options = ocp.CheckpointManagerOptions(
            best_fn=_score,
            best_mode="max",
            preservation_policy=_POLICY.AnyPreservationPolicy(keep),
            cleanup_tmp_directories=not reading,
            create=not reading,  # read_only=True would do the same, with warnings
        )
        self._folder = workdir.absolute() / CHECKPOINTS
        try:
            self._manager = _Manager(self._folder, options=options)
        except ValueError as error:
            raise CheckpointError(
                f"{self._folder}: a checkpoint's metrics cannot be read "
                f"({_first_line(error)}). Remove the checkpoint that is damaged."
            ) from error

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: Any, __: TracebackType | None
    ) -> None:
        if kind is None:
            self.wait()
        # What the background has to say shall not bury the error that is on its way.
        with suppress(*(() if kind is None else (ValueError, OSError))):
            self._manager.close()

    def save(self, state: TrainState, psnr_db: float | None) -> None:
        """Starts saving a state, with the validation PSNR if there was a validation.

        Raises:
            CheckpointError: this or the checkpoint before could not be written.
        """
        step = int(state.step)
        items = {
            "params": ocp.args.StandardSave(state.params),
            "opt_state": ocp.args.StandardSave(state.opt_state),
            "config": ocp.args.JsonSave(self._config),
        }
        if state.ema is not None:
            items["ema"] = ocp.args.StandardSave(state.ema)
        metrics = {} if psnr_db is None else {"psnr_db": psnr_db}
        with self._explained():
            self._check_space(sum(leaf.nbytes for leaf in jax.tree.leaves(state)))
            self._manager.save(
                step, args=ocp.args.Composite(**items), metrics=metrics, force=True
            )

    def score(self, step: int, psnr_db: float) -> None:
        """Gives a checkpoint that is on disk the PSNR of a validation.

        Raises:
            CheckpointError: it could not be written.
        """
        with self._explained():
            if jax.process_index() == 0:  # where Orbax keeps a checkpoint's metrics
                path = self._folder / str(step) / "metrics" / "metrics"
                replace_text(path, json.dumps({"psnr_db": psnr_db}))
            if jax.process_count() > 1:
                multihost_utils.sync_global_devices("score")
            self._manager.reload()

    def unscored(self, step: int) -> bool:
        """Whether a checkpoint lacks the PSNR of a validation."""
        return not (self._manager.metrics(step) or {})

    def wait(self) -> None:
        """Waits until the last checkpoint is on disk.

        Raises:
            CheckpointError: it could not be written.
        """
        with self._explained():
            self._manager.wait_until_finished()

    @property
    def latest(self) -> int | None:
        """Step of the newest finished checkpoint."""
        return self._manager.latest_step()

    @property
    def best(self) -> int | None:
        """Step of the checkpoint with the highest validation PSNR, else the newest."""
        return self._manager.best_step()

    def resume(self, state: TrainState) -> TrainState:
        """The newest state, placed on devices as the given one; else the given one.

        Raises:
            CheckpointError: the checkpoint is incomplete or of another network.
        """
        step = self.latest
        if step is None:
            return state
        items = {"params": state.params, "opt_state": state.opt_state}
        if state.ema is not None:
            items["ema"] = state.ema
        loaded = self.read(step, items)
        ema = loaded.get("ema")
        done = jax.device_put(jnp.asarray(step, jnp.int32), state.step.sharding)
        return TrainState(done, loaded["params"], loaded["opt_state"], ema)

    def read(self, step: int, items: dict[str, Any]) -> dict[str, Any]:
        """Items of a checkpoint, in the shapes, dtypes and places of those given.

        Raises:
            CheckpointError: the checkpoint is incomplete or of another network.
        """
        args = {
            name: ocp.args.StandardRestore(
                jax.tree.map(ocp.utils.to_shape_dtype_struct, item)
            )
            for name, item in items.items()
        }
        try:
            with _said_once():
                out = self._manager.restore(step, args=ocp.args.Composite(**args))
        except jax.errors.JaxRuntimeError:
            raise  # e.g. memory: that is no damage
        except Exception as error:  # Orbax raises some as Exception, without a type
            raise CheckpointError(self._damaged(step, error)) from error
        return {name: out[name] for name in items}

    def _damaged(self, step: int, error: Exception) -> str:
        repair = "Restore its files from a copy."
        if any(other < step for other in self._manager.all_steps()):
            repair = "Without this folder the one before is used."
        return (
            f"{self._folder / str(step)}: the checkpoint is incomplete or of another "
            f"network ({_first_line(error)}). {repair}"
        )

    def config_of(self, step: int) -> ExperimentConfig:
        """The resolved config that a checkpoint was saved with.

        Raises:
            CheckpointError: there is none, or it cannot be read.
        """
        folder = self._folder / str(step)
        if not folder.is_dir():
            steps = ", ".join(map(str, sorted(self._manager.all_steps())))
            there = f"{steps}. Give one of these, or the run" if steps else "none"
            raise CheckpointError(
                f"{folder}: no checkpoint of this step; there are {there}."
            )
        path = folder / "config" / "metadata"
        try:
            values = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{folder}: the checkpoint lacks its config: {error}."
            ) from error
        return experiment_from_dict(values, where=str(path))

    def _check_space(self, size: int) -> None:
        # What Orbax's threads print of a full disk would bury the message of ours.
        needed = size + size // 10 + 2**20
        free = shutil.disk_usage(self._folder).free
        if free < needed:
            text = f"{free / 2**20:.1f} of {needed / 2**20:.1f} MiB are free"
            raise OSError(errno.ENOSPC, text)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, OSError) as error:
            text = _first_line(error)
            full = f"Errno {errno.ENOSPC}" in text or "No space left" in text
            repair = " The disk is full; make room." if full else ""
            kept = "no earlier one exists"
            if self.latest is not None:
                kept = f"the same command resumes from that of step {self.latest}"
            raise CheckpointError(
                f"{self._folder}: a checkpoint could not be written ({text})."
                f"{repair} Afterwards {kept}."
            ) from error


@contextmanager
def _said_once() -> Iterator[None]:
    """Keeps Orbax from printing, after an error, what became of its other reads.

    It may do so until the process ends, so only a success gives the usual hook back.
    """
    usual = sys.unraisablehook

    def hook(event: Any) -> None:
        closed = str(event.exc_value) == "Event loop is closed"
        if not closed and not inspect.iscoroutine(event.object):
            usual(event)

    sys.unraisablehook = hook
    yield
    sys.unraisablehook = usual


def _first_line(error: BaseException) -> str:
    """What went wrong in the first place, without the dump of a configuration."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error).partition(" [tensorstore_spec")[0]
    return next(iter(text.splitlines()), type(error).__name__)
