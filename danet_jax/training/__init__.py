"""The one training loop, its step, and its checkpoints."""

from danet_jax.training.experiment import load_experiment
from danet_jax.training.loop import TrainResult, train

__all__ = ["TrainResult", "load_experiment", "train"]
