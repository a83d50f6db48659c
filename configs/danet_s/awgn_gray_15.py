"""DANet-S on gray images, Gaussian noise of sigma 15: Table 2 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Set12     33.26 / 0.9137
    BSD68     31.93 / 0.9013
    Urban100  33.65 / 0.9422

The paper starts DANet-S from the decoder of a larger network that was trained before
(knowledge distillation: configs/distill/awgn_gray_15.py).
Here it starts like any other, which may cost some of that.

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --channels 1 --source DIV2K_train_HR --out DIR
    python train.py --config configs/danet_s/awgn_gray_15.py --config.data.root=DIR
"""

from danet_jax.config import DIV2K_GRAY, VARIANTS, ExperimentConfig, override


def get_config() -> ExperimentConfig:
    base = ExperimentConfig(
        name="danet_s_awgn_gray_15", model=VARIANTS["danet_s"], data=DIV2K_GRAY
    )
    return override(base, {"data.sigma_255": 15.0})
