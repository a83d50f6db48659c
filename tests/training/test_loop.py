"""Training from end to end: it learns, records, resumes, and refuses what is wrong."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest
from flax import nnx

from danet_jax.checks import CheckpointError, ConfigError, DataError
from danet_jax.config import SIDD_MEDIUM, ExperimentConfig, TrainConfig, override
from danet_jax.data.images import write_png
from danet_jax.training import TrainResult, distillation, load_experiment, train
from danet_jax.training.loop import due, total_steps
from danet_jax.training.records import NonFiniteError
from danet_jax.training.validation import Validation
from tests.training.snapshots import latest_state, steps_saved

Tiny = Callable[..., ExperimentConfig]
# Of plain convolutions, which compile soon.
PLAIN = {"model.block": "conv", "model.recurrent_offsets": False}


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
    assert {score["protocol"] for score in scores} == {"awgn_gray_25"}
    assert scores[-1]["psnr_db"] > scores[-1]["psnr_degraded_db"] + 3
    assert all(0 < score["samples_outside"] < 0.5 for score in scores)
    steps = records(tmp_path, "train")
    assert [record["step"] for record in steps] == [*range(10, 61, 10)]
    assert steps[-1]["loss"] < 0.6 * steps[0]["loss"]
    assert steps[0]["psnr_db"] == pytest.approx(20.17, abs=1.5)  # that of the noise
    for name in "gradient_norm", "learning_rate", "images_per_second":
        assert all(record[name] > 0 for record in steps[1:])


def test_offsets_that_have_left_the_image_are_told(
    tiny: Tiny, tmp_path: Path, monkeypatch, capsys
) -> None:
    def far(graphdef, *arguments, **options):
        step = make_train_step(graphdef, *arguments, **options)

        def moved(state, batch, given):
            state, metrics = step(state, batch, given)
            model = nnx.merge(graphdef, state.ema)
            bias = model.decoder[0].stage.blocks[0].offset.predict.bias
            bias[...] = bias[...] + 1e3
            return state._replace(ema=nnx.as_pure(nnx.state(model, nnx.Param))), metrics

        return moved

    make_train_step = distillation.make_train_step
    monkeypatch.setattr(distillation, "make_train_step", far)
    train(tiny(**{"train.steps": 1}), tmp_path)
    [score] = records(tmp_path, "validation")
    assert score["samples_outside"] == 1
    said = "step 1: Deformable convolutions sample outside the image: decoder 1/1"
    assert said in capsys.readouterr().err


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


def test_resuming_is_bit_identical(tiny: Tiny, tmp_path: Path, stop_after) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(tiny(), whole)
    for length in 1, 3:  # the second before a validation, which is made up for
        stop_after(length)
        assert train(tiny(), parts).step == length
    stop_after(0)
    assert train(tiny(), parts) == TrainResult(
        6, 6, records(whole, "validation")[-1]["psnr_db"]
    )
    expected, actual = latest_state(whole), latest_state(parts)
    assert jax.tree.structure(expected) == jax.tree.structure(actual)
    jax.tree.map(np.testing.assert_array_equal, expected, actual)
    same = ("step", "loss", "psnr_db", "gradient_norm", "learning_rate")
    for a, b in zip(records(whole, "train"), records(parts, "train"), strict=True):
        assert {k: a[k] for k in same} == {k: b[k] for k in same}
    assert records(whole, "validation") == records(parts, "validation")


def test_a_finished_run_is_left_alone(tiny: Tiny, tmp_path: Path, capsys) -> None:
    train(tiny(), tmp_path)
    before = (tmp_path / "metrics.jsonl").read_text()
    assert train(tiny(), tmp_path) == TrainResult(6, 6, None)
    assert (tmp_path / "metrics.jsonl").read_text() == before
    assert "all 6 steps are done" in capsys.readouterr().err


def test_patterns_that_match_the_same_images(tiny: Tiny, tmp_path: Path) -> None:
    same = {"data.clean": "[01].png", "data.degraded": "[01].png"}
    with pytest.raises(DataError, match="matches both"):
        train(tiny(**same, **{"data.sigma_255": 0.0}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def write_pair(clean: Path, degraded: Path, seed: int, channels: int) -> None:
    """An image, and the same one brighter by 51 of 255: 13.98 dB apart."""
    random, shape = np.random.RandomState(seed), (12, 16, channels)
    image = random.randint(0, 200, shape).astype(np.uint8)
    clean.parent.mkdir(parents=True, exist_ok=True)
    write_png(clean, image)
    write_png(degraded, image + np.uint8(51))


def assert_trains_on_pairs(config: ExperimentConfig, workdir: Path) -> None:
    assert train(config, workdir).step == 2
    [score] = records(workdir, "validation")
    assert score["psnr_degraded_db"] == pytest.approx(-20 * math.log10(0.2), abs=1e-3)
    first = records(workdir, "train")[0]  # an untrained network returns its input
    assert first["psnr_db"] == pytest.approx(-20 * math.log10(0.2), abs=1e-3)


def test_pairs_of_which_some_are_held_out(tiny: Tiny, tmp_path: Path) -> None:
    root = tmp_path / "pairs"
    for seed, name in enumerate("abc"):
        write_pair(root / f"{name}_clean.png", root / f"{name}_noisy.png", seed, 1)
    changes = {
        "data.root": str(root),
        "data.validation_root": "",
        "data.clean": "*_clean.png",
        "data.degraded": "*_noisy.png",
        "data.held_out": ("b*",),
        "data.sigma_255": 0.0,
        "train.steps": 2,
    }
    assert_trains_on_pairs(tiny(**PLAIN, **changes), tmp_path / "run")


def test_pairs_as_sidd_lays_them_out(tiny: Tiny, tmp_path: Path) -> None:
    for seed in 1, 2, 3:
        folder = tmp_path / "Data" / f"{seed:04}_001_S6_00100_00060_3200_L"
        names = (f"{seed:04}_{kind}_SRGB_010.PNG" for kind in ("GT", "NOISY"))
        write_pair(*(folder / name for name in names), seed, 3)
    changes = {
        "data": SIDD_MEDIUM,
        "data.root": str(tmp_path),
        "data.held_out": ("0002_*",),
        "data.validation_root": "",
        "data.crop": 8,
        "data.interval": 8,
        "model.channels": 3,
        "train.steps": 2,
    }
    assert_trains_on_pairs(tiny(**PLAIN, **changes), tmp_path / "run")


def test_validation_images_too_small_are_refused_at_once(
    tiny: Tiny, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    write_png(small / "a.png", np.zeros((10, 16, 1), np.uint8))
    match = r"1 of 1 images have fewer than the 11 pixels .*First: a with 16x10"
    with pytest.raises(DataError, match=match):
        train(tiny(**{"data.validation_root": str(small)}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_validation_that_fails_costs_no_steps(
    tiny: Tiny, tmp_path: Path, photographs: Path, monkeypatch
) -> None:
    images = tmp_path / "images"
    shutil.copytree(photographs / "test", images)
    validate = Validation.__call__

    def fail(self: Validation, *arguments: object) -> float | None:
        shutil.rmtree(images, ignore_errors=True)
        return validate(self, *arguments)

    monkeypatch.setattr(Validation, "__call__", fail)
    changes = {"data.validation_root": str(images), "data.cache_gib": 0.0}
    with pytest.raises(DataError, match=r"3\.png: no such file"):
        train(tiny(**PLAIN, **changes, **{"train.save_every": 100}), tmp_path / "run")
    assert steps_saved(tmp_path / "run") == [3]  # the first validation is due there


def test_a_diverging_run_keeps_its_checkpoint(
    tiny: Tiny, tmp_path: Path, monkeypatch
) -> None:
    make_train_step = distillation.make_train_step

    def diverging(*arguments: object, **options: object) -> Callable[..., object]:
        train_step = make_train_step(*arguments, **options)

        def step(state, batch, given):
            if int(state.step) == 4:
                lost = jax.tree.map(lambda leaf: leaf * math.nan, state.params)
                state = state._replace(params=lost)
            return train_step(state, batch)

        return step

    monkeypatch.setattr(distillation, "make_train_step", diverging)
    match = r"loss became nan at step 5\. No checkpoint .* Lower train\.learning_rate"
    with pytest.raises(NonFiniteError, match=match):
        train(tiny(**PLAIN, **{"data.validation_root": ""}), tmp_path)
    assert [record["step"] for record in records(tmp_path, "train")] == [1, 2, 3, 4]
    assert steps_saved(tmp_path)[-1] == 4
    state = latest_state(tmp_path)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
    monkeypatch.undo()
    assert train(tiny(**PLAIN, **{"data.validation_root": ""}), tmp_path).step == 6


def test_another_config_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    train(tiny(), tmp_path)
    # Before the images are looked for, which here are not even there.
    other = tiny(**{"train.batch_size": 16, "data.root": "missing"})
    with pytest.raises(CheckpointError, match=r"train\.batch_size was 8, now 16"):
        train(other, tmp_path)
    assert train(tiny(**{"train.log_every": 5}), tmp_path).step == 6


def test_what_is_no_config(tmp_path: Path) -> None:
    match = r'train: "config" must be of type ExperimentConfig; got str.'
    with pytest.raises(TypeError, match=match):
        train("configs/sidd.py", tmp_path)  # type: ignore[arg-type]


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


def test_other_images_do_not_change_the_length_of_a_run(
    tiny: Tiny, tmp_path: Path, photographs: Path
) -> None:
    config = tiny(**{"train.steps": 0, "train.epochs": 2})
    result = train(config, tmp_path / "run")
    assert result.step == result.steps == 4
    more = tmp_path / "more"
    shutil.copytree(photographs / "train", more)
    shutil.copy(more / "0.png", more / "4.png")
    other = override(config, {"data.root": str(more)})
    with pytest.raises(CheckpointError, match=r"train\.steps was 4, now 6\. "):
        train(other, tmp_path / "run")
    told = override(other, {"train.steps": 4})
    assert train(told, tmp_path / "run").steps == 4


def test_what_is_due() -> None:
    assert [step for step in range(1, 8) if due(step, 3, 7)] == [3, 6, 7]
