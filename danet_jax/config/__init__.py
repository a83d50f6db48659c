"""Typed, frozen, validated configurations and the ways to change and store them."""

from danet_jax.config.datasets import DIV2K, SIDD_MEDIUM
from danet_jax.config.experiment import (
    DataConfig,
    EvaluationConfig,
    ExperimentConfig,
    TrainConfig,
)
from danet_jax.config.model import SMALL, VARIANTS, DANetConfig
from danet_jax.config.values import (
    flat,
    from_dict,
    load_config,
    override,
    parse_overrides,
)

__all__ = [
    "DIV2K",
    "SIDD_MEDIUM",
    "SMALL",
    "VARIANTS",
    "DANetConfig",
    "DataConfig",
    "EvaluationConfig",
    "ExperimentConfig",
    "TrainConfig",
    "flat",
    "from_dict",
    "load_config",
    "override",
    "parse_overrides",
]
