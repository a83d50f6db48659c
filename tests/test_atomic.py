"""Files that are written whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from danet_jax import atomic
from danet_jax.atomic import replace_bytes, replace_text, replacing

KILLED = """
import os, runpy, signal, sys
from pathlib import Path

replacing = runpy.run_path(sys.argv[1])["replacing"]  # without the package: quickly
with replacing(Path(sys.argv[2])) as partial:
    partial.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for text in "old", "Größe\n":
        replace_text(path, text)
        assert path.read_text(encoding="utf-8") == text
    replace_bytes(path, memoryview(b"\x00\n"))
    assert path.read_bytes() == b"\x00\n"
    assert names(tmp_path) == ["a.txt"]


def test_names_that_are_no_text_can_be_written(tmp_path: Path) -> None:
    replace_text(tmp_path / "a.txt", "ü " + os.fsdecode(b"caf\xe9"))
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == r"ü caf\udce9"


def test_writers_that_look_at_the_suffix_see_it(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.npz") as partial:
        assert (partial.parent, partial.suffix) == (tmp_path, ".npz")
        assert partial.name.startswith(".")
        partial.write_bytes(b"x")
    assert names(tmp_path) == ["a.npz"]


def test_a_name_as_long_as_the_disk_allows(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 125 + "a.png")  # 255 bytes
    replace_text(path, "text")
    assert names(tmp_path) == [path.name]


def test_a_link_stays_one(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "link").symlink_to("folder/a.txt")
    for text in "first", "second":
        replace_text(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink()
        assert (folder / "a.txt").read_text() == text
    assert names(folder) == ["a.txt"]


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "null").symlink_to(os.devnull)
    replace_text(tmp_path / "null", "text")
    assert names(tmp_path) == ["null"]
    assert not Path(os.devnull).is_file()
    with pytest.raises(OSError, match=tmp_path.name):
        replace_text(tmp_path, "text")


def test_an_error_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    replace_text(path, "old")
    with pytest.raises(ZeroDivisionError), replacing(path) as partial:
        partial.write_text("half")
        _ = 1 / 0

    def fail(_: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        replace_text(path, "new")
    assert (path.read_text(), names(tmp_path)) == ("old", ["a.txt"])


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_text(tmp_path / "gone" / "a.txt", "new")


def test_a_killed_process_leaves_the_old_file_and_nothing_to_clean_up(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.txt"
    replace_text(path, "old")
    command = [sys.executable, "-c", KILLED, atomic.__file__, str(path)]
    killed = subprocess.run(command, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    assert len(names(tmp_path)) == 2
    replace_text(path, "new")
    assert (path.read_text(), names(tmp_path)) == ("new", ["a.txt"])
