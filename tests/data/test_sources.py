"""Folders of images: what is opened, what is held out, what is refused."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from danet_jax.checks import DataError
from danet_jax.config import DataConfig
from danet_jax.data.images import write_png
from danet_jax.data.sources import (
    ImageFolder,
    open_folder,
    open_training,
    open_validation,
)
from tests.data.preparing import SINGLE, prepared, write_pairs


def write(root: Path, *names: str, size: tuple[int, int] = (8, 9)) -> Path:
    """Writes a gray image for each name; its first pixel is its place in the list."""
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        image = np.full((*size, 1), 200, np.uint8)
        image[0, 0] = number
        write_png(root / name, image)
    return root


def config(root: Path | str, **changes: Any) -> DataConfig:
    return DataConfig(root=str(root), **{"crop": 4, "interval": 4, **changes})


def pairs_config(root: Path | str, **changes: Any) -> DataConfig:
    changes = {"clean": "*_mean.png", "degraded": "*_real.png", **changes}
    return config(root, sigma_255=0.0, **changes)


def test_single_images(tmp_path: Path) -> None:
    write(tmp_path, "b/x.png", "a.png")
    images = open_folder(tmp_path, 3, cache_gib=1)
    assert (images.names, images.sizes) == (["a", "b/x"], [(8, 9)] * 2)
    assert (len(images), images.paired) == (2, False)
    sample = images[1]
    assert (sample.name, sample.degraded) == ("b/x", None)
    assert (sample.clean.shape, sample.clean.dtype) == ((8, 9, 3), np.uint8)
    assert sample.clean[0, 0].tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="read-only"):
        sample.clean[0, 0] = 1


def test_pairs(tmp_path: Path) -> None:
    write(tmp_path, "1_mean.png", "1_real.png", "2_mean.png", "2_real.png")
    images = open_training(pairs_config(tmp_path), 1)
    assert images.paired
    assert images.names == ["1_mean", "2_mean"]
    assert images[1].clean[0, 0] == 2
    assert images[1].degraded is not None
    assert images[1].degraded[0, 0] == 3


def test_pairs_need_partners_and_equal_sizes(tmp_path: Path) -> None:
    write(tmp_path, "1_mean.png")
    write(tmp_path, "1_real.png", size=(8, 10))
    with pytest.raises(DataError, match=r"1_real\.png: .*got 10x8 and 9x8 pixels"):
        open_training(pairs_config(tmp_path), 1)
    (tmp_path / "1_real.png").rename(tmp_path / "3_real.png")
    with pytest.raises(DataError, match=r"1_mean\.png, which needs 1_real\.png"):
        open_training(pairs_config(tmp_path), 1)


def test_names_stay_unique(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "a.PNG", "b.png")
    images = open_folder(tmp_path, 1, cache_gib=1)
    assert images.names == ["a.PNG", "a.png", "b.png"]


def test_cache_keeps_what_fits(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "b.png", "c.png")
    images = open_folder(tmp_path, 1, cache_gib=2.5 * 72 / 2**30)
    assert sum(images[i] is images[i] for i in range(3)) == 2
    assert [int(images[i].clean[0, 0, 0]) for i in range(3)] == [0, 1, 2]


def test_reads_from_several_threads(tmp_path: Path) -> None:
    write(tmp_path, *(f"{i}.png" for i in range(5)))
    images = open_folder(tmp_path, 1, cache_gib=0)
    with ThreadPoolExecutor(4) as pool:
        firsts = list(pool.map(lambda i: images[i % 5].clean[0, 0, 0], range(40)))
    assert firsts == [i % 5 for i in range(40)]


def test_broken_files_are_named_at_the_start(tmp_path: Path) -> None:
    write(tmp_path, *(f"{i}.png" for i in range(8)))
    for i in range(1, 8):
        (tmp_path / f"{i}.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"7 of 8 images.*1\.png.*5\.png") as error:
        open_folder(tmp_path, 1, cache_gib=1)
    assert "6.png" not in str(error.value)


def test_held_out_images_are_not_trained_on(tmp_path: Path) -> None:
    write(tmp_path, "a/1.png", "a/2.png", "b/1.png", "b/12.png")
    data = config(tmp_path, held_out=("a/*", "12.png"))
    validation = open_validation(data, 1)
    assert isinstance(validation, ImageFolder)
    assert validation.names == ["a/1", "a/2", "b/12"]
    assert open_training(data, 1).names == ["b/1"]


def test_held_out_must_match_some_images_but_not_all(tmp_path: Path) -> None:
    write(tmp_path, "1.png", "2.png")
    for open_images in open_training, open_validation:
        with pytest.raises(DataError, match=r"'x\*' matches none of 2 .* like 1\."):
            open_images(config(tmp_path, held_out=("1", "x*")), 1)
        with pytest.raises(DataError, match=r"1, 2\* matches all 2 images"):
            open_images(config(tmp_path, held_out=("1", "2*")), 1)


def test_validation_folder(tmp_path: Path) -> None:
    write(tmp_path / "train", "1.png")
    write(tmp_path / "val", "2.png", size=(3, 3))  # smaller than the crop is allowed
    data = config(tmp_path / "train", validation_root=str(tmp_path / "val"))
    validation = open_validation(data, 1)
    assert isinstance(validation, ImageFolder)
    assert (validation.names, open_training(data, 1).names) == (["2"], ["1"])
    assert open_validation(config(tmp_path / "train"), 1) is None


def test_a_validation_folder_with_patterns_of_its_own(tmp_path: Path) -> None:
    write(
        tmp_path, "Train/a_HR.png", "Train/a_LR.png", "Test/b_HR.png", "Test/b_LR.png"
    )
    data = pairs_config(
        tmp_path,
        clean="Train/*_HR.png",
        degraded="Train/*_LR.png",
        validation_root=str(tmp_path),
        validation_clean="Test/*_HR.png",
        validation_degraded="Test/*_LR.png",
    )
    assert open_training(data, 1).names == ["Train/a_HR"]
    validation = open_validation(data, 1)
    assert validation is not None and validation.names == ["Test/b_HR"]


def test_folder_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "1.png")
    monkeypatch.setenv("DANET_DATA", str(tmp_path))
    assert len(open_training(config(""), 1)) == 1


def test_no_data_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DANET_DATA", raising=False)
    how = r"--config\.data\.root=DIR.*DANET_DATA.*Download X\."
    data = pairs_config("", source="Download X.")
    with pytest.raises(DataError, match=rf"\*_mean.png and \*_real.png.*{how}"):
        open_training(data, 1)
    with pytest.raises(DataError, match=rf"no images.*'\*_mean\.png'.*{how}"):
        open_training(pairs_config(tmp_path, source="Download X."), 1)
    with pytest.raises(DataError, match=rf"gone: no such folder.*{how}"):
        open_training(config(tmp_path / "gone", source="Download X."), 1)


def test_images_smaller_than_the_crop(tmp_path: Path) -> None:
    write(tmp_path, "big.png", size=(30, 30))
    write(tmp_path, "flat.png", "less.png", size=(9, 30))
    expected = r"2 of 3 .* First: flat with 30x9.*--config\.data\.crop=9$"
    with pytest.raises(DataError, match=expected):
        open_training(config(tmp_path, crop=10), 1)
    assert len(open_training(config(tmp_path, crop=9), 1)) == 3


def test_images_behind_links_are_named_if_they_are_gone(tmp_path: Path) -> None:
    """Of records they may be gone altogether, as their folder may."""
    disk, source = write_pairs(tmp_path / "disk"), tmp_path / "images"
    source.mkdir()
    for path in disk.glob("*_mean.png"):
        (source / path.name).symlink_to(path)
    out = prepared(source, tmp_path / "out", SINGLE)
    disk.rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"3 of 3 .*0_mean\.png: no such file"):
        open_training(config(source), 1)
    open_training(config(out, clean="*_mean.png"), 1)
    (tmp_path / "elsewhere" / "0_mean.png").unlink()
    (tmp_path / "elsewhere").rename(disk)
    with pytest.raises(DataError, match=r"1 of 3 .*0_mean\.png: no such file"):
        open_training(config(source), 1)
    with pytest.raises(DataError, match=r"0_mean\.png: was removed after"):
        open_training(config(out, clean="*_mean.png"), 1)
