import errno
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from danet_jax.checks import ConfigError, DataError
from danet_jax.cli import eval as command
from danet_jax.config import DataConfig
from danet_jax.data.images import write_png


def _write(path, seed=0, shift=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.random.RandomState(seed).randint(60, 190, (16, 1, 1))
    write_png(path, np.broadcast_to(rows + shift, (16, 20, 1)).astype(np.uint8))


def _rows(out):
    records = json.loads((out / "results.json").read_text())
    return {(record["set"], record["image"]): record for record in records}


def test_folders_are_sets(tmp_path, run, capsys):
    for name in "one/a.png", "one/deep/b.png", "two/c.png":
        _write(tmp_path / name)
    run("--data", tmp_path / "one", tmp_path / "two")
    rows = _rows(tmp_path / "run" / "eval")
    images = ["a", "deep/b", "mean"], ["c", "mean"]
    assert list(rows) == [
        *[("one", name) for name in images[0]],
        *[("two", name) for name in images[1]],
    ]
    row = rows["one", "a"]
    assert row["psnr_degraded"] == pytest.approx(20.17, abs=1)
    assert row["psnr_restored"] == pytest.approx(row["psnr_degraded"], abs=0.1)
    shown = capsys.readouterr()
    assert shown.out == (tmp_path / "run" / "eval" / "results.md").read_text()
    assert "## two, run\n\nawgn_gray_25: AWGN sigma 25, numpy seed 0" in shown.out
    assert "results.csv" in shown.err


def test_validation_images_of_the_run(tmp_path, run):
    for name in "a.png", "b.png":
        _write(tmp_path / "photos" / name)
    data = DataConfig(root=str(tmp_path / "photos"), held_out=("b",))
    run("--out", tmp_path / "out", data=data)
    assert list(_rows(tmp_path / "out")) == [
        ("validation", "b"),
        ("validation", "mean"),
    ]


def test_results_lie_beside_the_checkpoints(tmp_path, run):
    _write(tmp_path / "one" / "a.png")
    run("--data", tmp_path / "one", checkpoint="checkpoints/20")
    assert (tmp_path / "run" / "eval" / "results.md").exists()
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_reader_of_the_table_who_went_away_costs_no_results(
    tmp_path, run, monkeypatch
):
    _write(tmp_path / "one" / "a.png")

    def gone(*_, **options):
        if "file" not in options:
            raise BrokenPipeError

    monkeypatch.setattr("builtins.print", gone)
    with pytest.raises(BrokenPipeError):
        run("--data", tmp_path / "one", "--out", tmp_path / "out")
    assert len(_rows(tmp_path / "out")) == 2


def test_results_that_cannot_be_written_are_shown(tmp_path, run, capsys):
    _write(tmp_path / "one" / "a.png")
    with pytest.raises(DataError, match=r"one: cannot be written \(Is a directory\)"):
        run("--data", tmp_path / "one", "--json", tmp_path / "one")
    assert "| mean of 1 |" in capsys.readouterr().out


def test_a_folder_that_takes_no_files_is_told_before_any_work(
    tmp_path, run, monkeypatch
):
    _write(tmp_path / "one" / "a.png")

    def closed(dir):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", closed)
    monkeypatch.setattr(command, "evaluate", lambda *_, **__: pytest.fail())
    with pytest.raises(DataError, match=r"out: takes no files \(Read-only"):
        run("--data", tmp_path / "one", "--out", tmp_path / "out")


def test_overrides_change_the_noise(tmp_path, run):
    _write(tmp_path / "one" / "a.png")
    overrides = ["--config.data.sigma_255=50", "--config.evaluation.clip=True"]
    run("--data", tmp_path / "one", overrides=overrides)
    row = _rows(tmp_path / "run" / "eval")["one", "a"]
    assert row["psnr_degraded"] == pytest.approx(14.15, abs=1)
    assert row["protocol"] == "awgn_gray_50_clipped"
    assert "clipped, not rounded" in row["rule"]


@pytest.mark.parametrize("given", [True, False])
def test_pairs_by_argument_or_by_the_run(tmp_path, run, given):
    _write(tmp_path / "pairs" / "a_clean.png")
    _write(tmp_path / "pairs" / "a_noisy.png", shift=51)
    patterns = ["--clean", "*_clean.png", "--degraded", "*_noisy.png"]
    data = DataConfig(clean="*_clean.png", degraded="*_noisy.png", sigma_255=0)
    if given:
        run("--data", tmp_path / "pairs", *patterns)
    else:
        run("--data", tmp_path / "pairs", data=data)
    row = _rows(tmp_path / "run" / "eval")["pairs", "a_clean"]
    for name in "psnr_degraded", "psnr_restored":
        assert row[name] == pytest.approx(-20 * np.log10(0.2), abs=1e-3)
    assert row["protocol"] == "real_pairs_gray"


def test_pictures(tmp_path, run):
    for i, name in enumerate(("a.png", "deep/b.png", "c.png", "d.png")):
        _write(tmp_path / "one" / name, seed=i)
    run("--data", tmp_path / "one", "--save-images", "--compare", "--baseline", "nlm")
    out = tmp_path / "run" / "eval"
    names = ["a.png", "c.png", "d.png", "deep/b.png"]
    for folder in "images", "compare":
        root = out / "one" / folder
        found = (path.relative_to(root).as_posix() for path in root.rglob("*.png"))
        assert sorted(found) == names
    with Image.open(out / "one" / "images" / "a.png") as file:
        assert (file.mode, file.size) == ("L", (20, 16))
    with Image.open(out / "one" / "compare" / "a.png") as file:
        panel = file.size
    assert panel[0] == 4 * 200 + 5 * 4
    with Image.open(out / "comparison.png") as file:
        assert file.size[0] == panel[0]
        assert file.size[1] == 3 * panel[1]
    row = _rows(out)["one", "mean"]
    assert row["psnr_baseline"] > row["psnr_degraded"] + 5
    assert "| non-local means PSNR [dB] |" in (out / "results.md").read_text()


@pytest.mark.parametrize("word", ["--save-images", "--compare"])
def test_pictures_do_not_become_test_images(tmp_path, run, word):
    _write(tmp_path / "one" / "a.png")
    for out in tmp_path / "one", tmp_path / "one" / "deep" / "out":
        with pytest.raises(ConfigError, match=r"would be taken for images of .*one"):
            run("--data", tmp_path / "one", "--out", out, word)
    run("--data", tmp_path / "one", "--out", tmp_path / "one" / "out")  # scores alone
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [
        "a.png",
        "out",
    ]


def test_no_pictures_unless_asked(tmp_path, run):
    _write(tmp_path / "one" / "a.png")
    run("--data", tmp_path / "one", "--out", tmp_path / "out")
    found = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert found == ["results.csv", "results.json", "results.md"]


@pytest.mark.parametrize(
    ("arguments", "overrides", "error", "match"),
    [
        ([], [], ConfigError, "no validation images. Name folders: --data DIR"),
        (["--data", "one", "x/one"], [], DataError, 'two folders are named "one"'),
        (["--data", "missing"], [], DataError, "missing: no such folder"),
        (["--data", "small"], [], DataError, "First: a with 16x10"),
        (
            [
                "--data",
                "one",
                "--clean",
                "a*.png",
                "--degraded",
                "b*.png",
                "--baseline",
            ],
            ["nlm"],
            ConfigError,
            "noise of known strength .*got real_pairs_gray",
        ),
        (
            ["--data", "one"],
            ["--config.model.channels=3"],
            ConfigError,
            "cannot be changed; only --config.data and --config.evaluation can",
        ),
        (["--data", "one"], ["--config.evaluation.clib=1"], ConfigError, "clip"),
        (["--data", "one", "--out", "file"], [], DataError, "file: cannot be made"),
    ],
)
def test_mistakes(tmp_path, run, monkeypatch, arguments, overrides, error, match):
    monkeypatch.chdir(tmp_path)
    for name in "one/a1.png", "one/b1.png", "x/one/a.png":
        _write(Path(name))
    Path("small").mkdir()
    write_png(Path("small/a.png"), np.zeros((10, 16, 1), np.uint8))
    Path("file").touch()
    if overrides == ["nlm"]:
        arguments, overrides = [*arguments, "nlm"], []
    with pytest.raises(error, match=match):
        run(*arguments, overrides=overrides)
