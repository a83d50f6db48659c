"""DANet on JPEG files of quality 30: Table 5 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Classic5  33.66 / 0.9033
    LIVE1     34.06 / 0.9222

The network is gray: of colour it sees Y, which is then coded by Pillow's encoder, as in
the literature.

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --channels 1 --gray y --source DIV2K_train_HR --out DIR
    python train.py --config configs/jpeg_30.py --config.data.root=DIR
"""

from danet_jax.config import ExperimentConfig, div2k_jpeg


def get_config() -> ExperimentConfig:
    return ExperimentConfig(name="jpeg_30", data=div2k_jpeg(30))
