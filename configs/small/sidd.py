"""A small DANet on the noise of smartphones' photographs, for two CPU cores.

The task of Table 4 of the paper with an 85th of DANet's parameters. On SIDD-Small, one
pair of each scene (SIDD_Small_sRGB_Only, 6 GB), or SIDD-Medium, two:

    python prepare.py sidd --crop 96 --interval 512 --source SIDD_Small --out DIR
    python train.py --config configs/small/sidd.py --config.data.root=DIR

Patches of 64x64 are taken anew from those of 96x96, of which each photograph gives
about 70. Whole, the photographs would need 15 or 29 GiB of memory.
"""

import dataclasses

from danet_jax.config import (
    SIDD_MEDIUM,
    SIDD_SMALL_TRAIN,
    ExperimentConfig,
    small_experiment,
)

PATCHES = dataclasses.replace(
    SIDD_MEDIUM,
    crop=64,
    interval=64,
    source=SIDD_SMALL_TRAIN.advice("--crop", "96", "--interval", "512"),
)


def get_config() -> ExperimentConfig:
    return small_experiment("small_sidd", PATCHES, channels=3, learning_rate=1e-3)
