"""The experiments in ``configs/small``: what they share."""

import dataclasses

from danet_jax.config.datasets import div2k_jpeg
from danet_jax.config.experiment import DataConfig, ExperimentConfig, TrainConfig
from danet_jax.config.model import SMALL, DANetConfig


def narrow(config: DANetConfig) -> DANetConfig:
    """A network of the paper at a quarter of its widths, offset branches included.

    Two offset groups instead of eight keep eight channels in each at full resolution.
    """
    return dataclasses.replace(
        config, widths=(16, 32, 40, 64), offset_width=24, offset_groups=2
    )


# How those without data get some, where any photographs will do.
PHOTOGRAPHS = (
    "DIR is any folder of photographs; without one, python -m "
    "danet_jax.data.photographs OUT writes those inside scikit-image, and DIR is "
    "OUT/train. Then type the same command with --config.data.root=DIR."
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


def small_jpeg(quality: int) -> DataConfig:
    """Any photographs as JPEG of a quality, on Y, in patches of 64 pixels a side."""
    return dataclasses.replace(
        div2k_jpeg(quality), crop=64, interval=32, source=PHOTOGRAPHS
    )
