"""DANet on JPEG files of quality 10: Table 5 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Classic5  30.27 / 0.8333
    LIVE1     30.32 / 0.8343

The network is gray: of colour it sees Y, which is then coded by Pillow's encoder, as in
the literature.

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --channels 1 --gray y --source DIV2K_train_HR --out DIR
    python train.py --config configs/jpeg_10.py --config.data.root=DIR
"""

from danet_jax.config import ExperimentConfig, div2k_jpeg


def get_config() -> ExperimentConfig:
    return ExperimentConfig(name="jpeg_10", data=div2k_jpeg(10))
