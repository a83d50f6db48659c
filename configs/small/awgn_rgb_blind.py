"""A small DANet on RGB images, noise of any sigma from 0 to 55, within minutes.

Each training patch gets a sigma of its own; validation uses 25. Not an experiment of
the paper, whose networks know their sigma:

    python train.py --config configs/small/awgn_rgb_blind.py --config.data.root=DIR

DIR is any folder of colour photographs of at least 48x48 pixels.
"""

from danet_jax.config import (
    PHOTOGRAPHS,
    DataConfig,
    ExperimentConfig,
    small_experiment,
)

PATCHES = DataConfig(
    sigma_range_255=(0.0, 55.0), crop=48, interval=32, source=PHOTOGRAPHS
)


def get_config() -> ExperimentConfig:
    return small_experiment("small_awgn_rgb_blind", PATCHES, channels=3)
