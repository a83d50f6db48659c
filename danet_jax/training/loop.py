"""The training loop: data, model, resume; then, for each step, what is due."""

import contextlib
import dataclasses
from collections.abc import Callable, Generator, Iterable
from pathlib import Path

import jax
from jax.sharding import Mesh

from danet_jax.checks import DataError, check_type
from danet_jax.config import DistillationConfig, ExperimentConfig, TrainConfig, override
from danet_jax.data.patches import PatchSource
from danet_jax.data.pipeline import patch_count, training_batches
from danet_jax.data.sources import ImageFolder, open_training, open_validation
from danet_jax.evaluation.evaluate import check_sizes
from danet_jax.training import devices
from danet_jax.training.checkpoint import Checkpoints
from danet_jax.training.distillation import TEACHER, Lesson, open_lesson, stages
from danet_jax.training.interrupt import Interrupt
from danet_jax.training.profile import Profile
from danet_jax.training.records import Records
from danet_jax.training.step import (
    Batch,
    Metrics,
    TrainState,
    new_state,
)
from danet_jax.training.validation import Validation
from danet_jax.training.workdir import check_owner, claimed, is_complete


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """Where a call of ``train`` ended."""

    step: int  # steps done
    steps: int  # of the whole run
    psnr_db: float | None  # of the last validation in this call
    # By SIGTERM or Ctrl-C.
    stopped: bool = dataclasses.field(default=False, kw_only=True)


def train(
    config: ExperimentConfig, workdir: str | Path, *, teacher: str | Path = ""
) -> TrainResult:
    """Trains a network, or goes on with a run that was stopped.

    A distillation first trains its teacher, if it needs one.

    Args:
        config: the experiment.
        workdir: the run's working directory. It receives config.json, metrics.jsonl
            and checkpoints/; if it holds a checkpoint of the same config, the run goes
            on from there, bit for bit as if it had never stopped (on CPUs).
        teacher: working directory of a distillation's stage one; by default
            ``workdir/teacher``. Several students may share it.
    Returns:
        How far it came, of a distillation in the stage that was the last to run.
    Raises:
        TypeError: the config is none.
        UserError: a config, data, working directory or disk that cannot be used, or a
            loss that is not finite; the message says which and what to do.
    """
    check_type("train", "config", config, ExperimentConfig)
    workdir = Path(workdir)
    teacher = Path(teacher or workdir / TEACHER)
    devices.join_cluster(config)
    runs = stages(config, workdir, teacher)
    for stage, folder in runs:  # before the images, which may take minutes to read
        _mesh(stage, first=stage is not config)
        check_owner(folder, stage)
    if len(runs) > 1:
        _check_rest(config)
    for stage, folder in runs:
        if stage is not config and _is_done(stage, folder):
            continue  # so that students may share it at the same time
        lesson = open_lesson(stage, folder, teacher)
        result = _train(stage, folder, lesson, _mesh(stage))
        if result.stopped:
            break
        if stage is not config:
            jax.clear_caches()  # the teacher's step takes a gigabyte
    return result


def _is_done(config: ExperimentConfig, workdir: Path) -> bool:
    """Whether a run needs neither a step nor its last validation any more."""
    if not is_complete(workdir):
        return False
    if not (config.data.held_out or config.data.validation_root):
        return True
    with Checkpoints(workdir) as checkpoints:
        step = checkpoints.latest
        return step is not None and not checkpoints.unscored(step)


def _check_rest(config: ExperimentConfig) -> None:
    """Refuses before stage one a rest in steps that is longer than stage two's epochs.

    Raises:
        ConfigError: it is.
    """
    assert isinstance(config, DistillationConfig)  # it has two stages
    if config.student.frozen_steps and not config.train.steps:
        images, _ = _open(config)
        steps = total_steps(config.train, patch_count(images, config.data))
        override(config, {"train.steps": steps})


def _mesh(config: ExperimentConfig, *, first: bool = False) -> Mesh:
    group = "teacher.train" if first else "train"
    train = config.train
    return devices.make_mesh(train.batch_size, train.accumulate, group=group)


def _train(
    config: ExperimentConfig, workdir: Path, lesson: Lesson, mesh: Mesh
) -> TrainResult:
    """One run: a plain experiment, or one stage of a distillation."""
    images, validation = _open(config)
    steps = total_steps(config.train, patch_count(images, config.data))
    # Told in steps, so that other images cannot change the length of a run.
    config = override(config, {"train.steps": steps})
    with claimed(workdir, config), Interrupt() as interrupt:
        with Checkpoints(workdir, config) as checkpoints:
            graphdef, state = new_state(config, steps)
            state = lesson.begin(config, state)
            state = checkpoints.resume(devices.replicate(state, mesh))
            start = int(state.step)
            with (
                Records(workdir, config.train, done=start, steps=steps) as records,
                Profile(workdir, done=start, count=config.train.profile) as profile,
            ):
                records.say(_greeting(config, images, state, steps))
                run = _Run(
                    config.train,
                    steps,
                    lesson.step(graphdef, config, steps, mesh),
                    Validation(config, validation, records, interrupt),
                    checkpoints,
                    records,
                    interrupt,
                    profile,
                )
                batches = _batches(config, images, mesh, start, steps)
                with contextlib.closing(batches):
                    result = run.go(state, batches)
        # A signal may also have come while the last checkpoint was written.
        return dataclasses.replace(result, stopped=result.stopped or interrupt.asked())


def total_steps(train: TrainConfig, patches: int) -> int:
    """The length of a run: train.steps, or as many as the epochs amount to."""
    return train.steps or max(train.epochs * patches // train.batch_size, 1)


def due(step: int, every: int, steps: int) -> bool:
    """Whether something happens after a step: each so many steps, and at the end."""
    return step % every == 0 or step == steps


@dataclasses.dataclass(frozen=True)
class _Run:
    """What a run works with, once everything is open."""

    config: TrainConfig
    steps: int
    train_step: Callable[[TrainState, Batch], tuple[TrainState, Metrics]]
    validation: Validation
    checkpoints: Checkpoints
    records: Records
    interrupt: Interrupt
    profile: Profile

    def go(self, state: TrainState, batches: Iterable[Batch]) -> TrainResult:
        start = step = int(state.step)
        psnr_db, stop = None, False
        if start and self._due(start, self.config.validate_every):
            psnr_db = self._made_up(start, state)
            if self.interrupt.asked():
                self._say_stopped(start)
                return TrainResult(start, self.steps, psnr_db, stopped=True)
        for step, batch in enumerate(batches, start + 1):
            state, metrics = self.train_step(state, batch)
            self.records.add(step, metrics)
            self.profile.after(step, metrics)
            if step == start + 1:
                self.records.restart_clock(metrics)  # compiling is no training speed
            validate = self._due(step, self.config.validate_every)
            if validate or self._due(step, self.config.log_every):
                self.records.flush()
            stop, score = self.interrupt.asked(), None
            if validate and not stop:
                score = psnr_db = self._validated(step, state)
                stop = self.interrupt.asked()
            if stop or validate or self._due(step, self.config.save_every):
                self.records.flush()  # refuses to save what is not finite
                self.checkpoints.save(state, score)
            if stop:
                self._say_stopped(step)
                break
        return TrainResult(step, self.steps, psnr_db, stopped=stop)

    def _validated(self, step: int, state: TrainState) -> float | None:
        try:
            return self.validation(step, state)
        except DataError:  # an image was taken away or is too large: costs no steps
            self.checkpoints.save(state, None)
            raise

    def _made_up(self, step: int, state: TrainState) -> float | None:
        """The validation of the step resumed from, if it was interrupted.

        Without its score another checkpoint might pass for the best one.
        """
        if not self.checkpoints.unscored(step):
            return None
        psnr_db = self.validation(step, state)
        if psnr_db is not None:
            self.checkpoints.score(step, psnr_db)
        return psnr_db

    def _say_stopped(self, step: int) -> None:
        self.records.say(f"Stopped after step {step}; the same command resumes.")

    def _due(self, step: int, every: int) -> bool:
        return due(step, every, self.steps)


def _open(config: ExperimentConfig) -> tuple[PatchSource, ImageFolder | None]:
    """The images for training, and for validation if there are any."""
    images = open_training(config.data, config.model.channels)
    validation = open_validation(config.data, config.model.channels)
    if validation is not None:
        check_sizes(validation, config.model.multiple)
    return images, validation


def _batches(
    config: ExperimentConfig, images: PatchSource, mesh: Mesh, start: int, steps: int
) -> Generator[Batch, None, None]:
    """The batches from a step on, spread over the devices."""
    batches = training_batches(
        images,
        config.data,
        batch_size=config.train.batch_size,
        seed=config.train.seed,
        start_step=start,
        steps=steps,
        process_index=jax.process_index(),
        process_count=jax.process_count(),
    )
    with contextlib.closing(batches):
        for batch in batches:
            yield devices.split_batch(batch, mesh)


def _greeting(
    config: ExperimentConfig, images: PatchSource, state: TrainState, steps: int
) -> str:
    count = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    done, data = int(state.step), config.data
    if done == steps:
        return f"{config.name}: all {steps} steps are done; nothing is left to train."
    return (
        f"{config.name}: {count:,} parameters; {len(images.names)} images, "
        f"{patch_count(images, data)} patches of {data.crop}x{data.crop}; steps "
        f"{done + 1} to {steps}, {config.train.batch_size} patches each, on "
        f"{jax.device_count()} {jax.default_backend()} device(s). The first step "
        "compiles: about a minute for the full network."
    )
