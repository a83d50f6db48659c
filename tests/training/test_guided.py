"""What a student learns beside the images: guided losses, and a decoder at rest."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from danet_jax.checks import ConfigError
from danet_jax.config import (
    DANetConfig,
    StudentConfig,
    TrainConfig,
)
from danet_jax.models import DANet
from danet_jax.training import devices, train
from danet_jax.training.checkpoint import Checkpoints
from danet_jax.training.distillation import guided, open_lesson
from danet_jax.training.optimizer import learning_rate, make_optimizer
from danet_jax.training.step import new_state
from tests.training.snapshots import latest_state
from tests.training.students import assembled, losses, moved


def test_the_decoder_rests_for_the_first_steps(
    pair, taught: Path, tmp_path: Path
) -> None:
    start = nnx.to_pure_dict(nnx.state(assembled(pair(), taught), nnx.Param))
    changes = {"student.init_decoder_from": str(taught), "student.frozen_steps": 2}
    train(pair(**changes, **{"train.steps": 4, "train.validate_every": 4}), tmp_path)
    target = nnx.as_pure(nnx.state(assembled(pair(), taught), nnx.Param))
    with Checkpoints(tmp_path) as checkpoints:
        resting = checkpoints.read(2, {"params": target})["params"]
    assert moved(nnx.to_pure_dict(resting), start) == {"head", "encoder"}
    end = latest_state(tmp_path)["params"]
    assert moved(end, start) == {"head", "encoder", "decoder", "tail"}


def test_what_has_rested_does_not_leap() -> None:
    """Adam's first steps are about as large as the rate, also after a rest."""
    train = TrainConfig(learning_rate=1e-2, final_learning_rate=1e-4)
    rate = learning_rate(train, 300)
    params = {"encoder": {"x": jnp.zeros(3)}, "decoder": {"x": jnp.zeros(3)}}
    grads = {"encoder": {"x": jnp.ones(3)}, "decoder": {"x": -jnp.ones(3)}}
    optimizer = make_optimizer(train, 300, rest=200)
    update = jax.jit(optimizer.update)
    state = optimizer.init(params)
    for step in range(203):
        updates, state = update(grads, state, params)
        own, passed = (float(updates[n]["x"][0]) for n in ("encoder", "decoder"))
        now = float(rate(step))
        assert own == pytest.approx(-now, rel=1e-3)
        assert passed == pytest.approx(0.0 if step < 200 else now, rel=1e-3)


def test_gradients_at_rest_do_not_count_for_clipping() -> None:
    params = {"head": jnp.zeros(1), "tail": jnp.zeros(1)}
    grads = {"head": jnp.array([3.0]), "tail": jnp.array([4.0])}
    train = TrainConfig(clip_norm=3.0, learning_rate=1.0, final_learning_rate=1.0)
    optimizer = make_optimizer(train, 9, rest=1)
    state = optimizer.init(params)
    for expected in 3.0, 3.0 * 3 / 5:
        _, state = optimizer.update(grads, state, params)
        moments = state[2].inner_states["own"].inner_state[0].mu["head"]
        expected_mean = 0.1 * expected if expected == 3.0 else 0.09 * 3 + 0.1 * expected
        np.testing.assert_allclose(moments, expected_mean, rtol=1e-5)


def test_a_guided_loss_spelled_out() -> None:
    config = DANetConfig(
        widths=(2, 2, 2),
        encoder_blocks=(0, 0, 0),
        decoder_blocks=(0, 0),
        block="conv",
        recurrent_offsets=False,
    )
    teacher, student = (DANet(config, rngs=nnx.Rngs(seed)) for seed in (0, 1))
    degraded, clean = (
        jax.random.uniform(jax.random.key(seed), (2, 8, 8, 1)) for seed in (0, 1)
    )
    graphdef, params = nnx.split(student, nnx.Param)
    structure, given = nnx.split(teacher, nnx.Param)
    weights = StudentConfig(feature_weight=0.5, output_weight=2.0)
    total, restoration = guided(graphdef, structure, weights)(
        params, given, degraded, clean
    )
    restored, own = student.with_features(degraded)
    target, hints = teacher.with_features(degraded)
    assert len(own) == len(hints) == 2
    l2 = jnp.mean((restored - clean) ** 2)
    distances = [jnp.mean(jnp.abs(a - b)) for a, b in zip(own, hints, strict=True)]
    expected = l2 + 0.5 * (distances[0] + distances[1]) / 2
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
    assert 10 ** (-first["psnr_db"] / 10) < 0.9 * first["loss"]


def test_the_teacher_s_parameters_are_no_constants_of_the_step(
    pair, taught: Path, tmp_path: Path
) -> None:
    config = pair(
        **{"student.init_decoder_from": str(taught), "student.output_weight": 1.0}
    )
    mesh = devices.make_mesh(8)
    graphdef, state = new_state(config, 6)
    lesson = open_lesson(config, tmp_path, taught)
    step = lesson.step(graphdef, config, 6, mesh)
    batch = {"clean": np.zeros((8, 8, 8, 1), np.uint8)}
    _, metrics = step(devices.replicate(state, mesh), batch)
    assert np.isfinite(float(metrics["loss"]))
    assert len(jax.tree.leaves(step.keywords["given"])) == len(
        jax.tree.leaves(nnx.state(lesson.teacher, nnx.Param))
    )


def test_a_guided_run_resumes_with_its_teacher(
    pair, taught: Path, tmp_path: Path, stop_after
) -> None:
    changes = {"student.init_decoder_from": str(taught), "student.feature_weight": 0.1}
    config = pair(**changes, **{"train.steps": 3})
    train(config, tmp_path / "whole")
    stop_after(2)
    assert train(config, tmp_path / "half").stopped
    train(config, tmp_path / "half")
    assert losses(tmp_path / "half") == losses(tmp_path / "whole")


@pytest.mark.parametrize(
    "option", [{"train.accumulate": 2}, {"train.remat": True}], ids=str
)
def test_options_change_nothing_of_a_guided_loss(
    pair, taught: Path, tmp_path: Path, option: dict[str, object]
) -> None:
    changes = {"student.init_decoder_from": str(taught), "student.feature_weight": 0.1}
    mesh, batch = devices.make_mesh(8), {"clean": np.full((8, 8, 8, 1), 99, np.uint8)}
    found = []
    for config in pair(**changes), pair(**changes, **option):
        graphdef, state = new_state(config, 6)
        lesson = open_lesson(config, tmp_path, taught)
        step = lesson.step(graphdef, config, 6, mesh)
        _, metrics = step(devices.replicate(state, mesh), batch)
        found.append([float(metrics[name]) for name in ("loss", "gradient_norm")])
    assert found[1] == pytest.approx(found[0], rel=1e-4)


def test_only_a_decoder_that_passes_must_fit(
    pair, taught: Path, tmp_path: Path
) -> None:
    changes = {"student.init_decoder_from": str(taught), "student.transfer": False}
    wider = {"model.widths": (8, 4), "model.offset_groups": 4}
    config = pair(**changes, **wider, **{"student.output_weight": 1.0})
    assert open_lesson(config, tmp_path, taught).teacher is not None
    other = pair(**changes, **wider, **{"student.feature_weight": 1.0})
    match = '"feature_weight" must be 0 for decoders whose features differ in shape'
    with pytest.raises(ConfigError, match=match):
        open_lesson(other, tmp_path, taught)
