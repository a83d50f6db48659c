import errno
import io
import logging
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from tqdm import tqdm

from danet_jax.checks import CheckpointError, ConfigError, DataError
from danet_jax.cli import main as module
from danet_jax.cli.main import COMMANDS, entry, main

ROOT = Path(__file__).parents[2]
RESTORE = ["restore", "a.png", "--checkpoint", "x"]


@pytest.fixture
def restore(monkeypatch):
    """Lets ``danet restore`` do, or raise, what a test wants."""

    def replace(action):
        def run(arguments, overrides):
            if isinstance(action, BaseException):
                raise action
            action(arguments, overrides)

        monkeypatch.setattr(COMMANDS["restore"][0], "run", run)

    return replace


def _refused(capsys, match):
    """Checks that there is one line on stderr, which matches, and nothing else."""
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.fullmatch(f"{match}\n", shown.err), shown.err


def test_arguments_and_overrides_reach_the_command(restore):
    calls = []
    restore(lambda *both: calls.append(both))
    assert main([*RESTORE, "--config.x=1", "--overwrite", "--config.y=2"]) == 0
    for name in "absl", "tifffile":
        assert not logging.getLogger(name).isEnabledFor(logging.WARNING)
    ((arguments, overrides),) = calls
    assert arguments.input == Path("a.png")
    assert arguments.overwrite
    assert overrides == ["--config.x=1", "--config.y=2"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (
            [],
            r"danet: .* required: prepare\|train\|eval\|restore\|export\|ablation.*",
        ),
        (
            ["trian"],
            "danet: .*'trian' .*prepare.*train.*, .*eval.*, .*restore.*. See .*",
        ),
        (["train"], "danet train: .* required: --config. See danet train --help."),
        (
            ["eval", "--data", "x"],
            "eval: without --protocol, .* must be given; got none.",
        ),
        (["restore"], "danet restore: .* required: INPUT. See .*"),
        (["eval", "--checkpoint"], "danet eval: argument --checkpoint: expected .*"),
        (
            ["eval", "--checkpoint", "x", "--baseline", "bm3d"],
            "danet eval: argument --baseline: .*'bm3d'.*nlm.*",
        ),
        (
            [*RESTORE, "--overwrit"],
            "danet restore: unknown argument --overwrit. See danet restore --help.",
        ),
        ([*RESTORE, "b.png", "--config.x=1"], "danet restore: unknown .* b.png. .*"),
        (["train", "--conf", "x"], "danet train: .* required: --config. .*"),
    ],
)
def test_arguments_that_cannot_be_read(arguments, match, capsys):
    assert main(arguments) == 2
    _refused(capsys, match)


def test_a_script_is_named_as_it_was_called(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["/somewhere/train.py"])
    assert main(["train"]) == 2
    _refused(capsys, "python train.py: .* See python train.py --help.")
    monkeypatch.setattr(sys, "argv", ["/somewhere/danet"])
    assert main(["restore"]) == 2
    _refused(capsys, "danet restore: .* See danet restore --help.")


@pytest.mark.parametrize(
    ("typed", "named"),
    [("danet", "danet prepare x"), ("/a/restore.py", "python prepare.py x")],
)
def test_advice_names_what_was_typed(typed, named, restore, monkeypatch, capsys):
    restore(DataError("no images. Try: danet prepare x, danet export y, danet_jax z."))
    monkeypatch.setattr(sys, "argv", [typed])
    assert main(RESTORE) == 2
    _refused(capsys, rf"no images\. Try: {named}, danet export y, danet_jax z\.")


@pytest.mark.parametrize("kind", [ConfigError, DataError, CheckpointError])
def test_a_mistake_is_one_line(kind, restore, capsys):
    restore(kind("a: is wrong.\n  Do b."))
    assert main(RESTORE) == 2
    _refused(capsys, "a: is wrong. Do b.")


@pytest.mark.parametrize(
    "code", ["EACCES", "ENOSPC", "EROFS", "EDQUOT", "ENAMETOOLONG"]
)
def test_what_the_system_refuses_is_one_line(code, restore, capsys):
    restore(OSError(getattr(errno, code), "Refused", "out/a.png"))
    assert main(RESTORE) == 2
    _refused(capsys, "out/a.png: Refused.")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has this device")
def test_a_full_disk_behind_standard_output(restore, monkeypatch, capsys):
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
        restore(lambda *_: print("table", file=full))
        monkeypatch.setattr(sys, "stdout", full)
        status = main(RESTORE)
    assert status == 2
    assert re.fullmatch("danet: No space left.*\\.\n", capsys.readouterr().err)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a bug"),
        FileNotFoundError(errno.ENOENT, "a bug", "x"),
        OSError("a bug"),
    ],
)
def test_bugs_keep_their_traceback(error, restore):
    restore(error)
    with pytest.raises(type(error), match="a bug"):
        main(RESTORE)


def test_interrupted_by_ctrl_c(restore, capsys):
    restore(KeyboardInterrupt())
    assert main(RESTORE) == 130
    assert capsys.readouterr() == ("", "")


def test_the_reader_of_the_output_went_away(restore, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        restore(lambda *_: print("table", file=pipe))
        monkeypatch.setattr(sys, "stdout", pipe)
        assert main(RESTORE) == 141
    # Closing the pipe, as the interpreter does at its end, has raised nothing.


@pytest.mark.parametrize(
    ("encoding", "name", "shown"),
    [("utf-8", os.fsdecode(b"caf\xe9"), rb"caf\udce9"), ("ascii", "é", rb"\xe9")],
)
def test_names_that_standard_output_cannot_encode(
    encoding, name, shown, restore, monkeypatch
):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding))
    restore(lambda *_: print(name))
    assert main(RESTORE) == 0
    assert raw.getvalue() == shown + b"\n"


def test_streams_that_were_closed_before_the_start(restore, monkeypatch):
    def act(*_):
        print("a table")
        for _ in tqdm(range(2), disable=None):
            print("a warning", file=sys.stderr)

    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    restore(act)
    assert main(RESTORE) == 0
    sys.stdout.close()
    sys.stderr.close()


def test_the_installed_command(monkeypatch, restore):
    restore(lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["danet", *RESTORE])
    with pytest.raises(SystemExit, match=r"^0$"):
        entry()
    monkeypatch.setattr(sys, "argv", ["danet"])
    with pytest.raises(SystemExit, match=r"^2$"):
        entry()
    (script,) = re.findall(r'^danet = "(.*)"$', _project(), re.M)
    assert script == f"{module.__name__}:{entry.__name__}"


def _project():
    return (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments", [[], ["prepare"], ["train"], ["eval"], ["restore"], ["visualize"]]
)
def test_help(arguments, capsys):
    with pytest.raises(SystemExit, match=r"^0$"):
        main([*arguments, "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith(" ".join(["usage: danet", *arguments]) + " ")
    if not arguments:
        for name, (_, summary) in COMMANDS.items():
            assert re.search(rf"^ +{name} +{summary}$", shown, re.M)


def test_version(capsys):
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--version"])
    (version,) = re.findall(r'^version = "(.*)"$', _project(), re.M)
    assert capsys.readouterr().out == f"danet {version}\n"


@pytest.mark.parametrize("name", module.SCRIPTS)
def test_the_scripts(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit, match=r"^0$"):
        runpy.run_path(str(ROOT / f"{name}.py"), run_name="__main__")
    assert capsys.readouterr().out.startswith(f"usage: python {name}.py [-h]")


def test_a_script_from_another_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "train.py", "--config", "x.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "x.py: no such config. Beside it: none.\n"
