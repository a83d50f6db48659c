"""A trace of some steps by ``jax.profiler``, to see where their time goes."""

from pathlib import Path
from typing import Any

import jax

FOLDER = "profile"
_SKIPPED = 2  # the first step compiles, the second may still allocate


def _options() -> jax.profiler.ProfileOptions:
    # Python's own calls are left out. To begin their trace, JAX hooks into every thread
    # that Python knows, and those in which Orbax writes a checkpoint come and go
    # meanwhile: the process then ends in a segmentation fault (jax 0.10.2).
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    return options


class Profile:
    """Traces a few steps of a run, once it is warm, into its working directory.

    The trace shows what the devices compute and what JAX dispatches, not the calls of
    Python functions.

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
            jax.profiler.start_trace(str(self._folder), profiler_options=_options())
            self._open = True

    def _stop(self) -> None:
        if self._open:
            jax.profiler.stop_trace()
        self._open = False
