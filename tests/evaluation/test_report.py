import csv
import json
import math

import pytest

from danet_jax.checks import DataError
from danet_jax.evaluation.evaluate import Evaluation, Row
from danet_jax.evaluation.report import markdown, write_report

PLAIN = Evaluation("AWGN sigma 25", (Row("a|b", 20.176, 0.5, 29.0, 0.81234),))
ROWS = Row("a", 20, 0.5, math.inf, 1.0, 28, 0.75), Row("b", 21, 0.5, 29, 0.9, 27, 0.25)
COMPARED = Evaluation("AWGN sigma 50", ROWS, "non-local means")


def test_markdown():
    text = markdown({"Set12": PLAIN, "other": COMPARED})
    head = "| image | degraded PSNR [dB] | degraded SSIM | restored PSNR [dB] | restore"
    assert text.startswith(f"## Set12\n\nAWGN sigma 25.\n\n{head}")
    assert "|---|---:|---:|---:|---:|\n" in text
    assert r"| a\|b | 20.18 | 0.5000 | 29.00 | 0.8123 |" in text
    assert "\n\n## other\n\nAWGN sigma 50.\n\n| image | degraded PSNR [dB] |" in text
    assert "| non-local means PSNR [dB] | non-local means SSIM | restored P" in text
    assert "| b | 21.00 | 0.5000 | 27.00 | 0.2500 | 29.00 | 0.9000 |" in text
    assert "| mean | 20.50 | 0.5000 | 27.50 | 0.5000 | inf | 0.9500 |" in text


def test_files(tmp_path):
    out = tmp_path / "new" / "folder"
    sets = {"Set12": PLAIN, "other": COMPARED}
    write_report(out, sets)
    assert (out / "results.md").read_text() == markdown(sets)
    records = json.loads((out / "results.json").read_text())
    assert records[0] == {
        "protocol": "AWGN sigma 25",
        "set": "Set12",
        "image": "a|b",
        "psnr_degraded": 20.176,
        "ssim_degraded": 0.5,
        "psnr_restored": 29.0,
        "ssim_restored": 0.81234,
    }
    assert [(r["set"], r["image"]) for r in records] == [
        ("Set12", "a|b"),
        ("Set12", "mean"),
        ("other", "a"),
        ("other", "b"),
        ("other", "mean"),
    ]
    assert records[2]["psnr_restored"] is None  # infinity is no JSON
    assert records[4]["psnr_baseline"] == 27.5
    with (out / "results.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 5
    assert table[0]["psnr_restored"] == "29.0"
    assert table[0]["ssim_baseline"] == ""
    assert table[3]["ssim_baseline"] == "0.25"


def test_a_report_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file: cannot be made"):
        write_report(tmp_path / "file", {"Set12": PLAIN})
