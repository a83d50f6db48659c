"""Signals are remembered between two steps, and only while a run goes on."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from danet_jax.config import ExperimentConfig
from danet_jax.training import train
from danet_jax.training.interrupt import SIGNALS, Interrupt
from danet_jax.training.validation import Validation
from tests.training.snapshots import steps_saved


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_remembered(number: int, capfd) -> None:
    before = signal.getsignal(number)
    with Interrupt() as interrupt:
        assert not interrupt.asked(1)
        os.kill(os.getpid(), number)
        assert interrupt.asked(2)
        assert signal.getsignal(number) == before  # the second one kills
    assert f"{signal.Signals(number).name}: saves" in capfd.readouterr().err


def test_handlers_are_given_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupt():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


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
