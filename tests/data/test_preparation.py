"""Preparing records: nothing half done, nothing stale, nothing left behind."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

from danet_jax.checks import DataError
from danet_jax.data import records
from danet_jax.data.decoding import Job, decoded
from danet_jax.data.images import read_image, write_png
from danet_jax.data.manifest import MANIFEST, read_manifest
from danet_jax.data.patches import patch_grid
from danet_jax.data.prepare import is_prepared, prepare
from tests.data.preparing import SINGLE, planned, prepared, write_pairs


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "source")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def touch(path: Path) -> None:
    """Gives a file another time of change."""
    time = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(time, time))


def test_records_are_the_patches_in_order(source: Path, tmp_path: Path) -> None:
    out = prepared(source, tmp_path / "out")
    assert names(out) == {
        *("preparation.json", "dataset_info.json", "features.json"),
        "patches-train.array_record-00000-of-00001",
    }
    found = tfds.builder_from_directory(str(out)).as_data_source("train")
    expected = [
        read_image(source / f"{i}_mean.png", 1)[y : y + 4, x : x + 4]
        for i in range(3)
        for y, x in patch_grid(9, 11, crop=4, interval=3)
    ]
    assert len(found) == len(expected) == 18
    for record, patch in zip(found, expected, strict=True):
        assert record.keys() == {"clean", "degraded"}
        np.testing.assert_array_equal(record["clean"], patch)
        np.testing.assert_array_equal(record["degraded"], 255 - patch)


def test_many_records_are_spread_over_files(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_SHARD_BYTES", 5 * 32)
    out = prepared(source, tmp_path / "out")
    assert sorted(path.name for path in out.glob("*record-*")) == [
        f"patches-train.array_record-{i:05}-of-00004" for i in range(4)
    ]
    assert is_prepared(out, planned(source))
    assert records.shard_lengths(18, 32) == [5, 5, 5, 3]
    assert records.shard_lengths(2, 10**9) == [1, 1]


def test_the_manifest_says_what_was_done(source: Path, tmp_path: Path) -> None:
    out = prepared(source, tmp_path / "out", held_out=("1_*",))
    text = json.loads((out / MANIFEST).read_text())
    stat = (source / "2_mean.png").stat()
    expected = {
        "name": "paired_folders",
        "source": str(source),
        "clean": "*_mean.png",
        "degraded": "*_real.png",
        "held_out": ["1_*"],
        "crop": 4,
        "interval": 3,
        "channels": 1,
        "records": 12,
    }
    assert text | expected == text
    assert [image["name"] for image in text["images"]] == ["0_mean", "2_mean"]
    image = text["images"][1]
    assert image["files"] == ["2_mean.png", "2_real.png"]
    assert (image["bytes"][0], image["mtime_ns"][0]) == (
        stat.st_size,
        stat.st_mtime_ns,
    )
    assert (image["height"], image["width"], image["patches"]) == (9, 11, 6)
    assert read_manifest(out) == planned(source, held_out=("1_*",))


def test_what_is_there_is_recognised_and_what_changed_is_not(
    source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert not is_prepared(out, planned(source))
    prepared(source, out)
    assert is_prepared(out, planned(source))
    for changes in {"crop": 5}, {"interval": 2}, {"channels": 3}, {"held_out": ("0*",)}:
        assert not is_prepared(out, planned(source, **changes))
    assert not is_prepared(out, planned(source, SINGLE))
    touch(source / "0_real.png")
    assert not is_prepared(out, planned(source))


def test_a_source_that_has_moved_is_the_same(source: Path, tmp_path: Path) -> None:
    out = prepared(source, tmp_path / "out")
    moved = source.rename(tmp_path / "moved")
    assert is_prepared(out, planned(moved))
    assert read_manifest(out) == planned(moved)
    assert names(tmp_path) == {"moved", "out"}
    copied = Path(shutil.copytree(moved, tmp_path / "copied"))  # with its times
    assert is_prepared(out, planned(copied))
    touch(copied / "0_mean.png")
    assert not is_prepared(out, planned(copied))
    assert read_manifest(out).source == str(copied)


def test_changed_sources_are_prepared_anew(source: Path, tmp_path: Path) -> None:
    out = prepared(source, tmp_path / "out")
    write_png(source / "0_mean.png", np.full((9, 11, 1), 7, np.uint8))
    touch(source / "0_mean.png")
    prepared(source, out)
    found = tfds.builder_from_directory(str(out)).as_data_source("train")
    assert (found[0]["clean"] == 7).all()
    assert names(tmp_path) == {"source", "out"}


def test_damaged_records_are_prepared_anew(source: Path, tmp_path: Path) -> None:
    out = prepared(source, tmp_path / "out")
    (path,) = out.glob("*record-*")
    path.write_bytes(path.read_bytes()[:-50])
    assert not is_prepared(out, planned(source))
    prepared(source, out)
    assert is_prepared(out, planned(source))
    (out / MANIFEST).write_text("{")
    assert not is_prepared(out, planned(source))


def test_another_s_folder_is_not_touched(source: Path, tmp_path: Path) -> None:
    for out in source, source / "0_mean.png":
        with pytest.raises(DataError, match=r"exists, but holds no prepared records"):
            is_prepared(out, planned(source))
    (tmp_path / "empty").mkdir()
    assert not is_prepared(tmp_path / "empty", planned(source))
    prepared(source, tmp_path / "empty")
    assert is_prepared(tmp_path / "empty", planned(source))


def test_other_files_beside_the_records_are_not_lost(
    source: Path, tmp_path: Path
) -> None:
    out = prepared(source, tmp_path / "out")
    (out / "runs").mkdir()
    (out / ".DS_Store").touch()
    assert is_prepared(out, planned(source))
    with pytest.raises(DataError, match=r"out: holds runs, which would be lost with"):
        prepared(source, out, held_out=("0*",))
    assert is_prepared(out, planned(source))
    (out / "runs").rename(tmp_path / "runs")
    prepared(source, out, held_out=("0*",))
    assert names(tmp_path) == {"source", "out", "runs"}


def test_a_link_stays_and_leads_to_the_records(source: Path, tmp_path: Path) -> None:
    disk, link = tmp_path / "disk", tmp_path / "out"
    disk.mkdir()
    link.symlink_to(disk / "records")
    for held_out in (), ("0*",), ("1*",):  # the first time it leads nowhere
        prepared(source, link, held_out=held_out)
        assert is_prepared(link, planned(source, held_out=held_out))
        assert link.readlink() == disk / "records"
        assert names(tmp_path) == {"source", "disk", "out"}
        assert names(disk) == {"records"}


def test_a_disk_cannot_be_replaced(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = prepared(source, tmp_path / "disk")
    monkeypatch.setattr(os.path, "ismount", lambda path: path == disk)
    assert is_prepared(disk, planned(source))
    (tmp_path / "out").symlink_to(disk)
    for out in disk, tmp_path / "out":
        with pytest.raises(DataError, match=r"disk: a disk .* --out \S+disk/records$"):
            prepared(source, out, held_out=("0*",))
    assert names(tmp_path) == {"source", "disk", "out"}
    assert is_prepared(disk, planned(source))


def test_remains_of_a_killed_process_are_removed(source: Path, tmp_path: Path) -> None:
    (tmp_path / ".out.partial" / "patches").mkdir(parents=True)
    (tmp_path / ".out.partial" / "half").write_bytes(b"x")
    prepared(source, tmp_path / "out")
    assert names(tmp_path) == {"source", "out"}
    # Killed between two renames: the old records still count.
    old = planned(source)
    (tmp_path / "out").rename(tmp_path / ".out.replaced")
    (source / "1_mean.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="1_mean"):
        prepare(tmp_path / "out", old, workers=0)
    assert names(tmp_path) == {"source", "out"}
    assert is_prepared(tmp_path / "out", old)
    prepared(source, tmp_path / "out", held_out=("1_*",))
    assert names(tmp_path) == {"source", "out"}


def test_decoding_in_other_processes(source: Path) -> None:
    jobs = [Job((source / f"{i % 3}_mean.png",), 1, "rgb2gray") for i in range(7)]
    expected = [pictures[0] for pictures in decoded(jobs, 0)]
    found = [pictures[0] for pictures in decoded(jobs, 2)]
    np.testing.assert_array_equal(found, expected)
    broken = Job((source / "gone.png",), 1, "rgb2gray")
    for workers in 0, 1:
        *_, error, last = decoded([*jobs, broken, jobs[0]], workers)
        assert isinstance(error, DataError)
        assert "gone.png: no such file" in str(error)
        np.testing.assert_array_equal(last, expected[:1])
