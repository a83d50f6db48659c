"""Typed, frozen, validated configurations and the ways to change and store them."""

from danet_jax.config.datasets import (
    DIV2K_GRAY,
    DIV2K_RGB,
    DIV2K_TRAIN,
    IMAGE_FOLDER,
    PAIRED_FOLDERS,
    SIDD_MEDIUM,
    SIDD_MEDIUM_TRAIN,
    SIDD_SMALL_TRAIN,
    Dataset,
    div2k_jpeg,
    realsr,
    realsr_test,
    realsr_train,
)
from danet_jax.config.distillation import (
    DistillationConfig,
    StudentConfig,
    TeacherConfig,
)
from danet_jax.config.experiment import (
    DataConfig,
    EvaluationConfig,
    ExperimentConfig,
    TrainConfig,
)
from danet_jax.config.model import SMALL, VARIANTS, DANetConfig
from danet_jax.config.small import (
    PHOTOGRAPHS,
    narrow,
    small_experiment,
    small_jpeg,
)
from danet_jax.config.values import (
    experiment_from_dict,
    flat,
    from_dict,
    load_config,
    override,
    parse_overrides,
)

__all__ = [
    "DIV2K_GRAY",
    "DIV2K_RGB",
    "DIV2K_TRAIN",
    "IMAGE_FOLDER",
    "PAIRED_FOLDERS",
    "PHOTOGRAPHS",
    "SIDD_MEDIUM",
    "SIDD_MEDIUM_TRAIN",
    "SIDD_SMALL_TRAIN",
    "SMALL",
    "VARIANTS",
    "DANetConfig",
    "DataConfig",
    "Dataset",
    "DistillationConfig",
    "EvaluationConfig",
    "ExperimentConfig",
    "StudentConfig",
    "TeacherConfig",
    "TrainConfig",
    "div2k_jpeg",
    "experiment_from_dict",
    "flat",
    "from_dict",
    "load_config",
    "narrow",
    "override",
    "parse_overrides",
    "realsr",
    "realsr_test",
    "realsr_train",
    "small_experiment",
    "small_jpeg",
]
