"""A small DANet on the real noise of cameras, within minutes on two CPU cores.

PolyU: 100 pairs of 512x512 pixels, 40 scenes, five cameras; the clean partner is the
mean of many exposures (Xu et al., Real-world noisy image denoising: a new benchmark,
2018; for non-commercial use). One scene of each camera is held out for validation. Not
an experiment of the paper, but the pattern for pairs of one's own:

    python train.py --config configs/polyu.py --config.data.root=DIR

DIR is the folder CroppedImages of the data set, with NAME_real.JPG and NAME_mean.JPG.
"""

from danet_jax.config import SMALL, DataConfig, ExperimentConfig, override

PAIRS = DataConfig(
    clean="*_mean.JPG",
    degraded="*_real.JPG",
    sigma_255=0.0,
    held_out=("*_desk_*", "*_book_*", "*_ball_*", "*_stair_*", "*_door_*"),
    source=(
        "The pairs of PolyU lie in the folder CroppedImages of the repository "
        "PolyU-Real-World-Noisy-Images-Dataset, as NAME_real.JPG and NAME_mean.JPG; "
        "DIR is that folder. Then type the same command with --config.data.root=DIR."
    ),
)


def get_config() -> ExperimentConfig:
    return override(
        ExperimentConfig(name="polyu", model=SMALL, data=PAIRS),
        {
            "model.channels": 3,
            "data.crop": 64,
            "data.interval": 64,
            "data.jitter": True,
            "train.steps": 1500,
            "train.batch_size": 8,
            "train.learning_rate": 1e-3,
            "train.final_learning_rate": 1e-5,
            "train.clip_norm": 1.0,
            "train.ema_decay": 0.99,
            "train.validate_every": 500,
            "train.save_every": 500,
        },
    )
