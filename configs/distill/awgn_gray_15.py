"""DANet-S on gray images, Gaussian noise of sigma 15: Table 2 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Set12     33.26 / 0.9137
    BSD68     31.93 / 0.9013
    Urban100  33.65 / 0.9422

By knowledge distillation: a teacher with a deeper encoder over DANet-S's own decoder is
trained first (batch 5), in WORKDIR/teacher; DANet-S then starts with that decoder and
trains on (batch 12). --config.student.init_decoder_from=RUN starts from one that is
trained already. Without a teacher: configs/danet_s/awgn_gray_15.py.

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --channels 1 --source DIV2K_train_HR --out DIR
    python train.py --config configs/distill/awgn_gray_15.py --config.data.root=DIR
"""

from danet_jax.config import DIV2K_GRAY, DistillationConfig, override


def get_config() -> DistillationConfig:
    base = DistillationConfig(name="distill_awgn_gray_15", data=DIV2K_GRAY)
    return override(base, {"data.sigma_255": 15.0})
