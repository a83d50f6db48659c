"""Preparations that fail: what is said, and that nothing is left behind."""

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from danet_jax.checks import DataError
from danet_jax.data import prepare as preparing
from danet_jax.data import records
from danet_jax.data.images import write_png
from danet_jax.data.prepare import is_prepared, prepare
from tests.data.preparing import planned, prepared, write_pairs

ROOT = Path(__file__).parents[2]
WAITING = """
import sys, time
from pathlib import Path
from danet_jax.data import records
from tests.data.preparing import prepared

source, out, go = map(Path, sys.argv[1:])
write = records.write_records

def wait(*arguments):
    print("locked", flush=True)
    while not go.exists():
        time.sleep(0.05)
    write(*arguments)

records.write_records = wait
prepared(source, out)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "source")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_two_processes_do_not_meet(source: Path, tmp_path: Path) -> None:
    out, go = tmp_path / "out", tmp_path / "go"
    command = [sys.executable, "-c", WAITING, str(source), str(out), str(go)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == b"locked\n"
            with pytest.raises(DataError, match="out: another process prepares it now"):
                prepared(source, out)
            assert (tmp_path / ".out.partial").exists()
            go.touch()
            assert other.wait(300) == 0
        finally:
            other.kill()
    assert is_prepared(out, planned(source))
    assert names(tmp_path) == {"source", "out", "go"}


def test_a_killed_process_keeps_nobody_out(source: Path, tmp_path: Path) -> None:
    (tmp_path / ".out.lock").touch()
    prepared(source, tmp_path / "out")
    assert names(tmp_path) == {"source", "out"}


def test_a_lock_that_its_owner_removes_meanwhile_is_no_lock(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the opening and the locking of the file here, the other one is done."""
    lock, flock, inodes = tmp_path / ".out.lock", fcntl.flock, []

    def late(handle: int, operation: int) -> None:
        inodes.append(os.fstat(handle).st_ino)
        if len(inodes) == 1:
            lock.rename(tmp_path / "removed")  # keeps its inode from being given again
        flock(handle, operation)
        if len(inodes) == 2:
            assert lock.stat().st_ino == inodes[1] != inodes[0]

    monkeypatch.setattr(fcntl, "flock", late)
    prepared(source, tmp_path / "out")
    assert len(inodes) == 2
    assert names(tmp_path) == {"source", "out", "removed"}


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_disk_without_locks_is_used_without(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(handle: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    prepared(source, tmp_path / "out")
    assert names(tmp_path) == {"source", "out"}


def test_a_folder_that_takes_no_files(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: Any) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", closed)
    with pytest.raises(
        DataError, match=r"out: cannot be written \(Permission denied\)"
    ):
        prepared(source, tmp_path / "out")


@pytest.mark.parametrize("before", [False, True])
def test_a_broken_image_leaves_nothing_behind(
    source: Path, tmp_path: Path, before: bool
) -> None:
    out = tmp_path / "out"
    if before:
        prepared(source, out, held_out=("2*",))
    content = (source / "2_real.png").read_bytes()
    (source / "2_real.png").write_bytes(content[:-30])  # its header is whole
    with pytest.raises(DataError, match=r"1 of 3 images .* .*2_real\.png: truncated"):
        prepared(source, out)
    assert names(tmp_path) == ({"source", "out"} if before else {"source"})
    if before:
        assert is_prepared(out, planned(source, held_out=("2*",)))


@pytest.mark.parametrize("workers", [0, 1])
def test_all_broken_images_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: int
) -> None:
    """Cut off in the middle, so that their headers tell nothing."""
    source = write_pairs(tmp_path / "source", 8)
    noise = np.random.default_rng(0).integers(0, 256, (9, 11, 1), np.uint8)
    for number in range(1, 8):
        path = source / f"{number}_real.png"
        write_png(path, noise)
        path.write_bytes(path.read_bytes()[:100])
    preparation = planned(source)
    match = (
        r"^prepare: 7 of 8 images cannot be used\. \S+1_real\.png: truncated.*Replace "
        r"or remove it\. \S+2_real.* \S+5_real\.png: [^/]* \(and 2 more\)$"
    )
    with pytest.raises(DataError, match=match):
        prepare(tmp_path / "out", preparation, workers=workers)
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "1_real.png: truncated" in shown
    assert shown.endswith("the rest is read to find others like it.\n")
    assert names(tmp_path) == {"source"}


def test_an_image_that_changes_meanwhile(source: Path, tmp_path: Path) -> None:
    preparation = planned(source)
    write_png(source / "2_real.png", np.zeros((9, 12, 1), np.uint8))
    with pytest.raises(DataError, match=r"2_real\.png: was changed meanwhile"):
        prepare(tmp_path / "out", preparation, workers=0)
    assert names(tmp_path) == {"source"}


class Writer:
    """Fails as ArrayRecord's writer does: with RuntimeError, perhaps at the end."""

    def __init__(self, text: str, at: str) -> None:
        self._text, self._at = text, at

    def __call__(self, path: str, options: str) -> "Writer":
        Path(path).write_bytes(b"half")
        return self._tell("open")

    def write(self, record: bytes) -> None:
        self._tell("write")

    def close(self) -> None:
        self._tell("close")

    def _tell(self, at: str) -> "Writer":
        if at == self._at:
            raise RuntimeError(f"{at}() failed: {self._text}; writing patches")
        return self


@pytest.mark.parametrize("at", ["open", "write", "close"])
@pytest.mark.parametrize(
    ("text", "repair"),
    [
        ("No space left on device", "The disk is full; make room"),
        ("Disk quota exceeded", "The disk is full; make room"),
        ("Something new", "Nothing was kept"),
    ],
)
def test_what_the_disk_refuses_leaves_nothing_behind(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
    text: str,
    repair: str,
) -> None:
    monkeypatch.setattr(records, "ArrayRecordWriter", Writer(text, at))
    with pytest.raises(DataError, match=rf"out: cannot be .*failed: {text}.* {repair}"):
        prepared(source, tmp_path / "out")
    assert names(tmp_path) == {"source"}


@pytest.mark.parametrize("kind", [RuntimeError, FileNotFoundError, ValueError])
def test_a_mistake_of_ours_keeps_its_traceback(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def cut(*_: Any) -> Iterator[Any]:
        raise kind("a bug")

    monkeypatch.setattr(preparing, "_cut", cut)
    with pytest.raises(kind, match="a bug"):
        prepared(source, tmp_path / "out")
    assert names(tmp_path) == {"source"}
