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

from danet_jax.checks import CheckpointError, ConfigError, WeightsError, message
from danet_jax.config import (
    DataConfig,
    DistillationConfig,
    ExperimentConfig,
    StudentConfig,
)
from danet_jax.models import DANet, transfer_decoder
from danet_jax.training import devices
from danet_jax.training.experiment import load_experiment
from danet_jax.training.step import (
    Batch,
    Loss,
    Metrics,
    Objective,
    TrainState,
    l2_loss,
    make_train_step,
    network_of,
)
from danet_jax.training.workdir import has_checkpoint, newest

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
        step = make_train_step(graphdef, config, steps, mesh, objective=objective)
        return functools.partial(step, given=given)


def stages(
    config: ExperimentConfig, workdir: Path, teacher: Path
) -> list[tuple[ExperimentConfig, Path]]:
    """The runs that an experiment consists of, in their order, and their directories.

    Args:
        config: the experiment.
        workdir: of the experiment.
        teacher: of stage one, which is over once the student has begun.
    """
    own = [(config, workdir)]
    if not isinstance(config, DistillationConfig) or config.stage_one is None:
        return own
    return own if has_checkpoint(workdir) else [(config.stage_one, teacher), *own]


def open_lesson(config: ExperimentConfig, workdir: Path, teacher: Path) -> Lesson:
    """Loads what a run learns from; that of a plain experiment is empty.

    Of a run the newest network teaches: which one is the best may depend on whether a
    validation was interrupted, and on test images.

    Raises:
        CheckpointError: the teacher's run has no checkpoint.
        ConfigError: it is for other images, or its features are no model for the
            student's.
        WeightsError: its decoder does not fit the student's.
    """
    if not isinstance(config, DistillationConfig):
        return Lesson()
    student = config.student
    begins = student.transfer and not has_checkpoint(workdir)
    if not (begins or student.guided):
        return Lesson(None, student)
    source = Path(student.init_decoder_from or teacher)
    try:
        stored, model = load_experiment(newest(source))
        _check_fits(model, config)
    except (CheckpointError, ConfigError, WeightsError) as error:
        repair = (
            "Name another network by --config.student.init_decoder_from, or, in a new "
            "--workdir, none, so that a teacher is trained."
        )
        if has_checkpoint(workdir):  # a student that has begun keeps its teacher
            repair = "Put back what taught it so far, or begin in a new --workdir."
        raise type(error)(
            f"{source}: cannot teach {config.name}. {error} {repair}"
        ) from error
    _warn_of_another_task(source, stored, config)
    return Lesson(model, student)


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


def _check_fits(teacher: DANet, config: DistillationConfig) -> None:
    """Refuses a teacher before the images are read; nothing is computed."""
    channels, ours = teacher.config.channels, config.model.channels
    if channels != ours:  # without a transfer, nothing else would tell it
        rule = f"be {ours}, as of the student's"
        raise ConfigError(message("teacher", "channels", rule, channels))

    def both(image: jax.Array) -> list[Any]:
        own = DANet(config.model, rngs=nnx.Rngs(0))
        own = transfer_decoder(teacher, own) if config.student.transfer else own
        return [model.with_features(image) for model in (own, teacher)]

    side = max(config.model.multiple, teacher.config.multiple)
    image = jax.ShapeDtypeStruct((1, side, side, ours), jnp.float32)
    (_, features), (_, hints) = nnx.eval_shape(both, image)
    shapes = [[leaf.shape for leaf in leaves] for leaves in (features, hints)]
    if config.student.feature_weight and shapes[0] != shapes[1]:
        rule = "be 0 for decoders whose features differ in shape"
        got = config.student.feature_weight
        raise ConfigError(message("student", "feature_weight", rule, got))


def _warn_of_another_task(
    source: Path, stored: ExperimentConfig, config: ExperimentConfig
) -> None:
    theirs, ours = _task(stored.data), _task(config.data)
    differences = [
        f"{name} was {theirs[name]!r}, the student's is {value!r}"
        for name, value in ours.items()
        if theirs[name] != value
    ]
    if differences and jax.process_index() == 0:
        print(
            f"{source}: this teacher may be of another task: {'; '.join(differences)}. "
            "It teaches all the same.",
            file=sys.stderr,
        )


def _task(data: DataConfig) -> dict[str, Any]:
    """What a network of such data learns to undo, by the fields that tell it."""
    form = "rounded" if data.round else "clipped" if data.clip else "float"
    return {
        "data.gray": data.gray,
        "data.degraded": data.degraded,
        "data.sigma_255": data.sigma_range_255 or data.sigma_255,
        "noisy input": form,  # rounding clips, whatever data.clip is
        "data.jpeg_quality": data.jpeg_quality_range or data.jpeg_quality,
    }
