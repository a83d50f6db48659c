"""The configs of distillations and of the ablation, beside those that they follow."""

import ast
import dataclasses
import re
from pathlib import Path

import pytest

from danet_jax.config import (
    VARIANTS,
    DistillationConfig,
    StudentConfig,
    TrainConfig,
    load_config,
)

CONFIGS = Path(__file__).parents[1] / "configs"
STUDENTS = sorted(CONFIGS.glob("danet_s/*.py"))
DISTILLED = sorted(CONFIGS.glob("distill/*.py"))
ABLATED = sorted(CONFIGS.glob("ablation/*.py"))


def docstring(path):
    return ast.get_docstring(ast.parse(path.read_text()))


def scores(path):
    """The published figures, as a docstring states them."""
    return re.findall(r"^    (\w+) +(\d\d\.\d\d / 0\.\d+)$", docstring(path), re.M)


def test_each_student_has_a_distillation():
    assert [path.name for path in DISTILLED] == [path.name for path in STUDENTS]


@pytest.mark.parametrize("path", DISTILLED, ids=lambda path: path.stem)
def test_a_distillation_is_its_student_s_config_with_a_teacher(path):
    plain = path.parents[1] / "danet_s" / path.name
    config, student = load_config(path), load_config(plain)
    assert isinstance(config, DistillationConfig)
    for field in "model", "data", "train", "evaluation", "distributed":
        assert getattr(config, field) == getattr(student, field)
    assert config.student == StudentConfig()
    first, channels = config.stage_one, config.model.channels
    assert first.model == dataclasses.replace(VARIANTS["teacher"], channels=channels)
    assert first.train == TrainConfig(batch_size=5)
    assert scores(path) == scores(plain)
    assert docstring(path).splitlines()[0] == docstring(plain).splitlines()[0]
    assert f"configs/danet_s/{path.name}" in docstring(path)
    assert f"configs/distill/{path.name}" in docstring(plain)


@pytest.mark.parametrize("path", ABLATED, ids=lambda path: path.stem)
def test_an_ablation_is_table_2_s_config_with_another_network(path):
    config, full = load_config(path), load_config(CONFIGS / "awgn_gray_25.py")
    assert config.model == VARIANTS[path.stem]
    changes = {"model": full.model, "name": full.name}
    assert dataclasses.replace(config, **changes) == full
    assert "Table 8" in docstring(path)
