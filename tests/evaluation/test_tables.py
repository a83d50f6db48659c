import re

import pytest

from danet_jax.evaluation.evaluate import Evaluation, Row
from danet_jax.evaluation.protocols import PROTOCOLS, SUBMISSIONS, awgn
from danet_jax.evaluation.tables import UNSTATED, comparison, published

SETS = {
    "Table 2": ("awgn_gray_", ("15", "25", "50", "75"), 3, 8),
    "Table 3": ("awgn_rgb_", ("15", "25", "50", "75"), 3, 8),
    "Table 5": ("jpeg_", ("10", "20", "30", "40"), 2, 10),
    "Table 6": ("realsr_", ("2", "3", "4"), 1, 9),
}


def _cells(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    header, _, *body = rows
    return {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in body}


def _evaluation(name, images, *scores, method=""):
    return Evaluation(PROTOCOLS[name], (Row("a", *scores),), "", images, method)


def test_every_published_figure_names_its_place():
    entries = published()
    assert {entry.table for entry in entries} == {*SETS, "Table 4"}
    for entry in entries:
        assert entry.source.startswith("Huang et al.") and entry.method
        assert entry.psnr is None or 23 < entry.psnr < 41
        assert entry.ssim is None or 0.5 < entry.ssim < 1
        known = entry.protocol in {*PROTOCOLS, *SUBMISSIONS, UNSTATED}
        assert known, entry


@pytest.mark.parametrize("table", SETS)
def test_tables_are_complete(table):
    prefix, levels, sets, methods = SETS[table]
    entries = [entry for entry in published() if entry.table == table]
    assert len(entries) == len(levels) * sets * methods
    assert len({entry.images for entry in entries}) == sets
    assert {entry.protocol for entry in entries} == {prefix + level for level in levels}
    assert {entry.method for entry in entries} >= {"DANet", "DANet-S"}


@pytest.mark.parametrize(
    ("images", "protocol", "method", "figures"),
    [
        ("Set12", "awgn_gray_15", "BM3D", (32.37, 0.8952)),
        ("BSD68", "awgn_gray_50", "DANet", (26.62, 0.7436)),
        ("Urban100", "awgn_gray_25", "DANet-S", (31.40, 0.9145)),
        ("Kodak24", "awgn_rgb_75", "DANet", (28.26, 0.7701)),
        ("CBSD68", "awgn_rgb_15", "SADNet", (33.93, 0.9338)),
        ("SIDD", UNSTATED, "DANet", (39.87, 0.915)),
        ("SIDD", UNSTATED, "SADNet", (39.36, None)),
        ("DND", "dnd", "DANet-S", (39.39, 0.951)),
        ("Classic5", "jpeg_10", "JPEG", (27.82, 0.7595)),
        ("LIVE1", "jpeg_40", "DANet-S", (34.95, 0.9327)),
        ("LIVE1", "jpeg_30", "MemNet", (None, None)),
        ("RealSR", "realsr_3", "DDet", (30.62, None)),
        ("RealSR", "realsr_4", "DANet", (29.30, 0.841)),
    ],
)
def test_figures_as_printed(images, protocol, method, figures):
    place = images, protocol, method
    [entry] = [p for p in published() if (p.images, p.protocol, p.method) == place]
    assert (entry.psnr, entry.ssim) == figures


def test_methods_are_rows_and_sets_by_levels_columns():
    evaluations = [
        _evaluation("awgn_gray_15", "Set12", 24.6, 0.59, 32.0, 0.89, method="mine"),
        _evaluation("awgn_gray_25", "Set12", 20.2, 0.44, 30.0, 0.85, method="mine"),
        _evaluation("awgn_gray_25", "Set12", 20.2, 0.44, 29.0, 0.84, method="other"),
        _evaluation("awgn_gray_15", "photos", 24.6, 0.6, 33.0, 0.9, method="mine"),
    ]
    text = comparison(evaluations)
    cells = _cells(text)
    columns = [
        *("Set12 (1), awgn_gray_15", "Set12 (1), awgn_gray_25"),
        "photos (1), awgn_gray_15",
    ]
    rows = ["degraded image", "mine", "other"]
    peers = ["BM3D", "DnCNN", "FFDNet", "MWCNN", "SADNet", "RIDNet", "DANet", "DANet-S"]
    assert list(cells) == [*rows, *(f"{name} (published)" for name in peers)]
    expected = {
        "degraded image": ("24.60 / 0.5900", "20.20 / 0.4400", "24.60 / 0.6000"),
        "mine": ("32.00 / 0.8900", "30.00 / 0.8500", "33.00 / 0.9000"),
        "other": ("-", "29.00 / 0.8400", "-"),
        "DANet (published)": ("33.29 / 0.9141", "31.01 / 0.8772", "-"),
    }
    for row, texts in expected.items():
        assert cells[row] == dict(zip(columns, texts, strict=True))
    assert "- awgn_gray_15 (PSNR [dB] / SSIM): AWGN sigma 15, numpy seed 0" in text
    assert re.search(r"Published: Huang et al.*, Table 2\. Urban100 at sigma 25", text)
    assert "Table 5" not in text


def test_the_odd_ssim_of_table_5_is_told_below():
    row = Row("a", 27.82, 0.7595, psnr_b_degraded=25.21)
    for images, places in (
        ("LIVE1", "0.7730, 0.8851 and 0.9041"),
        ("Classic5", "0.8849"),
    ):
        evaluation = Evaluation(PROTOCOLS["jpeg_10"], (row,), images=images)
        text = comparison([evaluation])
        cells = _cells(text)
        column = f"{images} (1), jpeg_10"
        assert cells["degraded image"][column] == "27.82 / 0.7595 / 25.21"
        assert places in text and "is Classic5's" in text


def test_sidd_as_published_stands_alone():
    row = Row("a", 23.7, 0.33, 39.0, 0.91)
    scores = {"ssim_volume_degraded": 0.5, "ssim_volume_restored": 0.95}
    row = Row(**{**vars(row), **scores})
    protocol = PROTOCOLS["sidd_validation"]
    evaluation = Evaluation(protocol, (row,), images="SIDD", method="mine")
    cells = _cells(comparison([evaluation]))
    columns = "SIDD (1), sidd_validation", f"SIDD, {UNSTATED}"
    pairs = {name: tuple(cells[name][column] for column in columns) for name in cells}
    assert pairs["mine"] == ("39.00 / 0.9100 / 0.9500", "-")
    assert pairs["DANet (published)"] == ("-", "39.87 / 0.915")
    assert pairs["SADNet (published)"] == ("-", "39.36 / -")
    assert pairs["FFDNet (published)"] == ("-", "-")
    text = comparison([evaluation])
    assert "compare with neither sidd_validation nor sidd_benchmark" in text


@pytest.mark.parametrize("name", ["kodak24", "Koda24", "Kodak"])
def test_sets_go_by_their_names(name):
    row = Row("a", 24.6, 0.6)
    cells = _cells(comparison([Evaluation(awgn(3, 15), (row,), images=name)]))
    assert cells["DANet (published)"][f"{name} (1), awgn_rgb_15"] == "35.31 / 0.9321"


def test_a_baseline_has_its_row():
    row = Row("a", 20, 0.5, 30, 0.9, 28, 0.75)
    evaluation = Evaluation(awgn(1, 30), (row,), "non-local means", "photos", "mine")
    cells = _cells(comparison([evaluation]))
    assert list(cells) == ["degraded image", "non-local means", "mine"]
    assert cells["non-local means"] == {"photos (1), awgn_gray_30": "28.00 / 0.7500"}


def test_sets_of_another_size_than_the_published_ones_are_named():
    rows = tuple(Row(str(i), 20, 0.5) for i in range(12))
    protocol = PROTOCOLS["awgn_gray_25"]
    whole = Evaluation(protocol, rows, images="set_12")
    text = comparison([whole])
    assert "| set_12 (12), awgn_gray_25 |" in text
    assert "- In brackets: the number of images.\n- awgn_gray_25 (PSNR" in text
    some = Evaluation(protocol, rows, images="BSD68")
    other = Evaluation(protocol, rows, images="photos")
    one = _evaluation("awgn_gray_50", "BSD68", 14, 0.2)
    text = comparison([whole, some, other, one])
    assert text.count("the published set has") == 2
    assert "- BSD68: the published set has 68 images, not 12; published figures" in text
    assert "- BSD68: the published set has 68 images, not 1; published figures" in text


def test_every_set_has_its_size():
    protocol = PROTOCOLS["real_pairs"]
    for name in {entry.images for entry in published()} - {"SIDD", "DND"}:
        text = comparison([Evaluation(protocol, (Row("a", 20, 0.5),), images=name)])
        size = re.search(r"has (\d+) images, not 1", text)
        assert size and int(size[1]) in (5, 12, 24, 29, 30, 68, 100)
