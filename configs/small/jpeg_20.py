"""A small DANet on JPEG files of quality 20, within minutes.

The task of Table 5 of the paper with an 85th of DANet's parameters. Of colour it sees
Y:

    python train.py --config configs/small/jpeg_20.py --config.data.root=DIR

DIR is any folder of photographs of at least 64x64 pixels that are not JPEG files of low
quality themselves.
"""

from danet_jax.config import ExperimentConfig, small_experiment, small_jpeg


def get_config() -> ExperimentConfig:
    return small_experiment("small_jpeg_20", small_jpeg(20))
