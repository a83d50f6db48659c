"""DANet-S on gray images, Gaussian noise of sigma 25: Table 2 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Set12     30.99 / 0.8767
    BSD68     29.51 / 0.8443
    Urban100  31.40 / 0.9145

The paper starts DANet-S from the decoder of a larger network that was trained before
(knowledge distillation: configs/distill/awgn_gray_25.py).
Here it starts like any other, which may cost some of that.

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --channels 1 --source DIV2K_train_HR --out DIR
    python train.py --config configs/danet_s/awgn_gray_25.py --config.data.root=DIR
"""

from danet_jax.config import DIV2K_GRAY, VARIANTS, ExperimentConfig, override


def get_config() -> ExperimentConfig:
    base = ExperimentConfig(
        name="danet_s_awgn_gray_25", model=VARIANTS["danet_s"], data=DIV2K_GRAY
    )
    return override(base, {"data.sigma_255": 25.0})
