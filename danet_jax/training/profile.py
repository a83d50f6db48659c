"""A trace of some steps by ``jax.profiler``, to see where their time goes."""

from pathlib import Path
from typing import Any

import jax

FOLDER = "profile"
_SKIPPED = 2  # the first step compiles, the second may still allocate


class Profile:
    """Traces a few steps of a run, once it is warm, into its working directory.

    Args:
        workdir: receives profile/, which TensorBoard and Perfetto read.
        done: steps that a resumed run has behind it.
        count: steps to trace; 0 for none.
    """

    def __init__(self, workdir: Path, *, done: int, count: int):
        self._folder = workdir / FOLDER
        self._first = done + _SKIPPED
        self._last = self._first + count
        self._open = False

    def __enter__(self) -> "Profile":
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop()

    def after(self, step: int, metrics: Any) -> None:
        """Begins or ends the trace where this step is the one before or the last."""
        if self._first == self._last or step not in (self._first, self._last):
            return
        jax.block_until_ready(metrics)
        if step == self._last:
            self._stop()
        else:
            jax.profiler.start_trace(str(self._folder))
            self._open = True

    def _stop(self) -> None:
        if self._open:
            jax.profiler.stop_trace()
        self._open = False
