"""Training from end to end: it learns, records, resumes, and refuses what is wrong."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest

from danet_jax.checks import CheckpointError, ConfigError, DataError
from danet_jax.config import ExperimentConfig, TrainConfig
from danet_jax.training import TrainResult, load_experiment, train
from danet_jax.training.loop import due, total_steps
from danet_jax.training.records import NonFiniteError
from tests.training.snapshots import latest_state

Tiny = Callable[..., ExperimentConfig]


def records(workdir: Path, kind: str) -> list[dict[str, float]]:
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    return [record for record in found if record["kind"] == kind]


def test_a_network_learns(tiny: Tiny, tmp_path: Path) -> None:
    rhythm = {"train.log_every": 10, "train.validate_every": 30, "train.save_every": 30}
    config = tiny(**rhythm, **{"train.steps": 60})
    result = train(config, tmp_path)
    assert (result.step, result.steps) == (60, 60)
    scores = records(tmp_path, "validation")
    assert result.psnr_db == scores[-1]["psnr_db"]
    assert scores[-1]["psnr_db"] > scores[-1]["psnr_degraded_db"] + 3
    steps = records(tmp_path, "train")
    assert [record["step"] for record in steps] == [*range(10, 61, 10)]
    assert steps[-1]["loss"] < 0.6 * steps[0]["loss"]
    assert steps[0]["psnr_db"] == pytest.approx(20.17, abs=1.5)  # that of the noise
    for name in "gradient_norm", "learning_rate", "images_per_second":
        assert all(record[name] > 0 for record in steps[1:])


def test_the_best_network_is_loaded(tiny: Tiny, tmp_path: Path) -> None:
    config = tiny()
    train(config, tmp_path)
    loaded, model = load_experiment(tmp_path)
    assert loaded == config
    restored = model(np.full((1, 5, 6, 1), 0.5, np.float32))
    assert restored.shape == (1, 5, 6, 1)
    # The average of the parameters is what was validated, and so what is loaded.
    ema = latest_state(tmp_path)["ema"]
    np.testing.assert_array_equal(model.head.kernel[...], ema["head"]["kernel"])


def test_resuming_is_bit_identical(tiny: Tiny, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(tiny(), whole)
    lengths = iter((1, 3))  # steps after which the parts are stopped
    with pytest.MonkeyPatch.context() as patch:
        for length in lengths:
            asked = "danet_jax.training.interrupt.Interrupt.asked"
            patch.setattr(asked, lambda self, step, n=length: step == n)
            assert train(tiny(), parts).step == length
    assert train(tiny(), parts) == TrainResult(
        6, 6, records(whole, "validation")[-1]["psnr_db"]
    )
    expected, actual = latest_state(whole), latest_state(parts)
    assert jax.tree.structure(expected) == jax.tree.structure(actual)
    jax.tree.map(np.testing.assert_array_equal, expected, actual)
    same = ("step", "loss", "psnr_db", "gradient_norm", "learning_rate")
    for a, b in zip(records(whole, "train"), records(parts, "train"), strict=True):
        assert {k: a[k] for k in same} == {k: b[k] for k in same}


def test_a_finished_run_is_left_alone(tiny: Tiny, tmp_path: Path, capsys) -> None:
    train(tiny(), tmp_path)
    before = (tmp_path / "metrics.jsonl").read_text()
    assert train(tiny(), tmp_path) == TrainResult(6, 6, None)
    assert (tmp_path / "metrics.jsonl").read_text() == before
    assert "all 6 steps are done" in capsys.readouterr().err


def test_pairs_without_validation(
    tiny: Tiny, tmp_path: Path, photographs: Path
) -> None:
    changes = {
        "data.clean": "[01].png",
        "data.degraded": "[01].png",
        "data.sigma_255": 0.0,
        "data.validation_root": "",
    }
    with pytest.raises(DataError, match="matches both"):
        train(tiny(**changes), tmp_path)
    assert not (tmp_path / "config.json").exists()


def test_a_diverging_run_keeps_its_checkpoint(tiny: Tiny, tmp_path: Path) -> None:
    changes = {"model.block": "conv", "model.recurrent_offsets": False}
    changes |= {"train.clip_norm": 0.0, "train.learning_rate": 1e18}
    config = tiny(**changes)
    match = r"(loss|gradient_norm) became (nan|inf) at step [2-6]\..*clip_norm"
    with pytest.raises(NonFiniteError, match=match):
        train(config, tmp_path)
    state = latest_state(tmp_path, missing_ok=True)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
    assert all(math.isfinite(r["loss"]) for r in records(tmp_path, "train"))


def test_another_config_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    train(tiny(), tmp_path)
    with pytest.raises(CheckpointError, match=r"train\.batch_size was 8, now 16"):
        train(tiny(**{"train.batch_size": 16}), tmp_path)
    assert train(tiny(**{"train.log_every": 5}), tmp_path).step == 6


def test_the_devices_must_divide_the_batch(
    tiny: Tiny, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(jax, "device_count", lambda: 3)
    with pytest.raises(ConfigError, match=r"multiple of the 3 devices; got 8.*size=9"):
        train(tiny(), tmp_path)


def test_no_cluster_to_join(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"no cluster could be joined.*distributed=off"
    ):
        train(tiny(distributed="auto"), tmp_path)


@pytest.mark.parametrize(
    ("train_config", "patches", "steps"),
    [
        (TrainConfig(epochs=100, batch_size=12), 120, 1000),
        (TrainConfig(epochs=1, batch_size=12), 25, 2),
        (TrainConfig(epochs=1, batch_size=12), 3, 1),
        (TrainConfig(epochs=100, steps=7), 10**6, 7),
    ],
)
def test_length_of_a_run(train_config: TrainConfig, patches: int, steps: int) -> None:
    assert total_steps(train_config, patches) == steps


def test_what_is_due() -> None:
    assert [step for step in range(1, 8) if due(step, 3, 7)] == [3, 6, 7]
