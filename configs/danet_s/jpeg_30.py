"""DANet-S on JPEG files of quality 30: Table 5 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Classic5  33.61 / 0.9027
    LIVE1     33.97 / 0.9203

The network is gray: of colour it sees Y, which is then coded by Pillow's encoder, as in
the literature.

The paper starts DANet-S from the decoder of a larger network that was trained before
(knowledge distillation: configs/distill/jpeg_30.py).
Here it starts like any other, which may cost some of that.

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --channels 1 --gray y --source DIV2K_train_HR --out DIR
    python train.py --config configs/danet_s/jpeg_30.py --config.data.root=DIR
"""

from danet_jax.config import VARIANTS, ExperimentConfig, div2k_jpeg


def get_config() -> ExperimentConfig:
    return ExperimentConfig(
        name="danet_s_jpeg_30", model=VARIANTS["danet_s"], data=div2k_jpeg(30)
    )
