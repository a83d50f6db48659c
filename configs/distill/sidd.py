"""DANet-S on the noise of smartphones' photographs: Table 4 of the paper.

PSNR [dB] / SSIM as published: DND by its server; which part of SIDD was scored is not
stated. This project has not trained it in full:

    SIDD 39.70 / 0.913
    DND  39.39 / 0.951

By knowledge distillation: a teacher with a deeper encoder over DANet-S's own decoder is
trained first (batch 5), in WORKDIR/teacher; DANet-S then starts with that decoder and
trains on (batch 12). --config.student.init_decoder_from=RUN starts from one that is
trained already. Without a teacher: configs/danet_s/sidd.py.

The settings are those of Sec. 4.1, which are the defaults; the interval of 130 pixels
between patches is stated for DIV2K only. On SIDD-Medium:

    python prepare.py sidd --source SIDD_Medium_Srgb --out DIR
    python train.py --config configs/distill/sidd.py --config.data.root=DIR

Straight from the unpacked folder it trains, too, but what does not fit into
data.cache_gib of memory (29 GiB in all) is then decoded anew for each patch.
"""

from danet_jax.config import SIDD_MEDIUM, DistillationConfig, override


def get_config() -> DistillationConfig:
    base = DistillationConfig(name="distill_sidd", data=SIDD_MEDIUM)
    return override(base, {"model.channels": 3, "teacher.model.channels": 3})
