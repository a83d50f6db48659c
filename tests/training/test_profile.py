"""The trace of some steps."""

from collections.abc import Callable
from pathlib import Path

import jax

from danet_jax.config import ExperimentConfig
from danet_jax.training import train

PLAIN = {"model.block": "conv", "model.recurrent_offsets": False}


def test_some_steps_are_traced(
    tiny: Callable[..., ExperimentConfig], tmp_path: Path
) -> None:
    """But no calls of Python: to trace them can crash while a checkpoint is written.

    Their events would be named by file and line, "$train.py:12 step".
    """
    config = tiny(**PLAIN, **{"train.profile": 2, "train.steps": 5})
    assert train(config, tmp_path).step == 5
    (path,) = tmp_path.glob("profile/**/*.xplane.pb")
    planes = jax.profiler.ProfileData.from_file(str(path)).planes
    names = {e.name for plane in planes for line in plane.lines for e in line.events}
    assert any("jit" in name.lower() for name in names)
    assert not [name for name in names if name.startswith("$")]


def test_a_trace_ends_with_the_run(
    tiny: Callable[..., ExperimentConfig], tmp_path: Path
) -> None:
    config = tiny(**PLAIN, **{"train.profile": 100, "train.steps": 3})
    train(config, tmp_path)
    assert list(tmp_path.glob("profile/**/*.xplane.pb"))
