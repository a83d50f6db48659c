"""Training from prepared records: the batches of the folder they were made from."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from danet_jax.checks import ConfigError, DataError
from danet_jax.config import DataConfig
from danet_jax.data.manifest import MANIFEST
from danet_jax.data.pipeline import patch_count, training_batches
from danet_jax.data.prepare import is_prepared
from danet_jax.data.prepared import PreparedPatches
from danet_jax.data.sources import open_training, open_validation
from tests.data.preparing import SINGLE, WIDTH, planned, prepared, write_pairs


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("source") / "pairs")


@pytest.fixture(scope="module")
def pairs(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(source, tmp_path_factory.mktemp("pairs") / "out")


@pytest.fixture(scope="module")
def singles(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("singles") / "out"
    return prepared(source, out, SINGLE, held_out=("1_mean",))


def pairs_config(root: Path, **changes: Any) -> DataConfig:
    usual = {"crop": 4, "interval": 3, "sigma_255": 0.0}
    usual |= {"clean": "*_mean.png", "degraded": "*_real.png"}
    return DataConfig(root=str(root), **usual | changes)


def singles_config(root: Path, **changes: Any) -> DataConfig:
    usual = {"crop": 4, "interval": 3, "clean": "*_mean.png", "held_out": ("1_mean",)}
    return DataConfig(root=str(root), **usual | changes)


def read(
    data: DataConfig, start: int, steps: int, **options: int
) -> list[dict[str, np.ndarray]]:
    options = {"batch_size": 4, "seed": 3, **options}
    images = open_training(data, 1)
    return list(
        training_batches(images, data, start_step=start, steps=steps, **options)
    )


def assert_equal(some: list[dict[str, np.ndarray]], others: Any) -> None:
    assert [batch.keys() for batch in some] == [batch.keys() for batch in others]
    for one, other in zip(some, others, strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize("flips", [False, True])
def test_batches_are_those_of_the_folder(
    source: Path, pairs: Path, singles: Path, flips: bool
) -> None:
    for config, root in (pairs_config, pairs), (singles_config, singles):
        records, folder = config(root, flips=flips), config(source, flips=flips)
        assert isinstance(open_training(records, 1), PreparedPatches)
        assert patch_count(open_training(records, 1), records) == patch_count(
            open_training(folder, 1), folder
        )
        assert_equal(read(records, 0, 11), read(folder, 0, 11))


def test_images_and_records_are_counted(pairs: Path, singles: Path) -> None:
    images = open_training(singles_config(singles), 1)
    assert (images.names, images.paired) == (["0_mean", "2_mean"], False)
    images = open_training(pairs_config(pairs), 1)
    assert (len(images.names), images.paired) == (3, True)
    assert patch_count(images, pairs_config(pairs)) == 3 * 2 * 3


@pytest.mark.parametrize("crop", [2, 4])
def test_resuming_and_sharing_change_nothing(pairs: Path, crop: int) -> None:
    data = pairs_config(pairs, crop=crop)
    whole = read(data, 0, 9)
    assert_equal(whole[5:], read(data, 5, 9))  # in the middle of an epoch
    parts = [read(data, 2, 9, process_index=p, process_count=4) for p in range(4)]
    for step, batch in enumerate(whole[2:]):
        for name in "clean", "degraded":
            union = np.concatenate([part[step][name] for part in parts])
            np.testing.assert_array_equal(union, batch[name])


def test_smaller_patches_lie_anywhere_in_a_record(pairs: Path) -> None:
    data = pairs_config(pairs, crop=2)
    batches, corners = read(data, 0, 100), set()
    for batch in batches:
        np.testing.assert_array_equal(batch["degraded"], 255 - batch["clean"])
        corners |= set((batch["clean"].min(axis=(1, 2, 3)) % 70).tolist())
    # Records begin at rows 0 and 3 and columns 0, 3, 6, and leave room for 2 more.
    assert corners == {(y * WIDTH + x) % 70 for y in range(6) for x in range(9)}


def test_held_out_images_come_from_the_source(source: Path, singles: Path) -> None:
    images = open_validation(singles_config(singles), 1)
    assert images is not None
    assert (images.names, images.sizes) == (["1_mean"], [(9, WIDTH)])
    folder = open_validation(singles_config(source), 1)
    assert folder is not None
    np.testing.assert_array_equal(images[0].clean, folder[0].clean)


def test_a_validation_folder_beside_records(source: Path, singles: Path) -> None:
    data = singles_config(singles, validation_root=str(source), held_out=())
    images = open_validation(data, 1)
    assert images is not None
    assert len(images) == 3
    assert len(open_training(data, 1).names) == 2


def test_held_out_images_that_are_gone(tmp_path: Path) -> None:
    source = write_pairs(tmp_path / "source")
    out = prepared(source, tmp_path / "out", SINGLE, held_out=("1_mean",))
    source.rename(tmp_path / "elsewhere")
    match = r"source: no such folder.* Held-out .* --config\.data\.validation_root=DIR$"
    with pytest.raises(DataError, match=match):
        open_validation(singles_config(out), 1)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (
            {"held_out": ()},
            r"held_out=\('1_mean',\), but the config wants \(\)\. Prepare others: "
            r"danet prepare image_folder --source .* --out .*out_held_out --crop 4 ",
        ),
        ({"held_out": ("2*",)}, r"wants \('2\*',\)\. .* --held-out '2\*'$"),
        ({"crop": 5}, r"crop=4, but the config wants 5\. .* --crop 5 .*crop=4$"),
        (
            {"degraded": "*_real.png", "sigma_255": 0.0},
            "hold single images, but the config trains on pairs",
        ),
    ],
)
def test_a_config_that_contradicts_the_records(
    singles: Path, changes: dict[str, Any], match: str
) -> None:
    with pytest.raises(ConfigError, match=match):
        open_training(singles_config(singles, **changes), 1)


def test_gray_records_for_a_network_in_colour(singles: Path) -> None:
    match = r"channels=1, but the config wants 3\. .* --interval 3 --clean '\*_mean"
    with pytest.raises(ConfigError, match=match):
        open_training(singles_config(singles), 3)


def test_another_gray_matters_only_where_there_was_colour(
    singles: Path, tmp_path: Path
) -> None:
    wanted = {"gray": "y", "sigma_255": 0.0, "jpeg_quality": 20}
    open_training(singles_config(singles, **wanted), 1)
    source = write_pairs(tmp_path / "colour", channels=3)
    out = prepared(source, tmp_path / "out", SINGLE)
    with pytest.raises(ConfigError, match=r"gray='rgb2gray', .* 'y'\. .* --gray y"):
        open_training(singles_config(out, held_out=(), **wanted), 1)


def test_pairs_for_a_config_of_single_images(pairs: Path) -> None:
    with pytest.raises(ConfigError, match=r"hold pairs of images, .* single images"):
        open_training(singles_config(pairs), 1)


def test_pairs_of_another_set(pairs: Path) -> None:
    match = r"hold the pairs \*_mean.* and \*_real.*, .* on HR/\*\.png and LR/\*\.png\."
    with pytest.raises(ConfigError, match=match):
        other = {"clean": "HR/*.png", "degraded": "LR/*.png"}
        open_training(pairs_config(pairs, **other), 1)


def test_an_image_that_was_changed_meanwhile(tmp_path: Path) -> None:
    source = write_pairs(tmp_path / "images")
    out = prepared(source, tmp_path / "out")
    os.utime(source / "1_real.png", ns=(0, 1))
    match = r"1_real\.png: was changed after .*: danet prepare .* --out .*out "
    with pytest.raises(DataError, match=match):
        open_training(pairs_config(out), 1)
    for path in source.iterdir():  # what is gone altogether was not changed
        path.unlink()
    open_training(pairs_config(out), 1)
    source.rmdir()
    open_training(pairs_config(out), 1)


def test_images_that_were_added_or_removed_meanwhile(tmp_path: Path) -> None:
    source = write_pairs(tmp_path / "images")
    out = prepared(source, tmp_path / "out", SINGLE, held_out=("1_*",))
    data = singles_config(out, held_out=("1_*",))
    (source / "1_mean.png").unlink()  # no part of the records
    (source / "notes.txt").touch()
    open_training(data, 1)
    added, taken = source / "3_mean.png", source / "0_mean.png"
    added.write_bytes(taken.read_bytes())
    with pytest.raises(DataError, match=r"3_mean\.png: was added after .*: danet prep"):
        open_training(data, 1)
    added.unlink()
    taken.unlink()
    with pytest.raises(DataError, match=r"0_mean\.png: was removed after .*: danet pr"):
        open_training(data, 1)


def test_a_partner_that_was_removed_meanwhile(tmp_path: Path) -> None:
    source = write_pairs(tmp_path / "images")
    out = prepared(source, tmp_path / "out")
    (source / "0_real.png").unlink()
    with pytest.raises(DataError, match=r"without a partner: 1.* Prepare them anew"):
        open_training(pairs_config(out), 1)


def shard(out: Path) -> Path:
    (path,) = out.glob("*.array_record-*")
    return path


def test_files_that_are_missing_or_cut_off(source: Path, tmp_path: Path) -> None:
    out = prepared(source, tmp_path / "out")
    whole = shard(out).read_bytes()
    for content in whole[:-100], whole[:40], b"":
        shard(out).write_bytes(content)
        match = r"array_record.*: missing or incomplete: must hold 18 .*; got 0\. Prep"
        with pytest.raises(DataError, match=match):
            open_training(pairs_config(out), 1)
    shard(out).unlink()
    with pytest.raises(DataError, match=r"array_record.*: missing or incomplete"):
        open_training(pairs_config(out), 1)
    (out / "dataset_info.json").unlink()
    with pytest.raises(DataError, match=r"out: lacks its dataset_info\.json"):
        open_training(pairs_config(out), 1)


def test_a_damaged_record_is_named(source: Path, tmp_path: Path) -> None:
    out = prepared(source, tmp_path / "out")
    content = bytearray(shard(out).read_bytes())
    content[1000] ^= 1  # what follows the records is padding
    shard(out).write_bytes(content)
    with pytest.raises(DataError, match=r"out: record \d+ is damaged .*anew"):
        read(pairs_config(out), 0, 5)


def test_a_manifest_that_does_not_fit(source: Path, tmp_path: Path) -> None:
    out = prepared(source, tmp_path / "out")
    text = (out / MANIFEST).read_text()
    (out / MANIFEST).write_text(text.replace('"records": 18', '"records": 19'))
    with pytest.raises(DataError, match=r"json: states 19 records, .* hold 18\."):
        open_training(pairs_config(out), 1)
    for broken in "{", "[]", text.replace('"crop": 4', '"crop": "x"'):
        (out / MANIFEST).write_text(broken)
        with pytest.raises(DataError, match=r"preparation\.json: .*Prepare the rec"):
            open_training(pairs_config(out), 1)


def test_records_of_another_format(source: Path, tmp_path: Path) -> None:
    out = prepared(source, tmp_path / "out")
    text = (out / MANIFEST).read_text()
    (out / MANIFEST).write_text(text.replace('"format": 1,', '"format": 2, "new": 3,'))
    match = (
        r'preparation\.json: "format" must be 1; got 2\. Prepare the records anew\.$'
    )
    with pytest.raises(DataError, match=match):
        open_training(pairs_config(out), 1)
    assert not is_prepared(out, planned(source))
    (out / MANIFEST).write_text(text.replace('"format": 1', '"format": 2'))
    with pytest.raises(DataError, match=match):
        open_training(pairs_config(out), 1)


def test_a_folder_of_images_needs_no_tfds(source: Path) -> None:
    program = (
        "import sys\n"
        "import danet_jax.cli.main\n"
        "from danet_jax.config import DataConfig\n"
        "from danet_jax.data.sources import open_training\n"
        f"open_training(DataConfig(root={str(source)!r}, crop=4), 1)\n"
        "print('tensorflow_datasets' in sys.modules)\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
