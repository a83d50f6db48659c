"""A small DANet that learns to denoise within minutes on two CPU cores.

Gray images, Gaussian noise of sigma 25; an 85th of DANet's parameters. Made for
``make quickstart``, which trains it on the photographs inside scikit-image's wheel:

    python train.py --config configs/quickstart.py --config.data.root=DIR
"""

from danet_jax.config import SMALL, ExperimentConfig, override


def get_config() -> ExperimentConfig:
    return override(
        ExperimentConfig(name="quickstart", model=SMALL),
        {
            "data.crop": 48,
            "data.interval": 32,
            "data.jitter": True,
            "train.steps": 1500,
            "train.batch_size": 8,
            "train.learning_rate": 2e-3,
            "train.final_learning_rate": 2e-5,
            "train.clip_norm": 1.0,
            "train.ema_decay": 0.99,
            "train.validate_every": 500,  # where images of one's own are held out
            "train.save_every": 500,
        },
    )
