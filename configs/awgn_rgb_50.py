"""DANet on RGB images, Gaussian noise of sigma 50: Table 3 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Kodak24   29.90 / 0.8225
    CBSD68    28.39 / 0.8101
    Urban100  29.80 / 0.8888

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --source DIV2K_train_HR --out DIR
    python train.py --config configs/awgn_rgb_50.py --config.data.root=DIR
"""

from danet_jax.config import DIV2K_RGB, ExperimentConfig, override


def get_config() -> ExperimentConfig:
    base = ExperimentConfig(name="awgn_rgb_50", data=DIV2K_RGB)
    return override(base, {"model.channels": 3, "data.sigma_255": 50.0})
