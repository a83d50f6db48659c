"""Locks between processes: a file that one process holds, whether it ends or dies."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_UNSUPPORTED = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)  # on some clusters' disks


@contextlib.contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Holds a lock, if no other process does; the file is gone afterwards.

    A process that was killed holds nothing; on a network disk that may take a minute or
    two to be known, if its machine went down. Where there are no locks (Windows, some
    network file systems) nothing keeps two processes apart.

    Args:
        path: the lock's file, in a folder that exists.
    Yields:
        Whether the lock is held here; False if another process holds it.
    Raises:
        OSError: the file cannot be made.
    """
    if sys.platform == "win32":  # has no flock
        yield True
        return
    handle = _acquire(path)
    if handle is None:
        yield False
        return
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):  # while it is locked, so that it is ours
            path.unlink()
        os.close(handle)


def _acquire(path: Path) -> int | None:
    """A handle of a file, locked until it is closed; None if another has locked it."""
    import fcntl

    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                os.close(handle)
                raise
        # Its owner may have removed it since it was opened here: a lock on what has no
        # name any more keeps nobody out.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)
