"""Distillation as a config: two stages of one experiment."""

import dataclasses
import json

import pytest

from danet_jax.checks import ConfigError
from danet_jax.config import (
    VARIANTS,
    DistillationConfig,
    ExperimentConfig,
    StudentConfig,
    TrainConfig,
    experiment_from_dict,
    override,
    parse_overrides,
)

BASE = DistillationConfig(name="base")


def test_the_defaults_are_the_paper_s() -> None:
    assert BASE.model == VARIANTS["danet_s"]
    assert BASE.train.batch_size == 12
    assert BASE.student == StudentConfig(transfer=True)
    first = BASE.stage_one
    assert first is not None
    assert first == ExperimentConfig(
        name="base_teacher",
        model=VARIANTS["teacher"],
        train=TrainConfig(batch_size=5),
    )


def test_both_stages_share_data_and_evaluation() -> None:
    words = ["--config.data.root=DIR", "--config.evaluation.noise_seed=3"]
    config = parse_overrides(BASE, [*words, "--config.teacher.train.batch_size=2"])
    first = config.stage_one
    assert first is not None
    assert first.data == config.data and config.data.root == "DIR"
    assert first.evaluation == config.evaluation
    assert (first.train.batch_size, config.train.batch_size) == (2, 12)


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({}, True),
        ({"transfer": False}, False),
        ({"transfer": False, "feature_weight": 0.1}, True),
        ({"transfer": False, "output_weight": 0.1}, True),
        ({"init_decoder_from": "runs/teacher"}, False),
    ],
)
def test_when_a_teacher_is_trained(changes: dict[str, object], needed: bool) -> None:
    config = override(BASE, {f"student.{k}": v for k, v in changes.items()})
    assert (config.stage_one is not None) == needed


@pytest.mark.parametrize("config", [BASE, ExperimentConfig(name="plain")])
def test_json_keeps_the_kind_of_experiment(config: ExperimentConfig) -> None:
    stored = json.loads(json.dumps(dataclasses.asdict(config)))
    found = experiment_from_dict(stored)
    assert found == config
    assert type(found) is type(config)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"student.frozen_steps": -1}, '"frozen_steps" must be at least 0; got -1'),
        ({"student.feature_weight": -0.1}, '"feature_weight" must be at least 0'),
        ({"student.output_weight": float("nan")}, '"output_weight" must be a finite'),
        (
            {"student.frozen_steps": 5, "student.transfer": False},
            r'"frozen_steps" must be 0 without student\.transfer; got 5',
        ),
        (
            {"teacher.model.offset_width": 64, "teacher.model.channels": 3},
            r"teacher\.model and model may differ in encoder_blocks only; got channels "
            r"3 and 1; offset_width 64 and 96",
        ),
        (
            {
                "teacher.model.channels": 3,
                "student.transfer": False,
                "student.output_weight": 1.0,
            },
            r'teacher\.model: "channels" must be 1, as of the student\'s; got 3',
        ),
        (
            {"train.steps": 50, "student.frozen_steps": 50},
            r'"frozen_steps" must be less than train\.steps, 50; got 50',
        ),
        (
            {"student.init_decoder_from": "runs/x", "student.transfer": False},
            r'"init_decoder_from" must be empty for a student that takes nothing',
        ),
        ({"teacher.model.decoder_blocks": (5, 3, 2)}, "decoder_blocks"),
    ],
)
def test_impossible_ones(changes: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        override(BASE, changes)


def test_only_a_decoder_that_passes_must_fit() -> None:
    changes = {"student.transfer": False, "student.output_weight": 1.0}
    config = override(BASE, changes | {"teacher.model.decoder_blocks": (5, 3, 2)})
    assert config.stage_one is not None


def test_another_teacher_may_be_named_for_another_student() -> None:
    changes = {"model.offset_width": 64, "student.init_decoder_from": "runs/x"}
    assert override(BASE, changes).stage_one is None
