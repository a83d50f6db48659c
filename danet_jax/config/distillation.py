"""Distillation in two stages: a teacher, then a student that takes its decoder."""

import dataclasses

from danet_jax.checks import ConfigError, message
from danet_jax.config.experiment import ExperimentConfig, TrainConfig
from danet_jax.config.fields import check_types
from danet_jax.config.model import VARIANTS, DANetConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherConfig:
    """Stage one: a network with a deeper encoder over the student's decoder."""

    model: DANetConfig = VARIANTS["teacher"]
    train: TrainConfig = TrainConfig(batch_size=5)

    def __post_init__(self) -> None:
        check_types(self, "teacher")


@dataclasses.dataclass(frozen=True, kw_only=True)
class StudentConfig:
    """Stage two: what the student takes from its teacher.

    The paper's student starts with the teacher's decoder and tail, and then trains like
    any other network. The other fields are comparisons: a decoder that rests at first,
    a loss between features as in PISR (Table 1), and one between outputs.
    """

    init_decoder_from: str = ""  # a run or checkpoint; "": the teacher of stage one
    transfer: bool = True  # start with its decoder and tail
    frozen_steps: int = 0  # first steps, in which what was transferred rests
    feature_weight: float = 0.0  # of the mean distance of the decoders' features
    output_weight: float = 0.0  # of the mean squared distance of the outputs

    @property
    def guided(self) -> bool:
        """Whether the teacher takes part in each step."""
        return bool(self.feature_weight or self.output_weight)

    def __post_init__(self) -> None:
        check_types(self, "student")
        for name in "frozen_steps", "feature_weight", "output_weight":
            value = getattr(self, name)
            if value < 0:
                raise ConfigError(message("student", name, "be at least 0", value))
        if self.frozen_steps and not self.transfer:
            rule = "be 0 without student.transfer"
            got = self.frozen_steps
            raise ConfigError(message("student", "frozen_steps", rule, got))
        if self.init_decoder_from and not (self.transfer or self.guided):
            rule = "be empty for a student that takes nothing from a teacher"
            named = repr(self.init_decoder_from)
            raise ConfigError(message("student", "init_decoder_from", rule, named))


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistillationConfig(ExperimentConfig):
    """An experiment whose network is a student: ``model`` and ``train`` are its own.

    The data and the evaluation are those of both stages.

    Source: Huang et al. 2021, Sec. 2.4 and 4.1 (batch 5 for the teacher, 12 for the
    student, all else equal); docs/deviations.md.
    """

    model: DANetConfig = VARIANTS["danet_s"]
    teacher: TeacherConfig = TeacherConfig()
    student: StudentConfig = StudentConfig()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.train.steps and self.student.frozen_steps >= self.train.steps:
            rule = f"be less than train.steps, {self.train.steps}"
            got = self.student.frozen_steps
            raise ConfigError(message("student", "frozen_steps", rule, got))
        if self.stage_one is None:
            return
        teacher = self.teacher.model
        differences = teacher.differences(self.model)
        if self.student.transfer and differences:
            raise ConfigError(
                "experiment: teacher.model and model may differ in encoder_blocks "
                f"only; got {differences}."
            )
        if teacher.channels != self.model.channels:
            rule = f"be {self.model.channels}, as of the student's"
            raise ConfigError(
                message("teacher.model", "channels", rule, teacher.channels)
            )

    @property
    def stage_one(self) -> ExperimentConfig | None:
        """The teacher's experiment; None if there is one already, or none is needed."""
        student = self.student
        if student.init_decoder_from or not (student.transfer or student.guided):
            return None
        return ExperimentConfig(
            name=f"{self.name}_teacher",
            model=self.teacher.model,
            data=self.data,
            train=self.teacher.train,
            evaluation=self.evaluation,
            distributed=self.distributed,
        )
