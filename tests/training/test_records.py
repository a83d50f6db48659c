"""metrics.jsonl is the record of a run: means, no gaps, no half lines, no NaN."""

import builtins
import errno
import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest

from danet_jax.checks import CheckpointError, ConfigError
from danet_jax.config import TrainConfig
from danet_jax.training.records import NonFiniteError, Records


def lines(workdir: Path) -> list[dict[str, Any]]:
    text = (workdir / "metrics.jsonl").read_text()
    return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]


def metrics(loss: float, gradient_norm: float = 1.0) -> dict[str, Any]:
    values = {"loss": loss, "gradient_norm": gradient_norm}
    values |= {"psnr_db": 20.0, "learning_rate": loss / 10}
    return {name: jnp.float32(value) for name, value in values.items()}


def opened(workdir: Path, done: int = 0, **options: Any) -> Records:
    return Records(workdir, TrainConfig(**options), done=done, steps=100)


def test_means_under_the_last_step(tmp_path: Path) -> None:
    with opened(tmp_path) as records:
        records.flush()  # nothing yet
        for step, loss in enumerate((1.0, 2.0, 6.0), 1):
            records.add(step, metrics(loss))
        records.flush()
    [line] = lines(tmp_path)
    assert line["kind"] == "train" and line["step"] == 3
    assert line["loss"] == 3.0
    assert line["learning_rate"] == pytest.approx(0.6)  # the last one's
    assert line["images_per_second"] > 0


def test_a_step_that_was_not_timed(tmp_path: Path) -> None:
    with opened(tmp_path) as records:
        records.add(1, metrics(1.0))
        records.restart_clock(metrics(1.0))
        records.flush()
    assert "images_per_second" not in lines(tmp_path)[0]


def test_the_progress_bar_goes_at_the_speed_of_training(
    tmp_path: Path, monkeypatch
) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", terminal)
    clock = 0.0
    for name in "time.time", "time.perf_counter", "tqdm.std.time":
        monkeypatch.setattr(name, lambda: clock)
    with opened(tmp_path, done=10, batch_size=4) as records:
        clock = 60.0  # compiling
        records.add(11, metrics(1.0))
        records.restart_clock(metrics(1.0))
        for last in 20, 30, 40:
            for step in range(last - 9, last + 1)[-9 if last == 20 else 0 :]:
                clock += 0.5
                records.add(step, metrics(1.0))
            records.flush()
            clock += 30.0  # a validation
            records.restart_clock()
        shown = records._bar.format_dict
    assert (shown["initial"], shown["n"], shown["total"]) == (10, 40, 100)
    assert shown["rate"] == pytest.approx(2.0)
    assert "40/100" in terminal.getvalue() and "images/s=8" in terminal.getvalue()
    assert "00:30, " in terminal.getvalue()  # left at step 40


def test_a_resumed_run_replaces_what_came_after(tmp_path: Path) -> None:
    with opened(tmp_path) as records:
        for step in range(1, 5):
            records.write("validation", step, {"psnr_db": float(step)})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "train", "st')  # killed in the middle of a line
    with opened(tmp_path, done=2) as records:
        records.write("validation", 3, {"psnr_db": -3.0})
    assert [line["psnr_db"] for line in lines(tmp_path)] == [1, 2, -3]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("name", ["loss", "gradient_norm"])
def test_what_is_not_finite_stops_the_run(
    tmp_path: Path, name: str, bad: float
) -> None:
    with opened(tmp_path) as records:
        records.add(7, metrics(1.0))
        records.add(8, metrics(1.0) | {name: jnp.float32(bad)})
        match = (
            rf"{name} became {bad} at step 8\. No checkpoint .* Lower train\.learn.*"
            r" for a distillation's teacher those of teacher\.train, and start again"
        )
        with pytest.raises(NonFiniteError, match=match):
            records.flush()
    assert not (tmp_path / "metrics.jsonl").exists()


def test_an_infinite_psnr_is_null(tmp_path: Path) -> None:
    with opened(tmp_path) as records:
        records.write("validation", 1, {"psnr_db": math.inf, "ssim": 1.0})
    assert lines(tmp_path) == [
        {"kind": "validation", "step": 1, "psnr_db": None, "ssim": 1.0}
    ]


def test_a_full_disk(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs a full device")
    with opened(tmp_path) as records:
        (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
        with pytest.raises(CheckpointError, match=r"metrics.jsonl: cannot be written"):
            records.write("train", 1, {"loss": 1.0})


def test_other_processes_write_nothing(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("jax.process_index", lambda: 1)
    with opened(tmp_path, tensorboard=True) as records:
        records.add(1, metrics(1.0))
        records.flush()
        records.say("hello")
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr() == ("", "")


def test_quiet_without_a_terminal(tmp_path: Path, capsys) -> None:
    with opened(tmp_path) as records:
        records.add(1, metrics(1.0))
        records.flush()
        records.say("hello")
    assert capsys.readouterr() == ("", "hello\n")


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO])  # a pipe, a terminal
def test_nobody_need_read(tmp_path: Path, monkeypatch, number: int) -> None:
    def write(_: str) -> int:
        raise OSError(number, "gone")

    with opened(tmp_path) as records:
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        monkeypatch.setattr(sys.stderr, "write", write)
        records.say("hello")
        records.write("train", 1, {"loss": 1.0})
    assert lines(tmp_path)


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    with opened(tmp_path, tensorboard=True) as records:
        records.write("validation", 1, {"psnr_db": 30.0})
    [events] = (tmp_path / "tensorboard").iterdir()
    assert b"validation/psnr_db" in events.read_bytes()


def test_tensorboard_forgets_what_a_killed_run_did_after_its_checkpoint(
    tmp_path: Path, monkeypatch
) -> None:
    board = pytest.importorskip("tensorboardX")
    opened_with = []
    monkeypatch.setattr(
        board, "SummaryWriter", lambda *_, **options: opened_with.append(options)
    )
    opened(tmp_path, done=5, tensorboard=True)
    assert opened_with == [{"purge_step": 6}]


def test_tensorboard_is_not_installed(tmp_path: Path, monkeypatch) -> None:
    usual = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "tensorboardX":
            raise ImportError(name)
        return usual(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match="pip install tensorboardX"):
        opened(tmp_path, tensorboard=True)
