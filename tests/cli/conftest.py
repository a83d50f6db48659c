"""``danet eval`` on untrained networks, which return their input exactly."""

import argparse
import dataclasses

import pytest
from flax import nnx

from danet_jax.cli import eval as command
from danet_jax.cli import tasks
from danet_jax.config import DANetConfig, DataConfig, ExperimentConfig
from danet_jax.models import DANet

GRAY = DANetConfig(
    widths=(2, 2),
    encoder_blocks=(0, 0),
    decoder_blocks=(0,),
    block="conv",
    recurrent_offsets=False,
)


RGB = dataclasses.replace(GRAY, channels=3)


@pytest.fixture
def start(monkeypatch):
    """Runs the command on networks named by their directories.

    Those named rgb... are for colour, blind... for any noise, and jpeg... for JPEG.

    The networks are untrained: they return their input exactly.
    """
    models = {m.channels: DANet(m, rngs=nnx.Rngs(0)) for m in (GRAY, RGB)}

    def load(path):
        model = models[3 if path.name.startswith("rgb") else 1]
        level = int(path.name.rpartition("_")[2]) if "_" in path.name else 25
        blind = (0.0, 55.0) if path.name.startswith("blind") else ()
        data = DataConfig(sigma_255=float(level), sigma_range_255=blind)
        if path.name.startswith("jpeg"):
            data = DataConfig(sigma_255=0.0, jpeg_quality=level, gray="y")
        return ExperimentConfig(model=model.config, data=data), model

    def start(*arguments, overrides=()):
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        command.run(parser.parse_args(list(map(str, arguments))), list(overrides))

    monkeypatch.setattr(tasks, "load_experiment", load)
    return start


@pytest.fixture
def run(tmp_path, monkeypatch, start):
    """Runs the command on an untrained gray network with some config."""
    model = DANet(GRAY, rngs=nnx.Rngs(0))

    def run(*arguments, data=None, overrides=(), checkpoint=""):
        config = ExperimentConfig(model=GRAY, data=data or DataConfig())
        monkeypatch.setattr(tasks, "load_experiment", lambda path: (config, model))
        start(
            "--checkpoint",
            tmp_path / "run" / checkpoint,
            *arguments,
            overrides=overrides,
        )

    return run
