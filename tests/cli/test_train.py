import argparse
import dataclasses
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from danet_jax.checks import ConfigError
from danet_jax.cli import train as command
from danet_jax.cli.main import main
from danet_jax.config import DistillationConfig, ExperimentConfig
from danet_jax.data.images import write_png
from danet_jax.training import TrainResult

CONFIG = """
from danet_jax.config import DistillationConfig, ExperimentConfig

def get_config():
    return ExperimentConfig(name="small")
"""


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """What ``train`` is called with, in a folder that holds a config x.py."""
    found = []

    def train(config, workdir):
        found.append((config, workdir))
        return TrainResult(step=3, steps=3, psnr_db=None)

    monkeypatch.setattr(command, "train", train)
    monkeypatch.chdir(tmp_path)
    Path("x.py").write_text(CONFIG, encoding="utf-8")
    return found


def _run(words, overrides=()):
    parser = argparse.ArgumentParser(prog="danet train")
    parser.set_defaults(parser=parser)
    command.add_arguments(parser)
    command.run(parser.parse_args(words.split()), list(overrides))


def test_the_default_working_directory(calls, capsys):
    _run("--config x.py")
    assert calls == [(ExperimentConfig(name="small"), Path("runs/small"))]
    assert capsys.readouterr().out == (
        "runs/small: trained for 3 steps. "
        "Next: danet eval --checkpoint runs/small --data DIR\n"
    )


def test_only_the_first_process_speaks(calls, monkeypatch, capsys):
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    _run("--config x.py")
    assert capsys.readouterr().out == ""


def test_a_script_leads_to_the_next_script(calls, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["/somewhere/train.py"])
    assert main(["train", "--config", "x.py"]) == 0
    assert "Next: python eval.py --checkpoint runs/small" in capsys.readouterr().out


def test_another_name_is_another_working_directory(calls):
    _run("--config x.py", ["--config.name=other"])
    assert calls == [(ExperimentConfig(name="other"), Path("runs/other"))]


def test_a_given_working_directory(calls):
    _run("--config x.py --workdir a/b")
    assert calls == [(ExperimentConfig(name="small"), Path("a/b"))]


def test_overrides_reach_the_training(calls):
    words = "--config x.py --workdir runs/x --config.train.batch_size=4"
    assert main(["train", *words.split(), "--config.data.root=a b"]) == 0
    ((config, workdir),) = calls
    base = ExperimentConfig(name="small")
    assert config == dataclasses.replace(
        base,
        train=dataclasses.replace(base.train, batch_size=4),
        data=dataclasses.replace(base.data, root="a b"),
    )
    assert workdir == Path("runs/x")


def test_an_interval_that_prepared_records_cannot_have(calls, tmp_path):
    """One that was typed would do nothing; that of the config may differ."""
    rows = np.zeros((30, 40, 1), np.uint8)
    (tmp_path / "images").mkdir()
    write_png(tmp_path / "images" / "0.png", rows)
    words = "prepare image_folder --source images --out out --crop 8 --interval 9"
    assert main([*words.split(), "--workers", "0"]) == 0
    root, interval = "--config.data.root=out", "--config.data.interval="
    _run("--config x.py", [root])
    _run("--config x.py", [root, f"{interval}9"])
    _run("--config x.py", ["--config.data.root=images", f"{interval}7"])
    assert [config.data.interval for config, _ in calls] == [130, 9, 7]
    match = (
        r"^out: the records were cut at intervals of 9 pixels, which data\.interval=7 "
        r"cannot change\. Leave it out, or prepare others: danet prepare image_folder "
        r"--source .*/images --out out_interval --crop 8 --interval 7$"
    )
    with pytest.raises(ConfigError, match=match):
        _run("--config x.py", [root, f"{interval}7"])
    assert len(calls) == 3


@pytest.mark.parametrize("step", [2, 3])  # the last one of a teacher, for example
def test_nothing_is_promised_after_an_interruption(calls, monkeypatch, capsys, step):
    result = TrainResult(step, 3, None, stopped=True)
    monkeypatch.setattr(command, "train", lambda *_: result)
    _run("--config x.py")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "overrides", "match"),
    [
        ("--config y.py", [], "^y.py: no such config. Beside it: x.py.$"),
        ("--config .", [], "^.: is a folder. Give one of its files: x.py.$"),
        (
            "--config x.py",
            ["--config.train.bacth_size=4"],
            "^command line: unknown field train.bacth_size. Did you mean train.batch_s",
        ),
        (
            "--config x.py",
            ["--config.train.batch_size", "4"],
            "write --config.train.batch_size=VALUE.$",
        ),
        ("--config x.py", ["--config.model=danet_s"], "set one of model.channels, "),
    ],
)
def test_mistakes_are_noticed_before_any_work(calls, words, overrides, match):
    with pytest.raises(ConfigError, match=match):
        _run(words, overrides)
    assert calls == []


def test_too_little_memory_on_the_device(calls, monkeypatch):
    def train(config, workdir):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(command, "train", train)
    match = (
        r"train.batch_size 12 and data.crop 256. .*train.accumulate=2 or .*remat=True"
    )
    with pytest.raises(ConfigError, match=match):
        _run("--config x.py")


def test_too_little_memory_for_a_teacher():
    """What --config.train.X sets is the student's alone."""
    match = (
        r"train.batch_size 12 \(teacher.train.batch_size 5 in stage one\).*"
        r"train.remat=True \(in stage one --config.teacher.train.remat=True\), which"
    )
    with (
        pytest.raises(ConfigError, match=match),
        command.explained_memory(DistillationConfig()),
    ):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")


def test_other_errors_of_the_device_keep_their_traceback(calls, monkeypatch):
    def train(config, workdir):
        raise jax.errors.JaxRuntimeError("INTERNAL: a bug")

    monkeypatch.setattr(command, "train", train)
    with pytest.raises(jax.errors.JaxRuntimeError, match="a bug"):
        _run("--config x.py")


@pytest.mark.parametrize("folder", ["", "danet_s/"])
@pytest.mark.parametrize(
    ("config", "parts"),
    [
        (
            "sidd",
            [
                "no folder of images given",
                "download its sRGB images (SIDD_Medium_Srgb, 12 GB)",
                "DIR is the folder that holds Data",
                "danet prepare sidd --source DIR --out OUT.",
                "Data/0001_.../0001_NOISY_SRGB_010.PNG and 0001_GT_SRGB_010.PNG",
            ],
        ),
        (
            "awgn_gray_25",
            [
                "no folder of images given",
                "download DIV2K_train_HR.zip (800 PNG files, 3.3 GB)",
                "DIR is its folder of images",
                "danet prepare div2k --channels 1 --source DIR --out OUT.",
            ],
        ),
    ],
)
def test_who_has_no_data_reads_how_to_get_it(
    tmp_path, monkeypatch, capsys, folder, config, parts
):
    path = Path(__file__).parents[2] / "configs" / folder / f"{config}.py"
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DANET_DATA", raising=False)
    assert main(["train", "--config", str(path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    for part in parts:
        assert part in shown.err
    assert shown.err.endswith("type the same command with --config.data.root=OUT.\n")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(sys, "argv", ["train.py"])
    assert main(["train", "--config", str(path)]) == 2
    said = shown.err.replace("danet prepare", "python prepare.py")
    assert capsys.readouterr().err == said
