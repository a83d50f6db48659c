"""DANet-S on RGB images, Gaussian noise of sigma 75: Table 3 of the paper.

PSNR [dB] / SSIM as published; this project has not trained it in full:

    Kodak24   28.20 / 0.7684
    CBSD68    26.70 / 0.7472
    Urban100  27.85 / 0.8477

By knowledge distillation: a teacher with a deeper encoder over DANet-S's own decoder is
trained first (batch 5), in WORKDIR/teacher; DANet-S then starts with that decoder and
trains on (batch 12). --config.student.init_decoder_from=RUN starts from one that is
trained already. Without a teacher: configs/danet_s/awgn_rgb_75.py.

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --source DIV2K_train_HR --out DIR
    python train.py --config configs/distill/awgn_rgb_75.py --config.data.root=DIR
"""

from danet_jax.config import DIV2K_RGB, DistillationConfig, override


def get_config() -> DistillationConfig:
    base = DistillationConfig(name="distill_awgn_rgb_75", data=DIV2K_RGB)
    return override(
        base, {"model.channels": 3, "teacher.model.channels": 3, "data.sigma_255": 75.0}
    )
