"""DANet on RGB images, Gaussian noise of sigma 25: Table 3 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Kodak24   32.91 / 0.8952
    CBSD68    31.51 / 0.8934
    Urban100  32.74 / 0.9315

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --source DIV2K_train_HR --out DIR
    python train.py --config configs/awgn_rgb_25.py --config.data.root=DIR
"""

from danet_jax.config import DIV2K_RGB, ExperimentConfig, override


def get_config() -> ExperimentConfig:
    base = ExperimentConfig(name="awgn_rgb_25", data=DIV2K_RGB)
    return override(base, {"model.channels": 3, "data.sigma_255": 25.0})
