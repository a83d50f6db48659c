"""A small DANet that learns to denoise within minutes on two CPU cores.

Gray images, Gaussian noise of sigma 25; an 85th of DANet's parameters. Made for
``make quickstart``, which trains it on the photographs inside scikit-image's wheel:

    python train.py --config configs/quickstart.py --config.data.root=DIR
"""

from danet_jax.config import (
    PHOTOGRAPHS,
    DataConfig,
    ExperimentConfig,
    small_experiment,
)

PATCHES = DataConfig(crop=48, interval=32, source=PHOTOGRAPHS)


def get_config() -> ExperimentConfig:
    return small_experiment("quickstart", PATCHES)
