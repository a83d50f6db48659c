"""DANet on gray images, Gaussian noise of sigma 25: Table 2 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Set12     31.01 / 0.8772
    BSD68     29.52 / 0.8448
    Urban100  30.92 / 0.9132

(In the table DANet-S has 31.40 / 0.9145 on Urban100, its only PSNR above DANet's.)

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --channels 1 --source DIV2K_train_HR --out DIR
    python train.py --config configs/awgn_gray_25.py --config.data.root=DIR
"""

from danet_jax.config import DIV2K_GRAY, ExperimentConfig, override


def get_config() -> ExperimentConfig:
    base = ExperimentConfig(name="awgn_gray_25", data=DIV2K_GRAY)
    return override(base, {"data.sigma_255": 25.0})
