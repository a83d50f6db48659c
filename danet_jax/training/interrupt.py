"""Stopping between two steps when the scheduler or the user asks for it."""

import contextlib
import itertools
import os
import signal
import threading
from types import FrameType
from typing import Any

import jax
from jax.experimental import multihost_utils

SIGNALS = (signal.SIGTERM, signal.SIGINT)

# JAX lets all hosts stop at the call whose number is next to the largest so far, of the
# whole process: the steps of a run that was resumed, or of a second one, would be
# behind it or leap over it.
_CALLS = itertools.count(1)


class Interrupt:
    """Remembers SIGTERM and Ctrl-C until the loop asks; a second one kills.

    With several hosts JAX watches for SIGTERM itself and makes all of them stop at the
    same call, so that all have to ask equally often.
    """

    def __init__(self) -> None:
        self._noticed = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        alone = jax.process_count() == 1
        if alone and threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._previous[number] = signal.signal(number, self._remember)
        return self

    def __exit__(self, *_: Any) -> None:
        self._restore()

    def asked(self) -> bool:
        """Whether to save and stop now; the same on all hosts, and final."""
        if jax.process_count() > 1 and not self._noticed:
            reached = multihost_utils.reached_preemption_sync_point(next(_CALLS))
            self._noticed = reached
        return self._noticed

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._noticed = True
        self._restore()
        # Not print(): the main thread may be inside a write to the same stream. Its
        # reader may be gone: Ctrl-C also ends the "tee" of "train.py 2>&1 | tee log".
        name = signal.Signals(number).name
        with contextlib.suppress(OSError):
            os.write(2, f"\n{name}: saves after this step; again, it kills.\n".encode())

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
