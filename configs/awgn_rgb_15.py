"""DANet on RGB images, Gaussian noise of sigma 15: Table 3 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Kodak24   35.31 / 0.9321
    CBSD68    34.04 / 0.9348
    Urban100  34.90 / 0.9529

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --source DIV2K_train_HR --out DIR
    python train.py --config configs/awgn_rgb_15.py --config.data.root=DIR
"""

from danet_jax.config import DIV2K_RGB, ExperimentConfig, override


def get_config() -> ExperimentConfig:
    base = ExperimentConfig(name="awgn_rgb_15", data=DIV2K_RGB)
    return override(base, {"model.channels": 3, "data.sigma_255": 15.0})
