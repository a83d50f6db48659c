"""DANet on gray images, Gaussian noise of sigma 15: Table 2 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Set12     33.29 / 0.9141
    BSD68     31.95 / 0.9015
    Urban100  33.70 / 0.9425

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --channels 1 --source DIV2K_train_HR --out DIR
    python train.py --config configs/awgn_gray_15.py --config.data.root=DIR
"""

from danet_jax.config import DIV2K_GRAY, ExperimentConfig, override


def get_config() -> ExperimentConfig:
    base = ExperimentConfig(name="awgn_gray_15", data=DIV2K_GRAY)
    return override(base, {"data.sigma_255": 15.0})
