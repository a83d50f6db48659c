"""Two stages: a teacher, and the student that starts with its decoder."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from danet_jax.checks import CheckpointError, WeightsError
from danet_jax.config import (
    DistillationConfig,
    ExperimentConfig,
    StudentConfig,
    TeacherConfig,
    override,
)
from danet_jax.data.pipeline import training_batches
from danet_jax.data.sources import open_training
from danet_jax.models import DANet, transfer_decoder
from danet_jax.training import devices, load_experiment, train
from danet_jax.training.checkpoint import Checkpoints
from danet_jax.training.distillation import guided, open_lesson, stages
from danet_jax.training.step import degrade, l2_loss, new_state
from tests.training.snapshots import latest_state, steps_saved

Tiny = Callable[..., ExperimentConfig]
PLAIN = {"model.block": "conv", "model.recurrent_offsets": False}


@pytest.fixture
def pair(tiny: Tiny) -> Callable[..., DistillationConfig]:
    """Builds a distillation of tiny networks, the teacher with a deeper encoder."""
    base = tiny(**PLAIN)
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


def losses(workdir: Path) -> list[float]:
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [record["loss"] for record in records if record["kind"] == "train"]


def assembled(config: DistillationConfig, run: Path) -> DANet:
    """A student put together by hand: its own start, the teacher's decoder."""
    _, teacher = load_experiment(run)
    return transfer_decoder(teacher, DANet(config.model, rngs=nnx.Rngs(0)))


def first_batch(config: ExperimentConfig) -> tuple[jax.Array, jax.Array]:
    """The degraded and clean patches of the first step."""
    batch = next(
        training_batches(
            open_training(config.data, 1),
            config.data,
            batch_size=config.train.batch_size,
            seed=config.train.seed,
            start_step=0,
            steps=1,
        )
    )
    key = jax.random.fold_in(jax.random.key(config.train.seed), 0)
    return degrade(batch, key, config.data)


def test_both_stages_run_and_resume(pair, tmp_path: Path) -> None:
    config = pair()
    result = train(config, tmp_path)
    assert (result.step, result.steps) == (6, 6)
    assert steps_saved(tmp_path / "teacher")[-1] == steps_saved(tmp_path)[-1] == 6
    stored, student = load_experiment(tmp_path)
    assert stored == config
    assert student.config == config.model
    _, teacher = load_experiment(tmp_path / "teacher")
    assert teacher.config == config.teacher.model
    before = (tmp_path / "metrics.jsonl").read_text()
    assert train(config, tmp_path).step == 6
    assert (tmp_path / "metrics.jsonl").read_text() == before


def test_the_first_loss_is_that_of_a_network_assembled_by_hand(
    pair, tmp_path: Path
) -> None:
    config = pair()
    train(config, tmp_path)
    model = assembled(config, tmp_path / "teacher")
    degraded, clean = first_batch(config)
    expected = float(l2_loss(model(degraded), clean))
    assert losses(tmp_path)[0] == pytest.approx(expected, rel=1e-5)
    plain = DANet(config.model, rngs=nnx.Rngs(0))
    assert abs(expected - float(l2_loss(plain(degraded), clean))) > 1e-5


def test_the_student_begins_with_the_decoder_and_a_new_optimiser(
    pair, taught: Path, tmp_path: Path
) -> None:
    config = pair(**{"student.init_decoder_from": str(taught)})
    _, new = new_state(config, 6)
    state = open_lesson(config, tmp_path).begin(config, new)
    expected = nnx.as_pure(nnx.state(assembled(config, taught), nnx.Param))
    for tree in state.params, state.ema:
        assert jax.tree.all(
            jax.tree.map(lambda a, b: bool((a == b).all()), tree, expected)
        )
    assert int(state.step) == 0
    assert all(
        bool((a == b).all())
        for a, b in zip(
            jax.tree.leaves(state.opt_state),
            jax.tree.leaves(new.opt_state),
            strict=True,
        )
    )
    head = state.params["head"]["kernel"], new.params["head"]["kernel"]
    np.testing.assert_array_equal(*head)


def test_a_killed_second_stage_goes_on_without_the_teacher(
    pair, tmp_path: Path, monkeypatch
) -> None:
    config = pair()
    train(config, tmp_path / "whole")
    half = tmp_path / "half"
    go_on = Checkpoints.save

    def stop(self, state, psnr_db):
        go_on(self, state, psnr_db)
        if int(state.step) == 4 and self._folder.parent == half:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        train(config, half)
    monkeypatch.undo()
    (half / "teacher").rename(tmp_path / "away")
    assert stages(config, half) == [(config, half)]
    assert train(config, half).step == 6
    for one, other in zip(
        jax.tree.leaves(latest_state(half)),
        jax.tree.leaves(latest_state(tmp_path / "whole")),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_any_network_with_that_decoder_may_teach(
    pair, taught: Path, tmp_path: Path
) -> None:
    config = pair(**{"student.init_decoder_from": str(taught)})
    train(config, tmp_path / "run")
    assert not (tmp_path / "run" / "teacher").exists()
    assert steps_saved(tmp_path / "run")[-1] == 6


def test_without_transfer_it_is_a_plain_training(pair, tmp_path: Path) -> None:
    config = pair(**{"student.transfer": False})
    train(config, tmp_path / "student")
    assert not (tmp_path / "student" / "teacher").exists()
    plain = ExperimentConfig(
        name="plain", model=config.model, data=config.data, train=config.train
    )
    train(plain, tmp_path / "plain")
    assert losses(tmp_path / "student") == losses(tmp_path / "plain")


def test_the_decoder_rests_for_the_first_steps(
    pair, taught: Path, tmp_path: Path
) -> None:
    start = nnx.to_pure_dict(nnx.state(assembled(pair(), taught), nnx.Param))
    changes = {"student.init_decoder_from": str(taught), "train.steps": 3}
    for frozen, moves in (3, False), (2, True):
        config = pair(**changes, **{"student.frozen_steps": frozen})
        train(config, tmp_path / str(frozen))
        end = latest_state(tmp_path / str(frozen))["params"]
        moved = {
            name: not all(map(np.array_equal, *map(jax.tree.leaves, (end[name], part))))
            for name, part in start.items()
        }
        assert moved["head"] and moved["encoder"]
        assert moved["decoder"] == moved["tail"] == moves


def test_a_guided_loss_spelled_out(pair, taught: Path) -> None:
    config = pair()
    _, teacher = load_experiment(taught)
    student = DANet(config.model, rngs=nnx.Rngs(3))
    degraded, clean = first_batch(config)
    graphdef, params = nnx.split(student, nnx.Param)
    structure, given = nnx.split(teacher, nnx.Param)
    weights = StudentConfig(feature_weight=0.5, output_weight=2.0)
    total, restoration = guided(graphdef, structure, weights)(
        params, given, degraded, clean
    )
    restored, [own] = student.with_features(degraded)
    target, [hint] = teacher.with_features(degraded)
    l2 = jnp.mean((restored - clean) ** 2)
    expected = l2 + 0.5 * jnp.mean(jnp.abs(own - hint))
    expected += 2.0 * jnp.mean((restored - target) ** 2)
    assert float(restoration) == pytest.approx(float(l2), rel=1e-6)
    assert float(total) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("weight", ["feature_weight", "output_weight"])
def test_a_guided_student_comes_nearer_to_its_teacher(
    pair, taught: Path, tmp_path: Path, weight: str
) -> None:
    changes = {"student.init_decoder_from": str(taught), "student.transfer": False}
    config = pair(**changes, **{f"student.{weight}": 10.0, "train.steps": 30})
    train(config, tmp_path)
    found = losses(tmp_path)
    assert len(found) == 30
    assert found[-1] < found[0]
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    first = next(r for r in map(json.loads, lines) if r["kind"] == "train")
    # The PSNR is that of the restoration alone.
    assert 10 ** (-first["psnr_db"] / 10) < first["loss"]


def test_the_teacher_s_parameters_are_no_constants_of_the_step(
    pair, taught: Path, tmp_path: Path
) -> None:
    config = pair(
        **{"student.init_decoder_from": str(taught), "student.output_weight": 1.0}
    )
    mesh = devices.make_mesh(8)
    graphdef, state = new_state(config, 6)
    lesson = open_lesson(config, tmp_path)
    step = lesson.step(graphdef, config, 6, mesh)
    batch = {"clean": np.zeros((8, 8, 8, 1), np.uint8)}
    _, metrics = step(devices.replicate(state, mesh), batch)
    assert np.isfinite(float(metrics["loss"]))
    assert len(jax.tree.leaves(step.keywords["given"])) == len(
        jax.tree.leaves(nnx.state(lesson.teacher, nnx.Param))
    )


def test_bad_teachers(pair, tiny: Tiny, taught: Path, tmp_path: Path, capsys) -> None:
    run = tmp_path / "run"
    missing = pair(**{"student.init_decoder_from": str(tmp_path / "none")})
    match = (
        r"none: no checkpoint here.* It shall teach pair: student\.init_decoder_from"
    )
    with pytest.raises(CheckpointError, match=match):
        train(missing, run)
    other = pair(
        **{"student.init_decoder_from": str(taught), "model.widths": (8, 4)},
        **{"model.offset_groups": 4},
    )
    with pytest.raises(WeightsError, match=r"transfer_decoder: .*widths"):
        train(other, run)
    assert not run.exists()
    noisier = pair(**{"student.init_decoder_from": str(taught), "data.sigma_255": 50.0})
    open_lesson(noisier, run)
    said = capsys.readouterr().err
    assert said.endswith(
        "was trained for awgn_gray_25, the student is for awgn_gray_50.\n"
    )


def test_the_directory_of_another_run_is_refused_before_the_teacher_is_trained(
    pair, taught: Path, tmp_path: Path
) -> None:
    config = pair(**{"student.init_decoder_from": str(taught)})
    train(config, tmp_path)
    with pytest.raises(CheckpointError, match=r"student\.init_decoder_from was"):
        train(pair(), tmp_path)
    assert not (tmp_path / "teacher").exists()
