r"""The ablation of Table 8 at a small scale: some hours on two CPU cores.

DANet at a quarter of its widths and half of its depth: 3, 2, 2, 1 blocks in the encoder
and 3, 2, 2 in the decoder, AROBs included, where the paper's has 6, 4, 3, 2 and 6, 4,
3. Gray images, Gaussian noise of sigma 25. One network, with all parts:

    python train.py --config configs/small/ablation.py --config.data.root=DIR

The five rows, twice each; DIR is any folder of photographs:

    danet ablation --config configs/small/ablation.py --workdir runs/ablation \
      --seeds 0 1 --data Set12 BSD68 --config.data.root=DIR
"""

import dataclasses

from danet_jax.config import (
    PHOTOGRAPHS,
    VARIANTS,
    DataConfig,
    ExperimentConfig,
    narrow,
    override,
    small_experiment,
)


def get_config() -> ExperimentConfig:
    network = dataclasses.replace(
        narrow(VARIANTS["danet"]), encoder_blocks=(2, 1, 1, 0), decoder_blocks=(2, 1, 1)
    )
    data = DataConfig(sigma_255=25.0, crop=48, interval=32, source=PHOTOGRAPHS)
    changes = {
        "model": network,
        "train.steps": 1600,
        "train.ema_decay": 0.995,
        "train.validate_every": 400,
    }
    # At 2e-3 the offsets of AROBs, which build on each other, leave the image.
    base = small_experiment("small_ablation", data, learning_rate=1e-3)
    return override(base, changes)
