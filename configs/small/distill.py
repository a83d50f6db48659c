r"""Knowledge distillation at a small scale (Fig. 15): hours on two CPU cores.

Teacher and DANet-S have the paper's depths and a quarter of its widths. Gray images,
Gaussian noise of sigma 25. The teacher first, in runs/small_distill/teacher, then the
student that starts with its decoder:

    python train.py --config configs/small/distill.py --config.data.root=DIR

The same and a student without a teacher, twice each, with their curves; DIR is any
folder of photographs:

    danet ablation --config configs/small/distill.py --workdir runs/distill \
      --seeds 0 1 --data Set12 BSD68 --config.data.root=DIR
"""

import dataclasses

from danet_jax.config import (
    PHOTOGRAPHS,
    VARIANTS,
    DataConfig,
    DistillationConfig,
    TeacherConfig,
    narrow,
    override,
    small_experiment,
)


def get_config() -> DistillationConfig:
    data = DataConfig(sigma_255=25.0, crop=48, interval=32, source=PHOTOGRAPHS)
    changes = {
        "train.steps": 1600,
        "train.ema_decay": 0.995,
        "train.validate_every": 400,
    }
    # At 2e-3 the offsets of AROBs, which build on each other, leave the image.
    base = small_experiment("small_distill", data, learning_rate=1e-3)
    base = override(base, changes)
    teacher = TeacherConfig(
        model=narrow(VARIANTS["teacher"]),
        # Fewer patches a step, as in the paper: 5 of 12 there.
        train=dataclasses.replace(base.train, batch_size=4),
    )
    return DistillationConfig(
        name=base.name,
        model=narrow(VARIANTS["danet_s"]),
        data=base.data,
        train=base.train,
        teacher=teacher,
    )
