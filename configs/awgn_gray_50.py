"""DANet on gray images, Gaussian noise of sigma 50: Table 2 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Set12     27.97 / 0.8109
    BSD68     26.62 / 0.7436
    Urban100  28.29 / 0.8569

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --channels 1 --source DIV2K_train_HR --out DIR
    python train.py --config configs/awgn_gray_50.py --config.data.root=DIR
"""

from danet_jax.config import DIV2K_GRAY, ExperimentConfig, override


def get_config() -> ExperimentConfig:
    base = ExperimentConfig(name="awgn_gray_50", data=DIV2K_GRAY)
    return override(base, {"data.sigma_255": 50.0})
