"""Stopping between two steps when the scheduler or the user asks for it."""

import os
import signal
import threading
from types import FrameType
from typing import Any

import jax
from jax.experimental import multihost_utils

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupt:
    """Remembers SIGTERM and Ctrl-C until the loop asks; a second one kills.

    With several hosts JAX watches for SIGTERM itself and makes all of them stop after
    the same step.
    """

    def __init__(self) -> None:
        self.noticed = False  # on this host alone
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        alone = jax.process_count() == 1
        if alone and threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._previous[number] = signal.signal(number, self._remember)
        return self

    def __exit__(self, *_: Any) -> None:
        self._restore()

    def asked(self, step: int) -> bool:
        """Whether to save and stop after this step; the same on all hosts."""
        if jax.process_count() > 1:
            return multihost_utils.reached_preemption_sync_point(step)
        return self.noticed

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.noticed = True
        self._restore()
        # Not print(): the main thread may be inside a write to the same stream.
        name = signal.Signals(number).name
        os.write(2, f"\n{name}: saves after this step; again, it kills.\n".encode())

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
