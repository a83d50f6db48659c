"""DANet on the noise of smartphones' photographs: Table 4 of the paper.

PSNR [dB] / SSIM as published, scored by the benchmarks' servers; this project has not
trained it in full:

    SIDD 39.87 / 0.915
    DND  39.50 / 0.953

The settings are those of Sec. 4.1, which are the defaults; the interval of 130 pixels
between patches is stated for DIV2K only. On SIDD-Medium:

    python train.py --config configs/sidd.py --config.data.root=DIR

The pairs are decoded once, at the start, and kept in memory: 29 GiB. With less, lower
data.cache_gib; what does not fit is decoded anew for each patch, which is slow.
"""

from danet_jax.config import SIDD_MEDIUM, ExperimentConfig, override


def get_config() -> ExperimentConfig:
    base = ExperimentConfig(name="sidd", data=SIDD_MEDIUM)
    return override(base, {"model.channels": 3})
