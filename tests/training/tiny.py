"""A config so small that a whole training takes seconds; for tests only."""

from danet_jax.config import DANetConfig, ExperimentConfig, override


def get_config() -> ExperimentConfig:
    network = DANetConfig(
        widths=(4, 4),
        encoder_blocks=(0, 0),
        decoder_blocks=(0,),
        offset_width=2,
        offset_groups=2,
    )
    return override(
        ExperimentConfig(name="tiny", model=network),
        {
            "data.crop": 8,
            "data.interval": 8,
            "train.steps": 6,
            "train.batch_size": 8,
            "train.learning_rate": 1e-2,
            "train.final_learning_rate": 1e-4,
            "train.clip_norm": 1.0,
            "train.ema_decay": 0.9,
            "train.log_every": 1,
            "train.save_every": 2,
            "train.validate_every": 3,
        },
    )
