"""Two stages: a teacher, and the student that starts with its decoder."""

import dataclasses
import re
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from danet_jax.checks import CheckpointError, ConfigError, WeightsError
from danet_jax.config import (
    ExperimentConfig,
    override,
)
from danet_jax.models import DANet
from danet_jax.training import load_experiment, train
from danet_jax.training.checkpoint import Checkpoints
from danet_jax.training.distillation import open_lesson, stages
from danet_jax.training.step import l2_loss, new_state
from danet_jax.training.workdir import claimed
from tests.training.snapshots import latest_state, steps_saved
from tests.training.students import assembled, first_batch, losses


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
    state = open_lesson(config, tmp_path, taught).begin(config, new)
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
    assert stages(config, half, half / "teacher") == [(config, half)]
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


@pytest.mark.parametrize("late", [False, True])
def test_a_stopped_first_stage_is_not_the_end_of_it(
    pair, tmp_path: Path, stop_after, late: bool
) -> None:
    """Also if the stop comes with the teacher's last step: stage two then waits."""
    config = pair()
    at = 6 if late else 4
    stop_after(at)
    result = train(config, tmp_path)
    assert (result.step, result.stopped) == (at, True)
    assert not (tmp_path / "checkpoints").exists()
    stop_after(0)
    result = train(config, tmp_path)
    assert (result.step, result.stopped) == (6, False)
    whole = tmp_path / "whole"
    train(config, whole)
    assert losses(tmp_path) == losses(whole)
    for folder in tmp_path, whole:  # the teacher's last validation is not left out
        with Checkpoints(folder / "teacher") as checkpoints:
            assert not checkpoints.unscored(6)


def test_the_last_teacher_teaches_not_the_best(pair, taught: Path) -> None:
    assert steps_saved(taught)[-1] == 6
    config = pair(**{"student.init_decoder_from": str(taught)})
    lesson = open_lesson(config, taught / "none", taught / "none")
    last = load_experiment(taught / "checkpoints" / "6")[1]
    np.testing.assert_array_equal(
        lesson.teacher.tail.kernel[...], last.tail.kernel[...]
    )


def test_students_may_share_a_teacher(pair, taught: Path, tmp_path: Path) -> None:
    config = override(pair(), {"name": "t"})
    first = dataclasses.replace(pair().stage_one, name="t_teacher")
    train(first, tmp_path / "shared")
    before = (tmp_path / "shared" / "metrics.jsonl").read_text()
    train(config, tmp_path / "student", teacher=tmp_path / "shared")
    assert not (tmp_path / "student" / "teacher").exists()
    assert (tmp_path / "shared" / "metrics.jsonl").read_text() == before


def test_a_complete_teacher_is_not_locked_for_its_students(
    pair, tmp_path: Path
) -> None:
    first = dataclasses.replace(pair().stage_one, name="pair_teacher")
    train(first, tmp_path / "shared")
    with claimed(tmp_path / "shared", first):  # another student is about to begin
        result = train(pair(), tmp_path / "student", teacher=tmp_path / "shared")
    assert result.step == 6


@pytest.mark.parametrize(("group", "size"), [("teacher.train", 4), ("train", 8)])
def test_batches_of_both_stages_are_checked_first(
    pair, tmp_path: Path, group: str, size: int
) -> None:
    config = pair(**{f"{group}.accumulate": 3})
    match = (
        rf"^{group}\.batch_size must be a multiple of the 1 devices, times "
        rf"{group}\.accumulate=3; got {size}\. Set --config\.{group}\.batch_size="
    )
    with pytest.raises(ConfigError, match=match):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_bad_teachers(pair, taught: Path, tmp_path: Path, capsys) -> None:
    run = tmp_path / "run"
    missing = pair(**{"student.init_decoder_from": str(tmp_path / "none")})
    match = (
        r"none: cannot teach pair\. .*none: no checkpoint here.* Name another network "
        r"by --config\.student\.init_decoder_from, or"
    )
    with pytest.raises(CheckpointError, match=match):
        train(missing, run)
    other = pair(
        **{"student.init_decoder_from": str(taught), "model.widths": (8, 4)},
        **{"model.offset_groups": 4},
    )
    match = (
        rf"{re.escape(str(taught))}: cannot teach pair\. transfer_decoder: .*widths.* "
        r"Name another network by --config\.student\.init_decoder_from, or"
    )
    with pytest.raises(WeightsError, match=match):
        train(other, run)
    coloured = pair(
        **{"student.init_decoder_from": str(taught), "model.channels": 3},
        **{"student.transfer": False, "student.output_weight": 1.0},
        **{"data.sigma_255": 50.0},  # which is told only of those that teach
    )
    match = r'cannot teach pair\. teacher: "channels" must be 3, as of .*; got 1\.'
    with pytest.raises(ConfigError, match=match):
        train(coloured, run)
    assert not run.exists()
    assert "It teaches" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data.sigma_255": 50.0}, "data.sigma_255 was 25.0, the student's is 50.0"),
        (
            {"data.sigma_range_255": (0.0, 55.0)},  # and the same protocol
            "data.sigma_255 was 25.0, the student's is (0.0, 55.0)",
        ),
        (
            {"data.round": True, "data.clip": True},
            "noisy input was 'float', the student's is 'rounded'",
        ),
        ({"data.interval": 5, "model.encoder_blocks": (0, 1)}, ""),
    ],
)
def test_a_teacher_of_another_task_is_named(
    pair, taught: Path, tmp_path: Path, capsys, changes: dict[str, Any], said: str
) -> None:
    config = pair(**{"student.init_decoder_from": str(taught)}, **changes)
    capsys.readouterr()
    assert open_lesson(config, tmp_path, taught).teacher is not None
    expected = f"{taught}: this teacher may be of another task: {said}. "
    expected += "It teaches all the same.\n"
    assert capsys.readouterr().err == (expected if said else "")


def test_a_student_that_has_begun_keeps_its_teacher(
    pair, taught: Path, tmp_path: Path
) -> None:
    away = tmp_path / "away"
    shutil.copytree(taught, away)
    named = {"student.init_decoder_from": str(away), "student.output_weight": 1.0}
    config = pair(**named)
    train(config, tmp_path / "run")
    away.rename(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match="Put back what taught it so far, or"):
        train(config, tmp_path / "run")


def test_a_rest_as_long_as_the_epochs_is_refused(pair, taught, tmp_path: Path) -> None:
    lengths = {"train.steps": 0, "train.epochs": 1, "student.frozen_steps": 50}
    for source in str(taught), "":
        config = pair(**lengths, **{"student.init_decoder_from": source})
        match = r"frozen_steps.* less than train\.steps, \d"
        with pytest.raises(ConfigError, match=match):
            train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()  # before the teacher was trained


def test_the_directory_of_another_run_is_refused_before_the_teacher_is_trained(
    pair, taught: Path, tmp_path: Path
) -> None:
    config = pair(**{"student.init_decoder_from": str(taught)})
    train(config, tmp_path)
    with pytest.raises(CheckpointError, match=r"student\.init_decoder_from was"):
        train(pair(), tmp_path)
    assert not (tmp_path / "teacher").exists()
