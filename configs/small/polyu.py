"""A small DANet on the real noise of cameras, within minutes on two CPU cores.

PolyU: 100 pairs of 512x512 pixels, 40 scenes, five cameras; the clean partner is the
mean of many exposures (Xu et al., Real-world noisy image denoising: a new benchmark,
2018; for non-commercial use). One scene of each camera is held out for validation. Not
an experiment of the paper, but the pattern for pairs of one's own:

    python train.py --config configs/small/polyu.py --config.data.root=DIR

DIR is the folder CroppedImages of the data set, with NAME_real.JPG and NAME_mean.JPG.
"""

from danet_jax.config import DataConfig, ExperimentConfig, small_experiment

PAIRS = DataConfig(
    clean="*_mean.JPG",
    degraded="*_real.JPG",
    sigma_255=0.0,
    held_out=("*_desk_*", "*_book_*", "*_ball_*", "*_stair_*", "*_door_*"),
    crop=64,
    interval=64,
    source=(
        "The pairs of PolyU lie in the folder CroppedImages of the repository "
        "PolyU-Real-World-Noisy-Images-Dataset, as NAME_real.JPG and NAME_mean.JPG; "
        "DIR is that folder. Then type the same command with --config.data.root=DIR."
    ),
)


def get_config() -> ExperimentConfig:
    return small_experiment("small_polyu", PAIRS, channels=3, learning_rate=1e-3)
