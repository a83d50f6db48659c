"""Signals are remembered between two steps, and only while a run goes on."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import jax
import pytest
from jax.experimental import multihost_utils

from danet_jax.config import DistillationConfig, ExperimentConfig
from danet_jax.training import train
from danet_jax.training.checkpoint import Checkpoints
from danet_jax.training.interrupt import SIGNALS, Interrupt
from danet_jax.training.loop import TrainResult
from danet_jax.training.step import TrainState
from danet_jax.training.validation import Validation
from tests.training.snapshots import steps_saved


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_remembered(number: int, capfd) -> None:
    before = signal.getsignal(number)
    with Interrupt() as interrupt:
        assert not interrupt.asked()
        os.kill(os.getpid(), number)
        assert interrupt.asked()
        assert signal.getsignal(number) == before  # the second one kills
    assert f"{signal.Signals(number).name}: saves" in capfd.readouterr().err


def test_a_signal_is_remembered_though_nobody_reads_of_it(monkeypatch) -> None:
    def write(*_: object) -> int:
        raise BrokenPipeError

    with Interrupt() as interrupt:
        monkeypatch.setattr(os, "write", write)
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupt.asked()


def test_handlers_are_given_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupt():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_hosts_count_the_calls_of_a_process(monkeypatch) -> None:
    """Not the steps of a run, which begin anew or leap ahead in the next one."""
    numbers: list[int] = []

    def reached(number: int) -> bool:
        numbers.append(number)
        return len(numbers) == 5

    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(multihost_utils, "reached_preemption_sync_point", reached)
    for _ in range(2):
        with Interrupt() as interrupt:
            answers = [interrupt.asked() for _ in range(3)]
    assert answers == [False, True, True]  # JAX says so once
    assert numbers == list(range(numbers[0], numbers[0] + 5))


def test_a_validation_is_left(
    tiny: Callable[..., ExperimentConfig], tmp_path: Path, monkeypatch
) -> None:
    go_on = Validation._go_on

    def signalled(self: Validation, panels: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        go_on(self, panels)

    monkeypatch.setattr(Validation, "_go_on", signalled)
    result = train(tiny(**{"train.save_every": 100}), tmp_path)
    # The first validation is due at step 3; its state is saved all the same.
    assert (result.step, result.psnr_db) == (3, None)
    assert steps_saved(tmp_path) == [3]


@pytest.mark.parametrize("at", [3, 6])
def test_a_validation_is_made_up_for(
    tiny: Callable[..., ExperimentConfig], tmp_path: Path, monkeypatch, at: int
) -> None:
    """Else another checkpoint might pass for the best one."""
    validate, scored = Validation.__call__, []

    def signalled(self: Validation, step: int, state: TrainState) -> float | None:
        scored.append(step)
        if step == at:
            os.kill(os.getpid(), signal.SIGTERM)
        return validate(self, step, state)

    monkeypatch.setattr(Validation, "__call__", signalled)
    result = train(tiny(), tmp_path)
    assert (result.step, result.psnr_db, result.stopped) == (at, None, True)
    assert scored == ([3] if at == 3 else [3, 6])
    again = train(tiny(), tmp_path)  # interrupted in the same validation
    assert (again.step, again.stopped) == (at, True)
    monkeypatch.undo()
    result = train(tiny(), tmp_path)
    whole = train(tiny(), tmp_path / "whole")
    assert result == whole
    with Checkpoints(tmp_path) as found, Checkpoints(tmp_path / "whole") as wanted:
        assert (found.best, found.latest) == (wanted.best, wanted.latest)
    assert train(tiny(), tmp_path) == TrainResult(6, 6, None)  # only once


def test_a_signal_while_the_last_checkpoint_is_written(
    pair: Callable[..., DistillationConfig], tmp_path: Path, monkeypatch
) -> None:
    """It does not kill, nor does the next stage begin as if there had been none."""
    wait, usual = Checkpoints.wait, signal.getsignal(signal.SIGTERM)

    def signalled(self: Checkpoints) -> None:
        assert signal.getsignal(signal.SIGTERM) != usual
        os.kill(os.getpid(), signal.SIGTERM)
        wait(self)

    monkeypatch.setattr(Checkpoints, "wait", signalled)
    result = train(pair(), tmp_path)
    assert (result.step, result.stopped) == (6, True)
    assert max(steps_saved(tmp_path / "teacher")) == 6
    assert not (tmp_path / "checkpoints").exists()
