"""The benchmarks run and write their tables; nothing here looks at a time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import loader, network, tiles
from benchmarks.network_sides import NETWORKS
from benchmarks.timing import interleaved, machine, write
from danet_jax.config import SMALL
from danet_jax.data.images import write_png

ROOT = Path(__file__).parents[1]


def test_sides_take_turns() -> None:
    calls: list[str] = []
    sides = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    times = interleaved(sides, 2, turn=0)
    assert calls == ["a", "a", "b", "b"] * 3  # the first of each pair is not timed
    assert min(times["a"].wall, times["b"].cpu) >= 0


def test_tables_say_where_they_come_from(tmp_path: Path, capsys) -> None:
    write(
        "some", tmp_path, [{"case": "x", "ms": 1.23456}, {"case": "y"}], ["case", "ms"]
    )
    text = (tmp_path / "some.md").read_text()
    assert capsys.readouterr().out == f"{text}\n"
    assert text.startswith("| case | ms |\n|---|---|\n| x | 1.23 |\n| y |  |\n")
    assert "cores" in text and "jaxlib" in text
    document = json.loads((tmp_path / "some.json").read_text())
    assert document["rows"][0]["ms"] == 1.23456
    assert document["machine"]["cores"] >= 1


def test_the_load_is_that_of_others(monkeypatch) -> None:
    before = machine()["load_at_start"]
    monkeypatch.setattr(os, "getloadavg", lambda: (99.0, 99.0, 99.0))
    assert machine()["load_at_start"] == before < 99


def test_a_side_of_the_network_benchmark() -> None:
    side = [sys.executable, "-m", "benchmarks.network_sides", "jax"]
    job = ["small_deep", "inference", "8", "8", "1", "1"]
    done = subprocess.run([*side, *job], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert min(result["wall"], result["compile"], result["temporaries_mb"]) > 0


@pytest.mark.parametrize("option", ["--only", "--networks"])
def test_what_the_network_benchmark_does_not_know(option, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["network", option, "large"])
    with pytest.raises(SystemExit, match="2"):
        network.main()
    assert f"argument {option}: invalid choice: 'large'" in capsys.readouterr().err


def test_all_sides_must_return_the_same(monkeypatch) -> None:
    values = dict(zip(network.SIDES, (1.0, 1.0, 1.0, 1.0005), strict=True))

    def run_side(side, job, **environment):
        return {"value": values[side], "wall": 1.0, "peak_mb": 1.0}

    monkeypatch.setattr(network, "run_side", run_side)
    monkeypatch.setattr(network, "product_rate", lambda: 1e9)
    for job in network.JOBS[:2]:
        with pytest.raises(AssertionError, match=r"1\.0005"):
            network.compare(job, 1, network.SIDES)
        assert network.compare(job, 1, network.SIDES[:3])["ours s"] == 1.0


def test_stored_results_are_of_networks_that_there_are() -> None:
    found = set()
    for name in "network", "scaling", "start":
        text = (ROOT / f"benchmarks/results/{name}.json").read_text()
        for row in json.loads(text)["rows"]:
            found.add(row.get("network") or row["job"].partition(",")[0])
    assert found <= NETWORKS.keys()
    assert SMALL not in NETWORKS.values()
    assert "small" not in NETWORKS  # which SMALL is called everywhere else


def test_large_images_are_made_of_smaller_ones() -> None:
    image = np.arange(600 * 840, dtype=np.float32).reshape(600, 840, 1)
    large = tiles.mirrored(image)
    assert large.shape == (768, 1024, 1)
    np.testing.assert_array_equal(large[:600, :840], image)
    np.testing.assert_array_equal(large[600:, 840:], image[:431:-1, :655:-1])
    large = tiles.stitched([np.full((256, 256, 1), i, np.float32) for i in range(12)])
    expected = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(large[::256, ::256, 0], expected)
    assert large.shape == (768, 1024, 1)


def test_the_loader_s_table(tmp_path: Path, capsys) -> None:
    image = np.random.RandomState(0).randint(0, 256, (256, 300, 3), np.uint8)
    (tmp_path / "images").mkdir()
    write_png(tmp_path / "images" / "0.png", image)
    words = ["--out", str(tmp_path), "--data", str(tmp_path / "images")]
    loader.main([*words, "--batches", "1", "--repeats", "1", "--step-seconds", "2"])
    rows = json.loads((tmp_path / "loader.json").read_text())["rows"]
    assert len(rows) == 9
    for row in rows:
        share = row["times a step"] / row["patches/s a core"]
        assert share == pytest.approx(2 / loader.BATCH)
    assert "records, RGB pairs" in capsys.readouterr().out
