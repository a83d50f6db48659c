import argparse
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from danet_jax import to_torch
from danet_jax.checks import CheckpointError, ConfigError
from danet_jax.cli import export as command
from danet_jax.config import load_config
from danet_jax.pretrained import load_pretrained, read_card, store
from danet_jax.training import load_experiment
from danet_jax.training.checkpoint import Checkpoints
from danet_jax.training.step import new_state
from tests.training.conftest import TINY

MEAN = {
    "set": "Set12",
    "image": "mean",
    "psnr_degraded": 20.2,
    "psnr_restored": 29.4,
    "ssim_degraded": 0.362,
    "ssim_restored": 0.833,
}


@pytest.fixture
def saved(tmp_path):
    """A run whose checkpoint of step 2 is the best one, and an evaluation of it."""
    config = load_config(TINY)
    _, state = new_state(config, 3)
    with Checkpoints(tmp_path / "run", config) as checkpoints:
        for step, psnr_db in (1, 20.0), (2, 30.0), (3, 25.0):
            ema = jax.tree.map(lambda leaf, step=step: leaf + step, state.ema)
            state = state._replace(step=jnp.int32(step), ema=ema)
            checkpoints.save(state, psnr_db)
    records = [{"image": "a"}, MEAN | {"protocol": "AWGN", "ssim_volume": 0.8}]
    (tmp_path / "results.json").write_text(json.dumps(records))
    return tmp_path


def _run(folder, *words, overrides=()):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    usual = {
        "--checkpoint": folder / "run",
        "--task": "gray25",
        "--command": "python train.py",
        "--data": "photographs",
        "--terms": "free",
        "--figures": folder / "results.json",
        "--out": folder,
    }
    words = [*(word for pair in usual.items() for word in pair), *words]
    command.run(parser.parse_args(list(map(str, words))), list(overrides))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_best_checkpoint_of_a_run(saved, monkeypatch, capsys, dtype):
    _run(saved, *(["--half"] if dtype == "float16" else []))
    shown = capsys.readouterr().out
    assert shown.startswith(f"{saved / 'run'} -> {saved / 'gray25.safetensors'} (0.0")
    monkeypatch.setattr(store, "_folder", lambda: saved)
    card = read_card("gray25")
    assert (card.steps, card.dtype, card.terms) == (2, dtype, "free")
    assert [figure.psnr_restored for figure in card.figures] == [29.4]
    wanted = to_torch(load_experiment(saved / "run")[1])
    for name, array in to_torch(load_pretrained("gray25")).items():
        np.testing.assert_array_equal(array, wanted[name].astype(dtype))


def test_another_checkpoint_of_a_run(saved, monkeypatch):
    _run(saved, "--checkpoint", saved / "run" / "checkpoints" / "3")
    monkeypatch.setattr(store, "_folder", lambda: saved)
    assert read_card("gray25").steps == 3


def test_mistakes(saved):
    with pytest.raises(ConfigError, match=r"got --config.train.steps=1"):
        _run(saved, overrides=["--config.train.steps=1"])
    with pytest.raises(ConfigError, match=r"missing: no such folder. Make it first"):
        _run(saved, "--out", saved / "missing")
    with pytest.raises(ConfigError, match=r"none.json: cannot be read as JSON"):
        _run(saved, "--figures", saved / "none.json")
    with pytest.raises(ConfigError, match=r'"data" must not be empty'):
        _run(saved, "--data", " ")
    with pytest.raises(CheckpointError, match=r"none: no checkpoint here"):
        _run(saved, "--checkpoint", saved / "none")
    assert not (saved / "gray25.safetensors").exists()
