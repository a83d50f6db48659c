"""A network and images so small that a whole training takes seconds."""

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from danet_jax.config import (
    DistillationConfig,
    ExperimentConfig,
    TeacherConfig,
    load_config,
    override,
)
from danet_jax.data.images import write_png
from danet_jax.training import train
from danet_jax.training.records import Records

TINY = Path(__file__).with_name("tiny.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Smooth gray images: three below train/, one of an odd size below test/."""
    root = tmp_path_factory.mktemp("photographs")
    sizes = {"train/0": (16, 24), "train/1": (16, 24), "train/2": (16, 24)}
    sizes["test/3"] = (13, 15)
    for seed, (name, size) in enumerate(sizes.items()):
        rows, columns = np.mgrid[: size[0], : size[1]]
        image = 128 + 60 * np.sin(0.3 * (seed + 1) * rows) + 3.0 * columns
        path = root / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        write_png(path, image.astype(np.uint8)[..., None])
    return root


@pytest.fixture
def tiny(photographs: Path) -> Callable[..., ExperimentConfig]:
    """Builds the config of tiny.py with changes, e.g. tiny(**{"train.steps": 3})."""
    roots = {
        "data.root": str(photographs / "train"),
        "data.validation_root": str(photographs / "test"),
    }

    def build(**changes: Any) -> ExperimentConfig:
        return override(load_config(TINY), roots | changes)

    return build


class Trainings:
    """Runs ``train.py`` on tiny.py in processes of their own."""

    def __init__(self, photographs: Path):
        self._words = [
            *(sys.executable, "-W", "error", str(ROOT / "train.py")),
            *("--config", str(TINY)),
            f"--config.data.root={photographs / 'train'}",
            f"--config.data.validation_root={photographs / 'test'}",
        ]

    def start(
        self, workdir: Path, *overrides: str, **environment: str
    ) -> subprocess.Popen[str]:
        """Starts a training, e.g. with "train.steps=3"."""
        words = [*self._words, "--workdir", str(workdir)]
        return subprocess.Popen(
            [*words, *(f"--config.{text}" for text in overrides)],
            env=os.environ | environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, workdir: Path, *overrides: str, **environment: str) -> str:
        """Trains to the end, and returns what went to standard error."""
        process = self.start(workdir, *overrides, **environment)
        _, shown = process.communicate(timeout=300)
        assert process.returncode == 0, shown
        return shown


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets SIGTERM come during a step of all trainings from here on; 0: none."""
    add = Records.add

    def stop_after(at: int) -> None:
        def signalled(self: Records, step: int, metrics: object) -> None:
            if step == at:
                os.kill(os.getpid(), signal.SIGTERM)
            add(self, step, metrics)

        monkeypatch.setattr(Records, "add", signalled)

    return stop_after


@pytest.fixture(scope="session")
def trainings(photographs: Path) -> Trainings:
    return Trainings(photographs)


@pytest.fixture
def pair(
    tiny: Callable[..., ExperimentConfig],
) -> Callable[..., DistillationConfig]:
    """Builds a distillation of tiny networks, the teacher with a deeper encoder."""
    base = tiny(**{"model.block": "conv", "model.recurrent_offsets": False})
    deeper = dataclasses.replace(base.model, encoder_blocks=(1, 0))
    batch = dataclasses.replace(base.train, batch_size=4)
    config = DistillationConfig(
        name="pair",
        model=base.model,
        data=base.data,
        train=base.train,
        teacher=TeacherConfig(model=deeper, train=batch),
    )
    return lambda **changes: override(config, changes)


@pytest.fixture(scope="session")
def teacher_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("teacher")


@pytest.fixture
def taught(pair: Callable[..., DistillationConfig], teacher_run: Path) -> Path:
    """A run of a trained teacher, made once."""
    first = pair().stage_one
    assert first is not None
    train(dataclasses.replace(first, name="t"), teacher_run)
    return teacher_run
