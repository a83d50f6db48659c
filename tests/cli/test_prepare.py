import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from danet_jax.cli import prepare
from danet_jax.cli.main import main
from danet_jax.config import SIDD_MEDIUM_TRAIN
from danet_jax.data.images import write_png
from danet_jax.data.manifest import read_manifest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def source(tmp_path):
    for name in "a", "b":
        image = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
        (tmp_path / "images").mkdir(exist_ok=True)
        write_png(tmp_path / "images" / f"{name}.png", image)
    return tmp_path / "images"


def _prepare(source, out, *words):
    usual = ["--crop", "8", "--interval", "8", "--workers", "0"]
    command = ["prepare", "image_folder", "--source", str(source), "--out", str(out)]
    return main([*command, *usual, *words])


def test_prepare_then_nothing_then_anew(source, tmp_path, capsys):
    out = tmp_path / "deep" / "out"
    assert _prepare(source, out) == 0
    shown = capsys.readouterr()
    text = "12 patches of 8x8 from 2 images"
    following = f"danet train --config FILE --config.data.root={out}"
    assert shown.out == f"{out}: {text}. Next: {following}\n"
    assert f"{text}: 0 MiB before compression" in shown.err
    assert _prepare(source, out) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (
        f"{out}: holds {text} already; nothing to do.\n",
        "",
    )
    assert _prepare(source, out, "--held-out", "b", "--channels", "1") == 0
    assert "6 patches of 8x8 from 1 images" in capsys.readouterr().out
    manifest = read_manifest(out)
    assert (manifest.records, manifest.channels, manifest.held_out) == (6, 1, ("b",))


def test_the_script_decodes_in_processes(source, tmp_path):
    words = ["prepare.py", "image_folder", "--source", source, "--out", tmp_path / "o"]
    done = subprocess.run(
        [sys.executable, "-W", "error", *words, "--crop", "8", "--workers", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "2 patches of 8x8 from 2 images: 0 MiB before compression\n"


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (
            ["image_folder", "--degraded", "x"],
            "image_folder takes no --degraded; got 'x",
        ),
        (
            ["paired_folders", "--clean", "x"],
            r"paired_folders needs --degraded, as in --clean 'clean/\*' --degraded 'n",
        ),
        (
            ["paired_folders", "--clean", "/D/*_a.png", "--degraded", "/D/*_b.png"],
            r"pattern. must be relative, .* got '/D/\*_a\.png'",
        ),
        (
            ["paired_folders", "--clean", "a/*.png", "--degraded", "../b/*.png"],
            r"pattern. must be relative, .* got '\.\./b/\*\.png'",
        ),
        (["image_folder", "--clean", "."], r"pattern. must be .* got '\.'"),
        (["realsr"], r"realsr needs --scale\.$"),
        (["div2k", "--clean", "x"], "div2k takes no --clean; got 'x'"),
        (["sidd", "--scale", "2"], "sidd takes no --scale; got 2"),
        (["realsr", "--scale", "5"], "argument --scale: invalid choice: 5"),
        (["set5"], "argument NAME: .*'set5'.*div2k.*sidd.*realsr.*paired_folders"),
        (["div2k", "--workers", "-1"], "--workers must be at least 0; got -1"),
        (["div2k", "--config.x=1"], "has no configuration to change; got --config.x=1"),
        (["sidd"], r"DIR is the folder that holds Data, with pairs such as"),
        (["div2k", "--crop", "21"], r"2 of 2 images are smaller than the crop of 21"),
    ],
)
def test_mistakes_are_one_line(source, tmp_path, capsys, words, match):
    out = tmp_path / "out"
    assert main(["prepare", "--source", str(source), "--out", str(out), *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert re.search(match, shown.err), shown.err
    assert not out.exists()


def test_help_shows_pairs_in_one_folder_and_in_two(capsys):
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["prepare", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "danet prepare paired_folders --source DIR --out OUT --clean '*_cl" in shown
    assert "--clean 'clean/*' --degraded 'noisy/*'" in shown


def test_a_published_set_that_is_incomplete_says_so(source, tmp_path, capsys):
    words = ["prepare", "div2k", "--source", str(source), "--out", str(tmp_path / "o")]
    words += ["--crop", "8", "--workers", "0", "--held-out", "b"]
    for _ in range(2):  # also where there is nothing to do
        assert main(words) == 0
        shown = capsys.readouterr()
        text = f"Warning: {source} holds 2 images, but div2k as published has 800. "
        assert shown.err.startswith(text)
        assert "from 1 images" in shown.out


def _pair(folder, clean, degraded):
    folder.mkdir(parents=True, exist_ok=True)
    for name in clean, degraded:
        write_png(folder / name, np.zeros((8, 8, 3), np.uint8))


@pytest.mark.parametrize(("scale", "count"), [(2, 183), (3, 234), (4, 178)])
def test_the_pairs_of_realsr_are_counted(tmp_path, capsys, scale, count):
    _pair(tmp_path / f"in/Canon/Train/{scale}", "1_HR.png", f"1_LR{scale}.png")
    words = ["realsr", "--scale", str(scale), "--source", str(tmp_path / "in")]
    words += ["--out", str(tmp_path / "out"), "--crop", "8", "--workers", "0"]
    assert main(["prepare", *words]) == 0
    warned = f"holds 1 pairs, but realsr as published has {count}. Unless this is meant"
    assert warned in capsys.readouterr().err


def test_either_archive_of_sidd_is_complete(tmp_path, capsys, monkeypatch):
    assert SIDD_MEDIUM_TRAIN.counts == (320, 160)
    fewer = dataclasses.replace(SIDD_MEDIUM_TRAIN, counts=(2, 1))
    monkeypatch.setitem(prepare._PUBLISHED, "sidd", fewer)
    words = ["prepare", "sidd", "--source", str(tmp_path / "in")]
    words += ["--out", str(tmp_path / "out"), "--crop", "8", "--workers", "0"]
    for number in range(3):
        folder = tmp_path / "in" / "Data" / str(number)
        _pair(folder, f"{number}_GT_SRGB_1.PNG", f"{number}_NOISY_SRGB_1.PNG")
        assert main(words) == 0
        warned = "holds 3 pairs, but sidd as published has 2 or 1." in (
            capsys.readouterr().err
        )
        assert warned == (number == 2)
