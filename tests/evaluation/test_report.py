import csv
import json
import math
from pathlib import Path

import pytest

from danet_jax.checks import DataError
from danet_jax.evaluation.evaluate import Evaluation, Row
from danet_jax.evaluation.protocols import awgn, jpeg_artifacts
from danet_jax.evaluation.report import markdown, write_report, write_rows, write_text

ROW = Row("a|b", 20.176, 0.5, 29.0, 0.81234)
PLAIN = Evaluation(awgn(1, 25), (ROW,), images="Set12", method="mine")
ROWS = Row("a", 20, 0.5, math.inf, 1.0, 28, 0.75), Row("b", 21, 0.5, 29, 0.9, 27, 0.25)
COMPARED = Evaluation(awgn(1, 50), ROWS, "non-local means", images="other")
JPEG = Evaluation(
    jpeg_artifacts(10),
    (Row("a", 27, 0.5, psnr_b_degraded=25.0),),
    images="LIVE1",
)


def test_markdown():
    text = markdown([PLAIN, COMPARED, JPEG])
    head = "| image | degraded PSNR [dB] | degraded SSIM | restored PSNR [dB] | restore"
    rule = "awgn_gray_25: AWGN sigma 25, numpy seed 0 a picture, "
    assert text.startswith(f"## Set12, mine\n\n{rule}")
    assert f"all channels.\n\n{head}" in text
    assert "|---|---:|---:|---:|---:|\n" in text
    assert r"| a\|b | 20.18 | 0.5000 | 29.00 | 0.8123 |" in text
    assert "\n\n## other\n\nawgn_gray_50: AWGN sigma 50, " in text
    assert "| non-local means PSNR [dB] | non-local means SSIM | restored P" in text
    assert "| b | 21.00 | 0.5000 | 27.00 | 0.2500 | 29.00 | 0.9000 |" in text
    assert "| mean of 2 | 20.50 | 0.5000 | 27.50 | 0.5000 | inf | 0.9500 |" in text
    assert "\n\n## LIVE1\n\njpeg_10: JPEG quality 10 by Pillow" in text
    line = "| a | 27.00 | 0.5000 | 25.00 |"
    assert f"| degraded PSNR-B [dB] |\n|---|---:|---:|---:|\n{line}\n" in text


def test_files(tmp_path):
    out = tmp_path / "new" / "folder"
    sets = [PLAIN, COMPARED]
    write_report(out, sets)
    assert (out / "results.md").read_text() == markdown(sets)
    records = json.loads((out / "results.json").read_text())
    assert records[0] == {
        "protocol": "awgn_gray_25",
        "rule": PLAIN.protocol.rule,
        "set": "Set12",
        "method": "mine",
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
        write_report(tmp_path / "file", [PLAIN])


def test_one_record_an_image(tmp_path):
    path = tmp_path / "new" / "rows.json"
    write_rows(path, [JPEG])
    assert json.loads(path.read_text()) == [
        {
            "protocol": "jpeg_10",
            "image": "a",
            "psnr_degraded": 27,
            "ssim_degraded": 0.5,
            "psnr_restored": None,
            "ssim_restored": None,
        }
    ]
    write_rows(path, [PLAIN, COMPARED])
    rows = json.loads(path.read_text())
    assert [row["image"] for row in rows] == ["Set12/a|b", "other/a", "other/b"]
    assert {tuple(row) for row in rows} == {tuple(rows[0])}
    assert len(rows[0]) == 6
    assert [row["psnr_restored"] for row in rows] == [29.0, None, 29]


def test_reports_are_written_whole(tmp_path, monkeypatch):
    def killed(self, content):
        raise OSError(28, "No space left on device")

    write_report(tmp_path, [PLAIN])
    old = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert old.keys() == {"results.md", "results.csv", "results.json"}
    monkeypatch.setattr(Path, "write_bytes", killed)
    for write in (
        lambda: write_report(tmp_path, [JPEG]),
        lambda: write_rows(tmp_path / "results.json", [JPEG]),
        lambda: write_text(tmp_path / "results.csv", "half"),
    ):
        with pytest.raises(DataError, match=r"cannot be written \(No space left"):
            write()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == old


def test_a_text_that_cannot_be_written(tmp_path):
    with pytest.raises(DataError, match="cannot be written"):
        write_text(tmp_path, "")
