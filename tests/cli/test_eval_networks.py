"""``danet eval`` with several networks and sets: who is scored by what, and where."""

import json

import numpy as np
import pytest

from danet_jax.checks import ConfigError
from danet_jax.data.images import write_png


def _write(path, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.RandomState(0).randint(60, 190, (16, 1, channels), np.uint8)
    write_png(path, np.repeat(pixels, 20, axis=1))


@pytest.fixture
def sets(tmp_path):
    """Folders of one gray image each."""
    for name in "Set12", "Classic5":
        _write(tmp_path / name / "a.png")
    return tmp_path


def _table(text):
    """Cells by column and method."""
    lines = [line.strip("| ") for line in text.splitlines() if line.startswith("|")]
    header, _, *rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    return {
        name: {row[0]: row[i] for row in rows} for i, name in enumerate(header) if i
    }


def _filled(text, *methods):
    """Of each column, those of some methods that have scores."""
    return {
        name: [method for method in methods if cells[method] != "-"]
        for name, cells in _table(text).items()
    }


def test_records_of_a_network_for_each_level(sets, start):
    file = sets / "rows.json"
    start(
        *("--protocol", "awgn_gray_15", "awgn_gray_25", "--data", sets / "Set12"),
        *("--checkpoint", sets / "x_15", sets / "x_25"),
        *("--out", sets / "out", "--json", file),
    )
    rows = json.loads(file.read_text())
    assert [(row["protocol"], row["image"]) for row in rows] == [
        ("awgn_gray_15", "a"),
        ("awgn_gray_25", "a"),
    ]
    assert all(row["psnr_restored"] > 19 for row in rows)


def test_records_have_room_for_one_network(sets, start):
    match = "Set12, awgn_gray_15 has .*x_15 and .*blind_25. Leave it out: results.json"
    with pytest.raises(ConfigError, match=match):
        start(
            *("--protocol", "awgn_gray_15", "awgn_gray_25", "--data", sets / "Set12"),
            *("--checkpoint", *(sets / name for name in ("x_15", "x_25", "blind_25"))),
            *("--out", sets / "out", "--json", sets / "rows.json"),
        )
    assert not (sets / "out").exists()


def test_networks_of_several_tasks_make_one_table(sets, start, capsys):
    _write(sets / "other" / "a.png")
    start(
        *("--protocol", "awgn_gray_15", "awgn_gray_25", "jpeg_10", "--data"),
        *(f"awgn_gray_15={sets / 'Set12'}", f"awgn_gray_25={sets / 'Set12'}"),
        *(f"jpeg_10={sets / 'Classic5'}", sets / "other"),
        *("--checkpoint", sets / "blind_25", sets / "jpeg_40"),
        *("--out", sets / "out", "--json", sets / "rows.json", "--save-images"),
    )
    columns = {
        "Set12 (1), awgn_gray_15": ["blind_25"],
        "Set12 (1), awgn_gray_25": ["blind_25"],
        "Classic5 (1), jpeg_10": ["jpeg_40"],
        "other (1), awgn_gray_15": ["blind_25"],
        "other (1), awgn_gray_25": ["blind_25"],
        "other (1), jpeg_10": ["jpeg_40"],
    }
    filled = _filled(capsys.readouterr().out, "blind_25", "jpeg_40")
    assert list(filled.items()) == list(columns.items())
    assert len(json.loads((sets / "rows.json").read_text())) == len(columns)
    found = (sets / "out").glob("*/*/*/images/a.png")
    assert {path.relative_to(sets / "out").parts[:3] for path in found} == {
        (name.split(" ")[0], name.split(", ")[1], method)
        for name, [method] in columns.items()
    }


def test_networks_of_another_kind_are_scored_where_there_is_no_other(
    sets, start, capsys
):
    start(
        *("--protocol", "jpeg_10", "--data", sets / "Set12", "--out", sets / "out"),
        *("--checkpoint", sets / "x_15", sets / "jpeg_20"),
    )
    filled = _filled(capsys.readouterr().out, "x_15", "jpeg_20")
    assert filled == {"Set12 (1), jpeg_10": ["x_15", "jpeg_20"]}


@pytest.mark.parametrize(
    ("protocols", "missing"),
    [
        (["awgn_gray_15", "awgn_gray_25", "awgn_gray_50"], "awgn_gray_50"),
        (["awgn_gray_15", "jpeg_10"], "jpeg_10"),
    ],
)
def test_every_protocol_has_a_network(sets, start, protocols, missing):
    match = f"{missing} would have no network: each .* Leave it out, or give one"
    with pytest.raises(ConfigError, match=match):
        start(
            *("--protocol", *protocols, "--data", sets / "Set12"),
            *("--checkpoint", sets / "x_15", sets / "y_25", "--out", sets / "out"),
        )


def test_steps_of_one_run_are_told_apart(sets, start, capsys):
    steps = [sets / "run" / "checkpoints" / step for step in ("10", "20")]
    start(
        *("--protocol", "awgn_gray_25", "--data", sets / "Set12"),
        *("--checkpoint", *steps, "--out", sets / "out", "--save-images"),
    )
    methods = [f"run, {step}" for step in steps]
    filled = _filled(capsys.readouterr().out, *methods)
    assert filled == {"Set12 (1), awgn_gray_25": methods}
    for name in "run_10", "run_20":
        assert (sets / "out" / "Set12" / name / "images" / "a.png").exists()


def test_directories_of_one_name_have_no_place_for_pictures(sets, start, capsys):
    runs = [sets / parent / "run" for parent in ("a", "b")]
    arguments = [
        *("--protocol", "awgn_gray_25", "--data", sets / "Set12"),
        *("--checkpoint", *runs, "--out", sets / "out"),
    ]
    start(*arguments)
    methods = [f"run, {path}" for path in runs]
    filled = _filled(capsys.readouterr().out, *methods)
    assert filled == {"Set12 (1), awgn_gray_25": methods}
    for option in "--save-images", "--compare":
        with pytest.raises(ConfigError, match=r"a/run and .*b/run share theirs"):
            start(*arguments, option)


def test_one_checkpoint_given_twice(sets, start, monkeypatch):
    monkeypatch.chdir(sets)
    with pytest.raises(ConfigError, match=r"/x is given twice"):
        start(
            *("--protocol", "awgn_gray_25", "--data", "Set12"),
            *("--checkpoint", "x", sets / "x", "--out", "out"),
        )


def test_patterns_are_for_the_pairs_of_a_table(sets, start):
    for name in "LIVE1/a.png", "pairs/a_mean.png", "pairs/a_real.png":
        _write(sets / name, channels=3)
    start(
        *("--protocol", "awgn_rgb_25", "real_pairs", "--json", sets / "rows.json"),
        *("--data", f"awgn_rgb_25={sets / 'LIVE1'}", f"real_pairs={sets / 'pairs'}"),
        *("--clean", "*_mean.png", "--degraded", "*_real.png"),
    )
    rows = json.loads((sets / "rows.json").read_text())
    assert [row["image"] for row in rows] == ["LIVE1/a", "pairs/a_mean"]
    start(
        *("--protocol", "awgn_rgb_25", "--json", sets / "rows.json"),
        *("--data", sets / "pairs", "--clean", "*_mean.png"),
    )
    [row] = json.loads((sets / "rows.json").read_text())
    assert row["image"] == "a_mean"
