"""Files that are written whole or not at all: a killed process leaves no half file."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

_LONG = 200  # bytes of a name, of which most disks allow 255


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """The name to write a file under, which takes its place when the block ends.

    The name is hidden and beside it, with the same suffix. If the block raises, what it
    wrote is removed; if the process is killed, the next one writes over it. A link
    stays one, and leads to the new file; devices are written to as they are.

    Args:
        path: file to write or replace; its folder must exist.
    Raises:
        OSError: the file cannot be written; the old one is untouched.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    path = path.resolve()
    name = path.name
    if len(os.fsencode(name)) > _LONG:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    partial = path.with_name(f".{name}.part{path.suffix}")
    try:
        yield partial
        # Else a crash of the machine might keep the new name, but not the content.
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        with contextlib.suppress(OSError):  # as a rule it has another name by now
            partial.unlink()


def replace_bytes(path: Path, content: bytes | memoryview) -> None:
    """Writes a file of bytes whole; raises what ``replacing`` raises."""
    with replacing(path) as partial:
        partial.write_bytes(content)


def replace_text(path: Path, text: str) -> None:
    r"""Writes a file of UTF-8 whole; raises what ``replacing`` raises.

    What is no text, as names of files may hold it, is written as Python does: \udce9.
    """
    replace_bytes(path, text.encode(errors="backslashreplace"))
