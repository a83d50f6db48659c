"""Distillation as another beginning, and another step, of the one training loop."""

import dataclasses
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.sharding import Mesh

from danet_jax.checks import CheckpointError
from danet_jax.config import DistillationConfig, ExperimentConfig, StudentConfig
from danet_jax.evaluation.protocols import protocol_of
from danet_jax.models import DANet, transfer_decoder
from danet_jax.models.transfer import passes
from danet_jax.training import devices
from danet_jax.training.checkpoint import load_experiment
from danet_jax.training.step import (
    Batch,
    Hold,
    Loss,
    Metrics,
    Objective,
    TrainState,
    l2_loss,
    make_train_step,
    network_of,
)
from danet_jax.training.workdir import has_checkpoint

TEACHER = "teacher"  # stage one's working directory, within that of stage two


@dataclasses.dataclass(frozen=True, eq=False)
class Lesson:
    """What a run has beyond the plain step; the defaults add nothing."""

    teacher: DANet | None = None  # what the student starts from, or learns from
    student: StudentConfig = StudentConfig(transfer=False)

    def begin(self, config: ExperimentConfig, state: TrainState) -> TrainState:
        """An untrained state, with the teacher's decoder if that is asked for."""
        if self.teacher is None or not self.student.transfer:
            return state
        student = transfer_decoder(self.teacher, network_of(config.model, state.params))
        params = nnx.as_pure(nnx.state(student, nnx.Param))
        ema = None if state.ema is None else jax.tree.map(jnp.array, params)
        return state._replace(params=params, ema=ema)

    def step(
        self, graphdef: nnx.GraphDef, config: ExperimentConfig, steps: int, mesh: Mesh
    ) -> Callable[[TrainState, Batch], tuple[TrainState, Metrics]]:
        """The step of a run; see ``make_train_step``."""
        objective, given = None, ()
        if self.teacher is not None and self.student.guided:
            teacher, state = nnx.split(self.teacher, nnx.Param)
            objective = guided(graphdef, teacher, self.student)
            given = devices.replicate(nnx.as_pure(state), mesh)
        rest = self.student.frozen_steps
        hold = resting(rest) if rest else None
        step = make_train_step(
            graphdef, config, steps, mesh, objective=objective, hold=hold
        )
        return functools.partial(step, given=given)


def stages(
    config: ExperimentConfig, workdir: Path
) -> list[tuple[ExperimentConfig, Path]]:
    """The runs that an experiment consists of, in their order, and their directories.

    The teacher's is over for a student that has begun and does not need it any more.
    """
    own = [(config, workdir)]
    if not isinstance(config, DistillationConfig) or config.stage_one is None:
        return own
    if has_checkpoint(workdir) and not config.student.guided:
        return own
    return [(config.stage_one, workdir / TEACHER), *own]


def open_lesson(config: ExperimentConfig, workdir: Path) -> Lesson:
    """Loads what a run learns from; that of a plain experiment is empty.

    Raises:
        CheckpointError: the teacher's run has no checkpoint.
        WeightsError: its decoder does not fit the student's.
    """
    if not isinstance(config, DistillationConfig):
        return Lesson()
    student = config.student
    begins = student.transfer and not has_checkpoint(workdir)
    if not (begins or student.guided):
        return Lesson(None, student)
    source = Path(student.init_decoder_from or workdir / TEACHER)
    try:
        stored, teacher = load_experiment(source)
    except CheckpointError as error:
        raise CheckpointError(
            f"{error} It shall teach {config.name}: student.init_decoder_from may name "
            "another run, or be empty, so that a teacher is trained first."
        ) from error
    _warn_of_another_task(source, stored, config)
    _check_fits(teacher, config)
    return Lesson(teacher, student)


def guided(
    graphdef: nnx.GraphDef, teacher: nnx.GraphDef, student: StudentConfig
) -> Objective:
    """The l2 loss, and weighted distances from a teacher on the same images.

    ``feature_weight`` times the mean absolute difference of the decoders' features, the
    mean over their stages; ``output_weight`` times the mean squared difference of the
    outputs.

    Source: the former after PISR (Lee et al., Learning with privileged information for
    efficient image super-resolution, 2020), without its estimated variances; the paper
    compares with it in Table 1.
    """

    def objective(
        params: Any, given: Any, degraded: jax.Array, clean: jax.Array
    ) -> Loss:
        restored, features = nnx.merge(graphdef, params).with_features(degraded)
        model = nnx.merge(teacher, given)
        target, hints = model.with_features(degraded)
        total = loss = l2_loss(restored, clean)
        if student.feature_weight:
            pairs = zip(features, hints, strict=True)
            distances = [jnp.mean(jnp.abs(own - hint)) for own, hint in pairs]
            total += student.feature_weight * sum(distances) / len(distances)
        if student.output_weight:
            total += student.output_weight * l2_loss(restored, target)
        return Loss(total, loss)

    return objective


def resting(steps: int) -> Hold:
    """Zeroes the gradient of what was transferred during the first steps.

    Adam leaves a parameter that has had no other gradient where it is.
    """

    def hold(grads: Any, done: jax.Array) -> Any:
        free = (done >= steps).astype(jnp.float32)

        def at(path: tuple[Any, ...], leaf: jax.Array) -> jax.Array:
            return free * leaf if passes((path[0].key,)) else leaf

        return jax.tree.map_with_path(at, grads)

    return hold


def _check_fits(teacher: DANet, config: DistillationConfig) -> None:
    """Refuses a teacher before the images are read; nothing is computed."""
    nnx.eval_shape(
        lambda: transfer_decoder(teacher, DANet(config.model, rngs=nnx.Rngs(0)))
    )


def _warn_of_another_task(
    source: Path, stored: ExperimentConfig, config: ExperimentConfig
) -> None:
    theirs, ours = protocol_of(stored).name, protocol_of(config).name
    if theirs != ours and jax.process_index() == 0:
        print(
            f"{source}: this teacher was trained for {theirs}, the student is for "
            f"{ours}.",
            file=sys.stderr,
        )
