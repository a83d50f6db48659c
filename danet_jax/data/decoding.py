"""Images decoded by several processes, in order, a few ahead of their use."""

import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import NamedTuple

import numpy as np

from danet_jax.checks import DataError
from danet_jax.data.images import Gray, read_image

Pictures = tuple[np.ndarray, ...]  # uint8 [H, W, C]: clean, degraded partner


class Job(NamedTuple):
    """Files to decode together, and how."""

    files: tuple[Path, ...]
    channels: int
    gray: Gray


def decoded(jobs: Sequence[Job], workers: int) -> Iterator[Pictures | DataError]:
    """Yields the images of each job in order, with one more in the making a process.

    In place of images that cannot be decoded comes an error that names the file.

    Args:
        jobs: what to decode.
        workers: processes to start; 0: decode in this one.
    Raises:
        DataError: a process was killed.
    """
    if not workers:
        yield from map(_decode, jobs)
        return
    pool = ProcessPoolExecutor(
        min(workers, len(jobs)), get_context("spawn"), initializer=_depend_on_parent
    )
    waiting: deque[Future[Pictures | DataError]] = deque()
    try:
        for job in jobs:
            with _deaf_to_interrupts():  # submit() may start a process
                waiting.append(pool.submit(_decode, job))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise DataError(
            "prepare: a process that decodes images was killed, perhaps for lack of "
            "memory. Use fewer: --workers 1."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Leaves Ctrl-C to this process alone: those that it starts inherit deafness."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _decode(job: Job) -> Pictures | DataError:
    try:
        return tuple(read_image(path, job.channels, job.gray) for path in job.files)
    except DataError as error:
        return error


def _depend_on_parent() -> None:
    """Ends this process when the one that started it is killed; it would wait."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
