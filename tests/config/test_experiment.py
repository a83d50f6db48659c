import dataclasses
import math

import pytest

from danet_jax.checks import ConfigError
from danet_jax.config import (
    DIV2K_GRAY,
    DIV2K_RGB,
    SIDD_MEDIUM,
    VARIANTS,
    DANetConfig,
    DataConfig,
    EvaluationConfig,
    ExperimentConfig,
    TrainConfig,
)

PAIRS = {"degraded": "*_noisy.png", "sigma_255": 0}
JPEG = {"jpeg_quality": 20, "sigma_255": 0}


def test_the_defaults_are_those_of_the_paper():
    config = ExperimentConfig()
    assert config.model == VARIANTS["danet"]
    assert config.data.sigma_255 == 25
    assert (config.data.crop, config.data.interval) == (256, 130)
    assert (config.data.flips, config.data.jitter) == (True, False)
    train = config.train
    assert (train.batch_size, train.epochs, train.steps) == (12, 100, 0)
    assert (train.learning_rate, train.final_learning_rate) == (1e-4, 1e-6)
    assert (train.clip_norm, train.ema_decay) == (0, 0)
    assert config.evaluation == EvaluationConfig(noise_seed=0, clip=False, round=False)


@pytest.mark.parametrize("part", [None, "model", "data", "train", "evaluation"])
def test_configs_are_frozen_hashable_and_take_no_positions(part):
    config = getattr(ExperimentConfig(), part) if part else ExperimentConfig()
    name = dataclasses.fields(config)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError, match=name):
        setattr(config, name, getattr(config, name))
    assert hash(config) == hash(dataclasses.replace(config))
    with pytest.raises(TypeError, match="positional"):
        type(config)(getattr(config, name))


def test_the_data_sets_of_the_paper():
    for config in DIV2K_GRAY, DIV2K_RGB:
        assert DataConfig(source=config.source) == config
    assert SIDD_MEDIUM.sigma_255 == 0
    assert SIDD_MEDIUM.degraded.replace("NOISY", "GT") == SIDD_MEDIUM.clean


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"crop": 1}, '^data: "crop" must be at least 2; got 1.'),
        ({"interval": 0}, '^data: "interval" must be at least 1; got 0.'),
        ({"cache_gib": -0.5}, '^data: "cache_gib" must be at least 0; got -0.5.'),
        ({"sigma_255": -25}, '^data: "sigma_255" must be at least 0; got -25.0.'),
        ({"sigma_255": math.inf}, '"sigma_255" must be a finite number; got inf'),
        ({"flips": 1}, '"flips" must be True or False; got 1'),
        ({"held_out": "a*"}, '"held_out" must be a tuple, each entry text; got'),
        ({"sigma_255": 0}, "exactly one of .*; got degraded='', sigma_255=0.0 and "),
        (
            {"degraded": "*_noisy.png"},
            r"exactly one of .*; got degraded='\*_noisy.png', sigma_255=25.0 "
            r"and jpeg_quality=0\. Pairs and JPEG need data\.sigma_255=0\.",
        ),
        ({"jpeg_quality": 30}, "exactly one of .*sigma_255=25.0 and jpeg_quality=30."),
        ({**PAIRS, "jpeg_quality": 30}, "exactly one of .* and jpeg_quality=30."),
        ({**PAIRS, "clip": True}, '"clip" must be False without noise .*; got True.'),
        ({**JPEG, "round": True}, '"round" must be False without noise'),
        ({"jpeg_quality": -1}, '"jpeg_quality" must be at least 0; got -1.'),
        ({**JPEG, "jpeg_quality": 101}, "must be 0 or in 1 to 100; got 101."),
        (
            {**JPEG, "jpeg_quality_range": (40, 10)},
            r"must be empty or \(lowest, highest\), in 1 to 100; got \(40, 10\).",
        ),
        ({**JPEG, "jpeg_quality_range": (0, 10)}, r"1 to 100; got \(0, 10\)."),
        ({"sigma_range_255": (5.0,)}, r"in 0 upwards; got \(5.0,\)."),
        ({"sigma_range_255": (-1.0, 5.0)}, r"in 0 upwards; got \(-1.0, 5.0\)."),
        (
            {**JPEG, "sigma_range_255": (0.0, 55.0)},
            '"sigma_range_255" must be empty without data.sigma_255; .* validation',
        ),
        (
            {"jpeg_quality_range": (10, 40)},
            '"jpeg_quality_range" must be empty without data.jpeg_quality',
        ),
        ({"gray": "Y"}, "\"gray\" must be one of rgb2gray, y; got 'Y'"),
        (
            {"held_out": ("a*",), "validation_root": "b"},
            r"at most one of held_out and validation_root .*; got \('a\*',\) and 'b'.",
        ),
    ],
)
def test_data(values, match):
    with pytest.raises(ConfigError, match=match):
        DataConfig(**values)


def test_pairs_without_noise():
    assert DataConfig(**PAIRS).sigma_255 == 0


def test_ranges_beside_what_validation_uses():
    assert DataConfig(**JPEG, jpeg_quality_range=(10, 40)).jpeg_quality == 20
    assert DataConfig(sigma_range_255=(0, 55)).sigma_255 == 25


@pytest.mark.parametrize(
    "name",
    ["batch_size", "epochs", "log_every", "validate_every", "save_every"],
)
def test_counts_are_positive(name):
    assert getattr(TrainConfig(**{name: 1}), name) == 1
    match = f'^train: "{name}" must be at least 1; got 0.'
    with pytest.raises(ConfigError, match=match):
        TrainConfig(**{name: 0})


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"steps": -1}, '^train: "steps" must be at least 0; got -1.'),
        ({"clip_norm": -1}, '^train: "clip_norm" must be at least 0; got -1.0.'),
        ({"seed": -1}, r'^train: "seed" must lie in \[0, 4294967296\); got -1.'),
        ({"seed": 2**32}, '"seed" must lie in .*; got 4294967296.'),
        ({"ema_decay": 1}, r'"ema_decay" must lie in \[0, 1\); got 1.0.'),
        ({"ema_decay": -0.1}, r'"ema_decay" must lie in \[0, 1\); got -0.1.'),
        ({"learning_rate": 1e-7}, "must hold; got 1e-06 and 1e-07."),
        ({"final_learning_rate": 0}, "must hold; got 0.0 and 0.0001."),
        ({"final_learning_rate": -1e-6}, "0 < final_learning_rate <= learning_rate"),
        ({"learning_rate": math.inf}, '"learning_rate" must be a finite number'),
        ({"learning_rate": math.nan}, '"learning_rate" must be a finite number'),
        ({"schedule": "linear"}, "one of cosine, exponential, step; got 'linear'"),
        ({"dtype": "float16"}, "one of float32, bfloat16; got 'float16'"),
        ({"batch_size": 4.5}, '"batch_size" must be a whole number; got 4.5'),
    ],
)
def test_training(values, match):
    with pytest.raises(ConfigError, match=match):
        TrainConfig(**values)


def test_limits_are_allowed():
    TrainConfig(seed=2**32 - 1, ema_decay=0.9999)
    TrainConfig(learning_rate=1e-4, final_learning_rate=1e-4)
    EvaluationConfig(noise_seed=2**32 - 1)
    ExperimentConfig(data=DataConfig(crop=8))
    ExperimentConfig(
        model=DANetConfig(channels=3), evaluation=EvaluationConfig(channel="y")
    )


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"noise_seed": -1}, r'^evaluation: "noise_seed" must lie in \[0, 4294967296'),
        ({"noise_seed": 2**32}, '"noise_seed" must lie in .*; got 4294967296.'),
        ({"channel": "Y"}, "\"channel\" must be one of all, y, y_full; got 'Y'"),
        ({"clip": "no"}, '"clip" must be True or False'),
    ],
)
def test_evaluation(values, match):
    with pytest.raises(ConfigError, match=match):
        EvaluationConfig(**values)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (
            {"data": DataConfig(crop=7)},
            '^data: "crop" must be at least 8 for 4 scales; got 7.',
        ),
        (
            {"evaluation": EvaluationConfig(channel="y")},
            '^evaluation: "channel" must be "all" for gray images; got "y".',
        ),
        (
            {"data": DataConfig(gray="y"), "model": DANetConfig(channels=3)},
            '^data: "gray" must be "rgb2gray" for networks in colour; got "y".',
        ),
        ({"model": "danet_s"}, "\"model\" must be a DANetConfig; got 'danet_s'"),
        ({"train": {"steps": 1}}, '"train" must be a TrainConfig; got {'),
        ({"distributed": "on"}, "\"distributed\" must be one of off, auto; got 'on'"),
        ({"name": ""}, "\"name\" must name a folder: .*; got ''."),
        ({"name": "../x"}, "\"name\" must name a folder: .*; got '../x'."),
        ({"name": "a/b"}, '"name" must name a folder'),
        ({"name": ".."}, '"name" must name a folder'),
    ],
)
def test_experiment(values, match):
    with pytest.raises(ConfigError, match=match):
        ExperimentConfig(**values)
