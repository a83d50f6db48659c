"""What is found wrong before any image is decoded."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from danet_jax.checks import ConfigError, DataError
from danet_jax.config import SIDD_MEDIUM_TRAIN, Dataset, realsr_train
from danet_jax.data.images import write_png
from tests.data.preparing import PAIRS, SINGLE, planned, write_pairs

SMALL_DIV2K = Dataset(name="div2k", clean="*.png")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "source")


def test_a_plan_names_what_does_not_fit(source: Path) -> None:
    with pytest.raises(DataError, match=r"3 of 3 .* crop of 10 .*11x9.* --crop 9$"):
        planned(source, crop=10)
    for name in "crop", "interval":
        with pytest.raises(ConfigError, match=f'"{name}" must be at least'):
            planned(source, **{name: 0})
    with pytest.raises(DataError, match=r"--held-out: 'x' matches none of 3 images"):
        planned(source, held_out=("x",))
    write_png(source / "1_real.png", np.zeros((9, 12, 1), np.uint8))
    with pytest.raises(DataError, match=r"1_real\.png: .* got 12x9 and 11x9 pixels"):
        planned(source)
    (source / "1_real.png").unlink()
    with pytest.raises(DataError, match=r"1_mean\.png, which needs 1_real\.png"):
        planned(source)
    (source / "1_mean.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"1_mean\.png: .* not an image"):
        planned(source, SINGLE)


def test_all_broken_headers_are_named(source: Path) -> None:
    (source / "0_mean.png").write_bytes(b"no image")
    (source / "1_real.png").write_bytes(b"")
    write_png(source / "2_real.png", np.zeros((9, 12, 1), np.uint8))
    match = (
        r"^prepare: 3 of 3 images cannot be used\. \S+0_mean\.png: truncated, "
        r"unreadable or not an image \(cannot identify image file\)\. Replace or "
        r"remove it\. "
        r"\S+1_real\.png: .* \S+2_real\.png: must be as large .* \(width x height\)\.$"
    )
    with pytest.raises(DataError, match=match):
        planned(source)


def test_folders_that_were_unpacked_too_deep(tmp_path: Path) -> None:
    deep = tmp_path / "unpacked" / "DIV2K_train_HR"
    deep.parent.mkdir()
    write_pairs(deep)
    match = rf"unpacked: holds no \*\.png, but .* Give {deep}\."
    with pytest.raises(DataError, match=match):
        planned(deep.parent, SMALL_DIV2K)
    (tmp_path / "far" / "off" / "away").mkdir(parents=True)
    dataset = dataclasses.replace(SIDD_MEDIUM_TRAIN, counts=())
    with pytest.raises(DataError, match=r"no images\. .* DIR is the folder that hol"):
        planned(tmp_path / "far" / "off" / "away", dataset)
    with pytest.raises(DataError, match="no such folder"):
        planned(tmp_path / "gone", dataset)


def test_a_folder_inside_the_one_to_give(tmp_path: Path) -> None:
    scene = tmp_path / "SIDD" / "Data" / "0001_001_S6"
    scene.mkdir(parents=True)
    for kind in "GT", "NOISY":
        write_png(scene / f"0001_{kind}_SRGB_010.PNG", np.zeros((9, 9, 3), np.uint8))
    preparation = planned(tmp_path / "SIDD", SIDD_MEDIUM_TRAIN)
    assert [image.patches for image in preparation.images] == [4]
    for folder in scene, scene.parent:
        match = rf"holds no Data/.*, but .* Give {tmp_path / 'SIDD'}\.$"
        with pytest.raises(DataError, match=match):
            planned(folder, SIDD_MEDIUM_TRAIN)
    match = rf"Give {tmp_path / 'SIDD'}\.$"
    with pytest.raises(DataError, match=match):
        planned(tmp_path, SIDD_MEDIUM_TRAIN)


def test_realsr_reads_the_training_part_alone(tmp_path: Path) -> None:
    for camera in "Canon", "Nikon":
        for part in "Train", "Test":
            folder = tmp_path / camera / part / "3"
            folder.mkdir(parents=True)
            for kind in "HR", "LR3":
                image = np.zeros((9, 9, 3), np.uint8)
                write_png(folder / f"{camera}_001_{kind}.png", image)
    preparation = planned(tmp_path, realsr_train(3))
    assert [image.files for image in preparation.images] == [
        (f"{c}/Train/3/{c}_001_HR.png", f"{c}/Train/3/{c}_001_LR3.png")
        for c in ("Canon", "Nikon")
    ]
    assert preparation.command(Path("x")).endswith(
        f"realsr --source {tmp_path} --out x --scale 3 --crop 4 --interval 3 "
        "--channels 1"
    )


def test_a_version_of_realsr_whose_pairs_differ_in_size(tmp_path: Path) -> None:
    for camera in "Canon", "Nikon":
        folder = tmp_path / camera / "Train" / "2"
        folder.mkdir(parents=True)
        for kind, side in ("HR", 18), ("LR2", 9):
            image = np.zeros((side, side, 3), np.uint8)
            write_png(folder / f"{camera}_001_{kind}.png", image)
    match = (
        r"^prepare: 2 of 2 images cannot be used\. \S+Canon_001_LR2\.png: must be as "
        r"large .*\(version 1; in version 3 the inputs are smaller than their targets\)"
    )
    with pytest.raises(DataError, match=match):
        planned(tmp_path, realsr_train(2))


def test_pairs_in_two_folders_and_two_formats(tmp_path: Path) -> None:
    image = Image.fromarray(np.zeros((9, 9), np.uint8))
    for name in "clean/a.png", "noisy/a.jpg", "clean/b.png", "noisy/b.PNG":
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        image.save(path)
    dataset = dataclasses.replace(PAIRS, clean="clean/*", degraded="noisy/*")
    preparation = planned(tmp_path, dataset)
    assert [image.files for image in preparation.images] == [
        ("clean/a.png", "noisy/a.jpg"),
        ("clean/b.png", "noisy/b.PNG"),
    ]
    assert [image.name for image in preparation.images] == ["clean/a", "clean/b"]


def test_pairs_in_two_folders(source: Path, tmp_path: Path) -> None:
    for kind in "mean", "real":
        (tmp_path / "two" / kind).mkdir(parents=True)
        for path in source.glob(f"*_{kind}.png"):
            path.rename(tmp_path / "two" / kind / f"{path.stem[0]}.png")
    dataset = dataclasses.replace(PAIRS, clean="mean/*", degraded="real/*")
    preparation = planned(tmp_path / "two", dataset)
    assert [image.files for image in preparation.images] == [
        (f"mean/{i}.png", f"real/{i}.png") for i in range(3)
    ]
