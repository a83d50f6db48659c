"""A small DANet on photographs of postcards, within minutes on two CPU cores.

City100, iPhone X: 100 pairs of 840x600 pixels of printed postcards, photographed from
far (enlarged to the same size) and from near (Chen et al., Camera lens
super-resolution, 2019; MIT licence). One pair is held out for validation. Not an
experiment of the paper; its set, RealSR, is of the same kind (realsr_x2.py and others
beside this file):

    python train.py --config configs/small/city100.py --config.data.root=DIR

DIR is the folder City100_iPhoneX of the data set, with 001L.PNG and 001H.PNG.
"""

from danet_jax.config import DataConfig, ExperimentConfig, override, small_experiment

PAIRS = DataConfig(
    clean="*H.PNG",
    degraded="*L.PNG",
    sigma_255=0.0,
    held_out=("070H",),
    crop=64,
    interval=64,
    source=(
        "The pairs of City100 lie in the folder City100/City100_iPhoneX of the "
        "repository ngchc/CameraSR on GitHub, as 001L.PNG and 001H.PNG; DIR is that "
        "folder. Then type the same command with --config.data.root=DIR."
    ),
)


def get_config() -> ExperimentConfig:
    base = small_experiment("small_city100", PAIRS, channels=3, learning_rate=1e-3)
    return override(base, {"evaluation.channel": "y"})
