"""A small DANet on real super-resolution, scale 2, for two CPU cores.

The task of Table 6 of the paper with an 85th of DANet's parameters. On RealSR, version
1, whose inputs are as large as their targets:

    python prepare.py realsr --scale 2 --source RealSR --out DIR
    python train.py --config configs/small/realsr_x2.py --config.data.root=DIR

Patches of 64x64 are taken anew from those of 256x256. Without the first command, and
DIR the folder that holds Canon and Nikon, it trains on the 183 pairs as they are, which
takes more memory.
"""

import dataclasses

from danet_jax.config import ExperimentConfig, override, realsr, small_experiment


def get_config() -> ExperimentConfig:
    data = dataclasses.replace(realsr(2), crop=64, interval=64)
    base = small_experiment("small_realsr_x2", data, channels=3, learning_rate=1e-3)
    return override(base, {"evaluation.channel": "y"})
