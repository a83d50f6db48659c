"""DANet-S on RGB images, Gaussian noise of sigma 25: Table 3 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Kodak24   32.84 / 0.8942
    CBSD68    31.47 / 0.8928
    Urban100  32.61 / 0.9302

The paper starts DANet-S from the decoder of a larger network that was trained before
(knowledge distillation: configs/distill/awgn_rgb_25.py).
Here it starts like any other, which may cost some of that.

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --source DIV2K_train_HR --out DIR
    python train.py --config configs/danet_s/awgn_rgb_25.py --config.data.root=DIR
"""

from danet_jax.config import DIV2K_RGB, VARIANTS, ExperimentConfig, override


def get_config() -> ExperimentConfig:
    base = ExperimentConfig(
        name="danet_s_awgn_rgb_25", model=VARIANTS["danet_s"], data=DIV2K_RGB
    )
    return override(base, {"model.channels": 3, "data.sigma_255": 25.0})
