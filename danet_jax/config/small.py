"""The experiments in ``configs/small``: what they share."""

import dataclasses

from danet_jax.config.experiment import DataConfig, ExperimentConfig, TrainConfig
from danet_jax.config.model import SMALL, DANetConfig


def narrow(config: DANetConfig) -> DANetConfig:
    """A network of the paper at a quarter of its widths, offset branches included.

    Two offset groups instead of eight keep eight channels in each at full resolution.
    """
    return dataclasses.replace(
        config, widths=(16, 32, 40, 64), offset_width=24, offset_groups=2
    )


def small_experiment(
    name: str, data: DataConfig, *, channels: int = 1, learning_rate: float = 2e-3
) -> ExperimentConfig:
    """An experiment that trains within minutes on two CPU cores.

    Args:
        name: of the experiment.
        data: its images; patches of 48 to 64 pixels a side fit the time.
        channels: 1 (gray) or 3 (RGB).
        learning_rate: at the first step; at the last it is a hundredth of that.
    """
    return ExperimentConfig(
        name=name,
        model=dataclasses.replace(SMALL, channels=channels),
        data=dataclasses.replace(data, jitter=True),
        train=TrainConfig(
            steps=1500,
            batch_size=8,
            learning_rate=learning_rate,
            final_learning_rate=learning_rate / 100,
            clip_norm=1.0,
            ema_decay=0.99,
            validate_every=500,  # where there are images for it
            save_every=500,
        ),
    )
