"""DANet-S on JPEG files of quality 20: Table 5 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Classic5  32.36 / 0.8810
    LIVE1     32.62 / 0.8963

The network is gray: of colour it sees Y, which is then coded by Pillow's encoder, as in
the literature.

By knowledge distillation: a teacher with a deeper encoder over DANet-S's own decoder is
trained first (batch 5), in WORKDIR/teacher; DANet-S then starts with that decoder and
trains on (batch 12). --config.student.init_decoder_from=RUN starts from one that is
trained already. Without a teacher: configs/danet_s/jpeg_20.py.

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --channels 1 --gray y --source DIV2K_train_HR --out DIR
    python train.py --config configs/distill/jpeg_20.py --config.data.root=DIR
"""

from danet_jax.config import DistillationConfig, div2k_jpeg


def get_config() -> DistillationConfig:
    return DistillationConfig(name="distill_jpeg_20", data=div2k_jpeg(20))
