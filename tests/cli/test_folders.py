"""The folders of ``danet eval``: DIR, or PROTOCOL=DIR."""

from pathlib import Path

import pytest

from danet_jax.checks import ConfigError, DataError
from danet_jax.cli.folders import Folder, assign, read_folder


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("Set12", Folder(Path("Set12"))),
        ("jpeg_10=Classic5", Folder(Path("Classic5"), "jpeg_10")),
        ("dnd=sets/DND", Folder(Path("sets/DND"), "dnd")),
        ("jpeg_10=a=b", Folder(Path("a=b"), "jpeg_10")),
        ("a=b", Folder(Path("a=b"))),
        ("./jpeg_10=a", Folder(Path("jpeg_10=a"))),
        ("jpeg_10=", Folder(Path("jpeg_10="))),
        ("=a", Folder(Path("=a"))),
    ],
)
def test_reading(text, folder):
    assert read_folder(text) == folder


def test_a_path_that_exists_is_no_protocol():
    Path("jpeg_10=Classic5").mkdir()
    assert read_folder("jpeg_10=Classic5") == Folder(Path("jpeg_10=Classic5"))
    assert read_folder("jpeg_20=Classic5").protocol == "jpeg_20"


def test_folders_with_an_equals_sign_are_usable():
    Path("sigma=25").mkdir()
    for text in "sigma=25", "jpeg_10=sigma=25":
        [(folder, protocol)] = assign([read_folder(text)], ["jpeg_10"])
        assert (folder.name, protocol) == ("sigma=25", "jpeg_10")


def test_plain_folders_are_for_all_protocols_and_others_for_one():
    words = "Set12", "jpeg_10=Classic5", "awgn_gray_25=x/Classic5"
    pairs = assign(list(map(read_folder, words)), ["jpeg_10", "awgn_gray_25"])
    assert [(str(folder.path), protocol) for folder, protocol in pairs] == [
        ("Set12", "jpeg_10"),
        ("Set12", "awgn_gray_25"),
        ("Classic5", "jpeg_10"),
        ("x/Classic5", "awgn_gray_25"),
    ]


def test_one_folder_for_some_of_the_protocols():
    words = "awgn_gray_15=Set12", "awgn_gray_25=Set12", "jpeg_10=LIVE1"
    protocols = ["awgn_gray_15", "awgn_gray_25", "jpeg_10"]
    pairs = assign(list(map(read_folder, words)), protocols)
    assert [folder.name for folder, _ in pairs] == ["Set12", "Set12", "LIVE1"]


def test_no_folders_are_the_run_s_own():
    assert assign([], [""]) == []


@pytest.mark.parametrize(
    ("words", "protocols", "error", "match"),
    [
        (
            "jpeg_10=a",
            ["jpeg_20"],
            ConfigError,
            r"--data jpeg_10=a is for a protocol that is not asked for. Add it: --pr",
        ),
        ("jpeg_10=a", [""], ConfigError, "Add it: --protocol jpeg_10"),
        ("", ["jpeg_10"], ConfigError, "needs folders of images: --data DIR, or"),
        (
            "jpeg_10=a",
            ["jpeg_10", "dnd"],
            ConfigError,
            "dnd needs folders .*--data dnd=DIR",
        ),
        (
            "jpeg10=a",
            ["jpeg_10"],
            ConfigError,
            "--data jpeg10=a: no such folder, and what precedes = is no protocol",
        ),
        ("jpeg_10=", ["jpeg_10"], ConfigError, "Write --data DIR, or --data PROTOCOL"),
        ("a x/a", [""], DataError, 'two folders are named "a". Rename one'),
        ("a jpeg_10=x/a", ["jpeg_10"], DataError, 'two folders are named "a"'),
        ("a jpeg_10=./a", ["jpeg_10"], DataError, "--data a is given twice"),
    ],
)
def test_mistakes(words, protocols, error, match):
    with pytest.raises(error, match=match):
        assign(list(map(read_folder, words.split())), protocols)
