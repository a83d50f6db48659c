"""DANet-S on real super-resolution, scale 3: Table 6 of the paper.

PSNR [dB] / SSIM of Y as published; this project has not trained it in full:

    RealSR  30.95 / 0.850

Input and target are photographs of one scene at two focal lengths, of equal size in
versions 1 and 2 of the files, not in 3. The paper counts 234 pairs for training at this
scale, and 30 for tests. Test is read only if data.validation_root names the folder.

By knowledge distillation: a teacher with a deeper encoder over DANet-S's own decoder is
trained first (batch 5), in WORKDIR/teacher; DANet-S then starts with that decoder and
trains on (batch 12). --config.student.init_decoder_from=RUN starts from one that is
trained already. Without a teacher: configs/danet_s/realsr_x3.py.

The settings are those of Sec. 4.1, which are the defaults; the interval of 130 pixels
between patches is stated for DIV2K only. On RealSR, version 1:

    python prepare.py realsr --scale 3 --source RealSR --out DIR
    python train.py --config configs/distill/realsr_x3.py --config.data.root=DIR
"""

from danet_jax.config import DistillationConfig, override, realsr


def get_config() -> DistillationConfig:
    base = DistillationConfig(name="distill_realsr_x3", data=realsr(3))
    return override(
        base,
        {"model.channels": 3, "teacher.model.channels": 3, "evaluation.channel": "y"},
    )
