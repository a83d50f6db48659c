"""The trace of some steps."""

from collections.abc import Callable
from pathlib import Path

from danet_jax.config import ExperimentConfig
from danet_jax.training import train

PLAIN = {"model.block": "conv", "model.recurrent_offsets": False}


def test_some_steps_are_traced(
    tiny: Callable[..., ExperimentConfig], tmp_path: Path
) -> None:
    config = tiny(**PLAIN, **{"train.profile": 2, "train.steps": 5})
    assert train(config, tmp_path).step == 5
    assert list(tmp_path.glob("profile/**/*.xplane.pb"))


def test_a_trace_ends_with_the_run(
    tiny: Callable[..., ExperimentConfig], tmp_path: Path
) -> None:
    config = tiny(**PLAIN, **{"train.profile": 100, "train.steps": 3})
    train(config, tmp_path)
    assert list(tmp_path.glob("profile/**/*.xplane.pb"))
