"""A small DANet on JPEG files of any quality from 10 to 40, within minutes.

The task of Table 5 of the paper, by one network: each training patch gets a quality of
its own; validation uses 20. Of colour it sees Y:

    python train.py --config configs/small/jpeg_blind.py --config.data.root=DIR

DIR is any folder of photographs of at least 64x64 pixels that are not JPEG files of low
quality themselves.
"""

from danet_jax.config import DataConfig, ExperimentConfig, small_experiment


def get_config() -> ExperimentConfig:
    data = DataConfig(
        sigma_255=0.0,
        jpeg_quality=20,
        jpeg_quality_range=(10, 40),
        gray="y",
        crop=64,
        interval=32,
    )
    return small_experiment("small_jpeg_blind", data)
