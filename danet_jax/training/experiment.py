"""The network of a run, with the config that it was trained by."""

from pathlib import Path
from typing import Any

import jax
from flax import nnx

from danet_jax.checks import CheckpointError
from danet_jax.config import DANetConfig, ExperimentConfig
from danet_jax.models import DANet, abstract_danet
from danet_jax.training.checkpoint import Checkpoints
from danet_jax.training.step import network_of
from danet_jax.training.workdir import CHECKPOINTS, run_and_step


def load_experiment(path: str | Path) -> tuple[ExperimentConfig, DANet]:
    """The config and the network of a run, or of one of its checkpoints.

    Args:
        path: a working directory (its best checkpoint by validation PSNR is taken, or
            the newest if none was validated), or one of its checkpoints/STEP folders.
    Returns:
        The config, and the network with the averaged parameters if the run has them.
    Raises:
        CheckpointError: there is no checkpoint, or it is incomplete.
    """
    path, step = run_and_step(Path(path))
    if not (path / CHECKPOINTS).is_dir():
        raise CheckpointError(
            f"{path}: no checkpoint here. Give the --workdir of a training run."
        )
    with Checkpoints(path) as checkpoints:
        step = checkpoints.best if step is None else step
        if step is None:
            raise CheckpointError(f"{path}: no checkpoint was finished here yet.")
        config = checkpoints.config_of(step)
        item = "ema" if config.train.ema_decay else "params"
        target = _abstract_params(config.model)
        params = checkpoints.read(step, {item: target})[item]
    return config, network_of(config.model, params)


def _abstract_params(config: DANetConfig) -> Any:
    """Shapes of a network's parameters, to be placed on this process' first device."""
    placed = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=placed),
        nnx.as_pure(nnx.state(abstract_danet(config), nnx.Param)),
    )
