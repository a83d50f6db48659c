"""``danet eval`` by named protocols: tables, records and submissions."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest

from danet_jax.checks import ConfigError, DataError
from danet_jax.cli import eval as command
from danet_jax.data.images import write_png
from danet_jax.data.matlab import cell
from danet_jax.evaluation.dnd import DndLayout, check_dnd, export_dnd
from danet_jax.evaluation.protocols import SUBMISSIONS, Submission
from danet_jax.evaluation.sidd import SiddLayout, check_sidd, export_sidd
from tests import mat_files


def _write(path, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.RandomState(0).randint(60, 190, (16, 1, channels), np.uint8)
    write_png(path, np.repeat(pixels, 20, axis=1))


def test_without_a_checkpoint_the_degraded_images_are_scored(tmp_path, start, capsys):
    for name in "Set12/a.png", "Set12/b.png":
        _write(tmp_path / name)
    file = tmp_path / "rows.json"
    names = "awgn_gray_25", "jpeg_10"
    start("--protocol", *names, "--data", tmp_path / "Set12", "--json", file)
    rows = json.loads(file.read_text())
    assert [(row["protocol"], row["image"]) for row in rows] == [
        (name, image) for name in names for image in ("a", "b")
    ]
    fields = ["protocol", "image"]
    fields += ["psnr_degraded", "ssim_degraded", "psnr_restored", "ssim_restored"]
    assert all(list(row) == fields for row in rows)
    assert {row["psnr_restored"] for row in rows} == {None}
    shown = capsys.readouterr()
    header = "| method | Set12 (2), awgn_gray_25 | Set12 (2), jpeg_10 |"
    assert shown.out.startswith(f"{header}\n|---|---:|---:|\n| degraded image |")
    assert "| DANet (published) | 31.01 / 0.8772 | - |" in shown.out
    assert "Written" not in shown.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Set12", "rows.json"]


def test_a_long_scoring_is_announced(tmp_path, start, capsys, monkeypatch):
    _write(tmp_path / "one" / "a.png")
    words = "--protocol", "jpeg_10", "--data", tmp_path / "one"
    start(*words)
    assert "Scoring" not in capsys.readouterr().err
    monkeypatch.setattr(command, "_LONG_PX", 10)
    start(*words)
    assert "Scoring 1 images of one by jpeg_10.\n" in capsys.readouterr().err


def test_networks_for_each_level_make_a_table(tmp_path, start, capsys):
    for name in "Set12/a.png", "other/a.png":
        _write(tmp_path / name)
    start(
        *("--protocol", "awgn_gray_15", "awgn_gray_25"),
        *("--data", tmp_path / "Set12", tmp_path / "other"),
        *("--checkpoint", *(tmp_path / name for name in ("x_15", "x_25", "blind_25"))),
        *("--out", tmp_path / "out", "--save-images"),
    )
    lines = capsys.readouterr().out.splitlines()
    cells = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in lines}
    assert [cell.strip("| ") for cell in cells["method"]] == [
        f"{name} (1), awgn_gray_{level}"
        for name in ("Set12", "other")
        for level in (15, 25)
    ]
    filled = {
        name: [cell.strip("| ") != "-" for cell in cells[name]]
        for name in ("x_15", "x_25", "blind_25")
    }
    assert filled == {
        "x_15": [True, False, True, False],
        "x_25": [False, True, False, True],
        "blind_25": [True] * 4,
    }
    out = tmp_path / "out"
    assert (out / "table.md").read_text().splitlines() == lines
    rows = json.loads((out / "results.json").read_text())
    assert {(row["protocol"], row["method"]) for row in rows} == {
        *(("awgn_gray_15", name) for name in ("x_15", "blind_25")),
        *(("awgn_gray_25", name) for name in ("x_25", "blind_25")),
    }
    assert (out / "Set12" / "awgn_gray_15" / "blind_25" / "images" / "a.png").exists()


def test_one_network_by_several_protocols(tmp_path, start):
    _write(tmp_path / "Set12" / "a.png")
    file = tmp_path / "rows.json"
    start(
        *("--protocol", "awgn_gray_15", "awgn_gray_25", "--json", file),
        *("--data", tmp_path / "Set12", "--checkpoint", tmp_path / "x_25"),
    )
    rows = json.loads(file.read_text())
    assert [row["protocol"] for row in rows] == ["awgn_gray_15", "awgn_gray_25"]
    assert all(row["psnr_restored"] > 19 for row in rows)
    assert (tmp_path / "x_25" / "eval" / "table.md").exists()


def test_pairs_by_their_patterns(tmp_path, start):
    for name in "a_mean.png", "a_real.png":
        _write(tmp_path / "pairs" / name, channels=3)
    file = tmp_path / "rows.json"
    patterns = ["--clean", "*_mean.png", "--degraded", "*_real.png"]
    data = "--data", tmp_path / "pairs"
    start("--protocol", "real_pairs", *data, *patterns, "--json", file)
    [row] = json.loads(file.read_text())
    assert (row["protocol"], row["psnr_degraded"]) == ("real_pairs", None)  # infinite
    assert row["ssim_degraded"] == pytest.approx(1)


@pytest.fixture
def small(monkeypatch):
    """Submissions of few and small blocks and boxes."""
    blocks, boxes = SiddLayout(1, 2, 12), DndLayout(1, 2, 12)
    for name, layout, export, check in (
        ("sidd_benchmark", blocks, export_sidd, check_sidd),
        ("dnd", boxes, export_dnd, check_dnd),
    ):
        parts = (functools.partial(part, layout=layout) for part in (export, check))
        monkeypatch.setitem(SUBMISSIONS, name, Submission(name, *parts))


def test_submissions_are_written_and_checked(tmp_path, start, small, capsys):
    name = "BenchmarkNoisyBlocksSrgb"
    blocks = np.zeros((1, 2, 12, 12, 3), np.uint8)
    mat_files.write(tmp_path / "SIDD" / f"{name}.mat", "5", **{name: blocks})
    corners = np.array([[1, 1, 12, 12], [2, 3, 13, 14]], float)
    info = {"boundingboxes": cell([corners], (1,))}
    mat_files.write(tmp_path / "DND" / "info.mat", "7.3", info=info)
    image = np.full((20, 20, 3), 0.5, np.float32)
    path = tmp_path / "DND" / "images_srgb" / "0001.mat"
    mat_files.write(path, "7.3", InoisySRGB=image)
    start(
        *("--protocol", "sidd_benchmark", "dnd", "--data"),
        *(f"sidd_benchmark={tmp_path / 'SIDD'}", f"dnd={tmp_path / 'DND'}"),
        *("--checkpoint", tmp_path / "rgb", "--about", "Venue=here and now"),
    )
    out = tmp_path / "rgb" / "eval"
    written = out / "sidd_benchmark" / "SubmitSrgb.mat", out / "dnd" / "bundled"
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith(f"sidd_benchmark: {written[0]} holds 1x2 blocks, ")
    assert shown[1] == f"dnd: {written[1]} holds 1 images of 2 boxes, as it must."
    for path in written:
        start("--validate", path)
    assert capsys.readouterr().out.splitlines()[1] == shown[1]
    with pytest.raises(DataError, match=r"mat: no such file"):
        start("--validate", tmp_path / "none.mat")


@pytest.mark.parametrize(
    ("words", "overrides", "match"),
    [
        (
            "--protocol awgn_rgb_25 --data one --checkpoint x",
            [],
            "awgn_rgb_25 needs a network for RGB images; that of x is for gray. Its "
            "own protocol is awgn_gray_25",
        ),
        (
            "--protocol jpeg_10 --data one --checkpoint rgb",
            [],
            "jpeg_10 needs a network for gray images; that of rgb is for RGB",
        ),
        ("--protocol dnd --data one --checkpoint x", [], "dnd needs a network for RGB"),
        ("--protocol dnd --data one", [], "only its server can score dnd. Give one"),
        ("--data one", [], "one --checkpoint must be given; got none"),
        (
            "--data one --checkpoint x y",
            [],
            "one --checkpoint must be given; got several",
        ),
        ("--protocol jpeg_10", [], "jpeg_10 needs folders of images: --data DIR"),
        (
            "--protocol jpeg_10 --data one",
            ["--config.data.sigma_255=5"],
            "jpeg_10 is fixed. Leave --config.data.sigma_255 out",
        ),
        ("--protocol jpeg_10 --data one --compare", [], "need a --checkpoint"),
        (
            "--protocol jpeg_10 --data one --about Venue=x",
            [],
            "for the protocol sidd_b",
        ),
        (
            "--protocol sidd_benchmark --data one --checkpoint rgb --about Place=x",
            [],
            "--about must be NAME=TEXT, NAME one of MethodName, .*got 'Place=x'",
        ),
        ("--protocol jpeg_10 --data one --checkpoint x y", [], "need --out DIR"),
        (
            "--protocol jpeg_10 --data one --checkpoint x --baseline nlm",
            [],
            "noise of known strength .*got jpeg_10",
        ),
        (
            "--protocol awgn_gray_25 --data one --baseline nlm",
            [],
            "got no --checkpoint",
        ),
        ("--protocol real_pairs --data one", [], "needs the patterns of both files"),
    ],
)
def test_arguments_that_do_not_go_together(
    tmp_path, start, monkeypatch, words, overrides, match
):
    monkeypatch.chdir(tmp_path)
    _write(Path("one/a.png"))
    with pytest.raises(ConfigError, match=match):
        start(*words.split(), overrides=overrides)


def test_unknown_protocols_are_refused(start, capsys):
    with pytest.raises(SystemExit):
        start("--protocol", "awgn_25", "--data", "one")
    assert "invalid choice: 'awgn_25'" in capsys.readouterr().err
