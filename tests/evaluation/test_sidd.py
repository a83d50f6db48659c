"""SIDD: from its published layout, in miniature, to what its servers take."""

import base64
import dataclasses
import functools
import time

import numpy as np
import pytest

from danet_jax.checks import DataError
from danet_jax.data.matlab import cell, read_mat, write_mat
from danet_jax.evaluation.evaluate import evaluate
from danet_jax.evaluation.protocols import PROTOCOLS, open_images
from danet_jax.evaluation.sidd import (
    SIDD,
    SiddLayout,
    check_sidd,
    export_sidd,
    open_validation_blocks,
)
from tests import mat_files

BLOCKS = SiddLayout(images=2, blocks=3, side=12)
ABOUT = {"MethodName": "DANet", "Venue": "here"}


def _pixels(*shape, seed=0):
    return np.random.RandomState(seed).randint(0, 256, shape, np.uint8)


def _noisy_blocks(folder, version="5", blocks=None):
    name = "BenchmarkNoisyBlocksSrgb"
    blocks = _pixels(2, 3, 12, 12, 3) if blocks is None else blocks
    mat_files.write(folder / f"{name}.mat", version, **{name: blocks})
    return blocks


def _brighter(x):
    return x + np.float32(0.1)


def _half(x):
    return np.float32(0.5) * x


def test_the_layout_is_the_published_one():
    assert dataclasses.astuple(SIDD) == (40, 32, 256)


@pytest.mark.parametrize("version", mat_files.VERSIONS)
def test_validation_blocks_of_sidd(tmp_path, version):
    clean, noisy = (_pixels(2, 3, 12, 12, 3, seed=seed) for seed in (0, 1))
    for kind, blocks in ("Gt", clean), ("Noisy", noisy):
        name = f"Validation{kind}BlocksSrgb"
        mat_files.write(tmp_path / f"{name}.mat", version, **{name: blocks})
    images = open_validation_blocks(tmp_path, BLOCKS)
    assert (len(images), images.paired, images.sizes) == (6, True, [(12, 12)] * 6)
    assert images.names[0] == "01_01" and images.names[-1] == "02_03"
    np.testing.assert_array_equal(images[4].clean, clean[1, 1])
    np.testing.assert_array_equal(images[4].degraded, noisy[1, 1])
    assert images[4].name == "02_02"


@pytest.mark.parametrize("version", mat_files.VERSIONS)
def test_sidd_goes_out_and_comes_back(tmp_path, version):
    blocks = _noisy_blocks(tmp_path, version)
    written = export_sidd(_brighter, tmp_path, tmp_path / "out", ABOUT, BLOCKS)
    assert written == tmp_path / "out" / "SubmitSrgb.mat"
    assert check_sidd(written, BLOCKS).startswith("2x3 blocks, ")
    names = "DenoisedBlocksSrgb", "TimeMPSrgb", "OptionalData"
    cells, seconds, about = read_mat(written, *names).values()
    wanted = np.clip(np.rint(blocks + 25.5), 0, 255)
    for place in np.ndindex(2, 3):
        assert cells[place].dtype == np.float32
        # 0.1 is 25.5 steps, which float32 rounds either way.
        np.testing.assert_allclose(cells[place] * 255, wanted[place], atol=1.001)
        np.testing.assert_array_equal(
            np.rint(cells[place] * 255) / np.float32(255), cells[place]
        )
    assert seconds.item() >= 0
    assert {name: text[0] for name, text in about.items()} == {
        "MethodName": "DANet",
        "Authors": "",
        "PaperTitle": "",
        "Venue": "here",
    }


def test_compiling_is_no_part_of_the_time(tmp_path, monkeypatch):
    clock, calls = [0.0], []

    def restore(x):  # 100 seconds for the first one, which compiles
        clock[0] += 1 if calls else 100
        calls.append(x.shape)
        return x

    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    _noisy_blocks(tmp_path)
    written = export_sidd(restore, tmp_path, tmp_path, {}, BLOCKS)
    assert set(calls) == {(1, 12, 12, 3)}
    seconds = read_mat(written, "TimeMPSrgb")["TimeMPSrgb"].item()
    assert seconds == pytest.approx(6 / (6 * 12 * 12 / 1024**2))


def test_the_csv_for_kaggle(tmp_path):
    blocks = _noisy_blocks(tmp_path)
    export_sidd(lambda x: x, tmp_path, tmp_path, {}, BLOCKS)
    path = tmp_path / "SubmitSrgb.csv"
    assert check_sidd(path, BLOCKS) == "6 blocks"
    lines = path.read_text().splitlines()
    assert lines[0] == "ID,BLOCK"
    number, text = lines[5].split(",")
    pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(12, 12, 3)
    assert number == "4"
    np.testing.assert_array_equal(pixels, blocks[1, 1])
    for broken in lines[:-1], [*lines[:-1], "5,AAAA"], [*lines[:-1], "5,?"], []:
        path.write_text("\n".join(broken))
        with pytest.raises(DataError, match=r"Srgb\.csv: (must hold|line 7 must be 5)"):
            check_sidd(path, BLOCKS)


def test_a_missing_or_wrong_file_of_sidd(tmp_path):
    match = r"holds no Val\w+Gt\w+\.mat\. Download .*/sidd; DIR is the folder of Val"
    with pytest.raises(DataError, match=match):
        open_validation_blocks(tmp_path, BLOCKS)
    with pytest.raises(DataError, match=r"nowhere: no such folder\. .* for Bench"):
        export_sidd(_half, tmp_path / "nowhere", tmp_path, {}, BLOCKS)
    _noisy_blocks(tmp_path / "deep" / "er")
    for folder, match in (
        (tmp_path, r"holds no Bench\w+\.mat, but a folder .* Give .*deep/er\.$"),
        (tmp_path / "deep" / "er" / "x", r"holds no .* Give .*deep/er\.$"),
    ):
        folder.mkdir(exist_ok=True)
        with pytest.raises(DataError, match=match):
            export_sidd(_half, folder, tmp_path, {}, BLOCKS)
    for blocks in _pixels(2, 3, 12, 11, 3), np.zeros((2, 3, 12, 12, 3), np.float32):
        _noisy_blocks(tmp_path, blocks=blocks)
        match = r"Noisy\w+\.mat: \w+ must be 2x3x12x12x3 of uint8; got 2x3x12x1"
        with pytest.raises(DataError, match=match):
            export_sidd(_half, tmp_path, tmp_path, {}, BLOCKS)
    assert not (tmp_path / "SubmitSrgb.mat").exists()


def _submission(**changes):
    blocks = cell([np.full((12, 12, 3), 0.5, np.float32)] * 6, (2, 3))
    about = dict.fromkeys(("MethodName", "Authors", "PaperTitle", "Venue"), "x")
    named = {"DenoisedBlocksSrgb": blocks, "TimeMPSrgb": 1.0, "OptionalData": about}
    return named | changes


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"DenoisedBlocksSrgb": cell([1.0], (1, 1))}, "a cell of 2x3; got 1x1 of cell"),
        (
            {"DenoisedBlocksSrgb": np.zeros((2, 3, 12, 12, 3), np.float32)},
            "DenoisedBlocksSrgb must be a cell of 2x3; got 2x3x12x12x3 of single",
        ),
        (
            {"DenoisedBlocksSrgb": cell([np.zeros((12, 12, 3), np.uint8)] * 6, (2, 3))},
            r"DenoisedBlocksSrgb\{1, 1\} must be 12x12x3 of single or double; got 12x12"
            "x3 of uint8",
        ),
        (
            {"DenoisedBlocksSrgb": cell([np.full((12, 12, 3), 2.0)] * 6, (2, 3))},
            r"must lie in \[0, 1\]; got values from 2.0 to 2.0",
        ),
        (
            {"DenoisedBlocksSrgb": cell([np.full((12, 12, 3), np.nan)] * 6, (2, 3))},
            r"must lie in \[0, 1\]; got values from nan",
        ),
        ({"TimeMPSrgb": "fast"}, "TimeMPSrgb must be 1x1 of numbers; got char"),
        (
            {"OptionalData": {"Venue": "x"}},
            "OptionalData must hold the text MethodName",
        ),
        ({"OptionalData": ""}, "OptionalData must hold the text MethodName"),
    ],
)
def test_the_validator_of_sidd_refuses(tmp_path, changes, match):
    path = tmp_path / "SubmitSrgb.mat"
    write_mat(path, _submission())
    assert check_sidd(path, BLOCKS) == "2x3 blocks, 1 s/Mpixel"
    write_mat(path, _submission(**changes))
    with pytest.raises(DataError, match=rf"SubmitSrgb\.mat: .*{match}"):
        check_sidd(path, BLOCKS)


def test_validation_blocks_are_scored_in_both_conventions(tmp_path):
    clean = np.full((2, 3, 12, 12, 3), (60, 120, 180), np.uint8)
    noise = np.random.RandomState(0).normal(0, 20, clean.shape)
    noisy = np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)
    for kind, blocks in ("Gt", clean), ("Noisy", noisy):
        name = f"Validation{kind}BlocksSrgb"
        mat_files.write(tmp_path / f"{name}.mat", "5", **{name: blocks})
    opens = functools.partial(open_validation_blocks, layout=BLOCKS)
    protocol = dataclasses.replace(PROTOCOLS["sidd_validation"], opens=opens)
    mean = evaluate(_half, open_images(protocol, tmp_path), protocol).mean
    assert mean.psnr_degraded == pytest.approx(20 * np.log10(255 / 20), abs=0.5)
    assert mean.ssim_volume_degraded > mean.ssim_degraded + 0.2
    assert mean.ssim_volume_restored is not None
