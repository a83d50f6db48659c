"""A small DANet on gray images, Gaussian noise of sigma 25, within minutes.

The task of Table 2 of the paper with an 85th of DANet's parameters:

    python train.py --config configs/small/awgn_gray_25.py --config.data.root=DIR

DIR is any folder of photographs of at least 48x48 pixels.
"""

from danet_jax.config import (
    PHOTOGRAPHS,
    DataConfig,
    ExperimentConfig,
    small_experiment,
)

PATCHES = DataConfig(sigma_255=25.0, crop=48, interval=32, source=PHOTOGRAPHS)


def get_config() -> ExperimentConfig:
    return small_experiment("small_awgn_gray_25", PATCHES)
