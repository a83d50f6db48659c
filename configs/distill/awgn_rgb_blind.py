"""DANet-S on RGB images, Gaussian noise of any sigma from 0 to 55.

No experiment of the paper, whose networks know their sigma: each training patch gets
one of its own. The range is that of DnCNN-B (Zhang et al., 2017). Validation uses 25.

By knowledge distillation: a teacher with a deeper encoder over DANet-S's own decoder is
trained first (batch 5), in WORKDIR/teacher; DANet-S then starts with that decoder and
trains on (batch 12). --config.student.init_decoder_from=RUN starts from one that is
trained already. Without a teacher: configs/danet_s/awgn_rgb_blind.py.

The settings are those of Sec. 4.1, which are the defaults. On DIV2K:

    python prepare.py div2k --source DIV2K_train_HR --out DIR
    python train.py --config configs/distill/awgn_rgb_blind.py --config.data.root=DIR
"""

from danet_jax.config import DIV2K_RGB, DistillationConfig, override


def get_config() -> DistillationConfig:
    base = DistillationConfig(name="distill_awgn_rgb_blind", data=DIV2K_RGB)
    return override(
        base,
        {
            "model.channels": 3,
            "teacher.model.channels": 3,
            "data.sigma_range_255": (0.0, 55.0),
        },
    )
