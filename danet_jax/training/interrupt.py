"""Stopping between two steps when the scheduler or the user asks for it."""

import signal
import threading
from types import FrameType
from typing import Any

import jax
from jax.experimental import multihost_utils

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupt:
    """Remembers SIGTERM and Ctrl-C until the loop asks; a second Ctrl-C kills.

    With several hosts JAX watches for SIGTERM itself and makes all of them stop after
    the same step.
    """

    def __init__(self) -> None:
        self._asked = False
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
        """Whether to save and stop after this step."""
        if jax.process_count() > 1:
            return multihost_utils.reached_preemption_sync_point(step)
        return self._asked

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
