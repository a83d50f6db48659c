"""A small DANet on JPEG files of any quality from 10 to 40, within minutes.

The task of Table 5 of the paper, by one network: each training patch gets a quality of
its own; validation uses 20. Of colour it sees Y:

    python train.py --config configs/small/jpeg_blind.py --config.data.root=DIR

DIR is any folder of photographs of at least 64x64 pixels that are not JPEG files of low
quality themselves.
"""

import dataclasses

from danet_jax.config import ExperimentConfig, small_experiment, small_jpeg


def get_config() -> ExperimentConfig:
    data = dataclasses.replace(small_jpeg(20), jpeg_quality_range=(10, 40))
    return small_experiment("small_jpeg_blind", data)
