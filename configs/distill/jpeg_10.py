"""DANet-S on JPEG files of quality 10: Table 5 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Classic5  30.18 / 0.8311
    LIVE1     30.27 / 0.8334

The network is gray: of colour it sees Y, which is then coded by Pillow's encoder, as in
the literature.

By knowledge distillation: a teacher with a deeper encoder over DANet-S's own decoder is
trained first (batch 5), in WORKDIR/teacher; DANet-S then starts with that decoder and
trains on (batch 12). --config.student.init_decoder_from=RUN starts from one that is
trained already. Without a teacher: configs/danet_s/jpeg_10.py.

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --channels 1 --gray y --source DIV2K_train_HR --out DIR
    python train.py --config configs/distill/jpeg_10.py --config.data.root=DIR
"""

from danet_jax.config import DistillationConfig, div2k_jpeg


def get_config() -> DistillationConfig:
    return DistillationConfig(name="distill_jpeg_10", data=div2k_jpeg(10))
