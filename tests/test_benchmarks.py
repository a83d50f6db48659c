"""The benchmarks run and write their tables; nothing here looks at a time."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.timing import interleaved, write

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


def test_a_side_of_the_network_benchmark() -> None:
    side = [sys.executable, "-m", "benchmarks.network_sides", "jax"]
    job = ["small", "inference", "8", "8", "1", "1"]
    done = subprocess.run([*side, *job], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert min(result["wall"], result["compile"], result["temporaries_mb"]) > 0
