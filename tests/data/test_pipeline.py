"""Training batches: complete, repeatable, and equal however they are read."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danet_jax.checks import ConfigError
from danet_jax.config import DataConfig
from danet_jax.data.degrade import jpeg
from danet_jax.data.images import write_png
from danet_jax.data.patches import PatchSource, patch_grid
from danet_jax.data.pipeline import patch_count, training_batches
from danet_jax.data.sources import open_training

WIDTH = 11


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Pairs of images: clean pixels count upwards, degraded are 255 minus clean."""
    for number in range(2):
        rows, columns = np.mgrid[0:9, 0:WIDTH]
        image = (number * 100 + rows * WIDTH + columns).astype(np.uint8)[..., None]
        write_png(tmp_path / f"{number}_mean.png", image)
        write_png(tmp_path / f"{number}_real.png", 255 - image)
    return tmp_path


def config(root: Path, **changes: Any) -> DataConfig:
    changes = {"crop": 4, "interval": 3, "flips": False, **changes}
    return DataConfig(root=str(root), clean="*_mean.png", **changes)


def read(
    images: PatchSource, data: DataConfig, start: int, steps: int, **options: int
) -> list[dict[str, np.ndarray]]:
    options = {"batch_size": 4, "seed": 0, **options}
    return list(
        training_batches(images, data, start_step=start, steps=steps, **options)
    )


def patches(batches: list[dict[str, np.ndarray]]) -> np.ndarray:
    return np.concatenate([batch["clean"] for batch in batches])


def test_patch_grid_by_hand() -> None:
    assert patch_grid(400, 300, crop=256, interval=130) == [(0, 0), (130, 0)]
    assert patch_grid(256, 256, crop=256, interval=130) == [(0, 0)]
    assert patch_grid(5, 5, crop=3, interval=2) == [(0, 0), (0, 2), (2, 0), (2, 2)]
    with pytest.raises(ValueError, match="at least 256 pixels a side; got 255x300"):
        patch_grid(255, 300, crop=256, interval=130)


@settings(derandomize=True, max_examples=50)
@given(st.integers(5, 60), st.integers(5, 60), st.integers(1, 5), st.integers(1, 70))
def test_patch_grid_is_complete(h: int, w: int, crop: int, interval: int) -> None:
    corners = patch_grid(h, w, crop=crop, interval=interval)
    assert corners == [
        (y, x)
        for y in range(h)
        for x in range(w)
        if y % interval == x % interval == 0 and y + crop <= h and x + crop <= w
    ]
    assert corners


def test_an_epoch_holds_every_patch_once(root: Path) -> None:
    data = config(root)
    images = open_training(data, 1)
    assert patch_count(images, data) == 2 * 2 * 3
    expected = {
        images[i].clean[y : y + 4, x : x + 4].tobytes()
        for i in range(2)
        for y, x in patch_grid(9, WIDTH, crop=4, interval=3)
    }
    first, second = (patches(read(images, data, *e)) for e in ((0, 3), (3, 6)))
    for epoch in first, second:
        assert epoch.shape == (12, 4, 4, 1)
        assert {patch.tobytes() for patch in epoch} == expected
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, patches(read(images, data, 0, 3, seed=1)))


@pytest.mark.parametrize("batch_size", [4, 20])
def test_resuming_and_sharing_change_nothing(root: Path, batch_size: int) -> None:
    data = config(root, jitter=True, flips=True)
    images = open_training(data, 1)
    whole = read(images, data, 0, 7, batch_size=batch_size, seed=3)
    assert len(whole) == 7
    resumed = read(images, data, 4, 7, batch_size=batch_size, seed=3)
    np.testing.assert_array_equal(patches(whole[4:]), patches(resumed))
    options = {"batch_size": batch_size, "seed": 3, "process_count": 4}
    parts = [read(images, data, 2, 7, process_index=p, **options) for p in range(4)]
    for step, batch in enumerate(whole[2:]):
        union = np.concatenate([part[step]["clean"] for part in parts])
        np.testing.assert_array_equal(union, batch["clean"])
    assert read(images, data, 7, 7) == []


def test_pairs_move_and_flip_alike(root: Path) -> None:
    data = config(root, degraded="*_real.png", sigma_255=0.0, jitter=True, flips=True)
    images = open_training(data, 1)
    for batch in read(images, data, 0, 20):
        assert batch["clean"].dtype == batch["degraded"].dtype == np.uint8
        np.testing.assert_array_equal(batch["degraded"], 255 - batch["clean"])


def test_flips_and_jitter_reach_everything_they_may(root: Path) -> None:
    """Pixels differ from their neighbours by 1 across and WIDTH down."""
    data = config(root, jitter=True, flips=True)
    images = open_training(data, 1)
    seen = patches(read(images, data, 0, 125)).astype(int)[..., 0]
    across, down = seen[:, 0, 1] - seen[:, 0, 0], seen[:, 1, 0] - seen[:, 0, 0]
    assert set(zip(across, down, strict=True)) == {
        (a, b) for a in (1, -1) for b in (WIDTH, -WIDTH)
    }
    # Rows 0 and 3 and columns 0, 3 and 6 move by up to 1 and stay inside.
    corners = set(seen.min(axis=(1, 2)) % 100)
    assert corners == {y * WIDTH + x for y in range(5) for x in range(8)}


def test_jpeg_patches_have_a_quality_of_their_own(root: Path) -> None:
    options = {"sigma_255": 0.0, "jpeg_quality": 20, "crop": 8}
    data = config(root, jpeg_quality_range=(10, 40), **options)
    images = open_training(data, 1)
    batches, seen = read(images, data, 0, 12), set()
    for batch in batches:
        for clean, degraded in zip(batch["clean"], batch["degraded"], strict=True):
            fits = {q for q in range(10, 41) if (jpeg(clean, q) == degraded).all()}
            assert fits
            seen |= {min(fits)}
    assert len(seen) > 5
    resumed = read(images, data, 7, 12)
    np.testing.assert_array_equal(
        [batch["degraded"] for batch in batches[7:]],
        [batch["degraded"] for batch in resumed],
    )
    (batch,) = read(images, config(root, **options), 0, 1)
    np.testing.assert_array_equal(batch["degraded"][2], jpeg(batch["clean"][2], 20))


def test_the_batch_must_be_shared_evenly(root: Path) -> None:
    data = config(root)
    images = open_training(data, 1)
    with pytest.raises(ConfigError, match="multiple of the number of processes, 3"):
        read(images, data, 0, 1, process_count=3)


def test_closing_ends_the_threads(root: Path) -> None:
    data = config(root)
    batches = training_batches(
        open_training(data, 1), data, batch_size=4, seed=0, start_step=0, steps=10**6
    )
    assert isinstance(batches, Iterator)
    next(batches)
    readers = [t for t in threading.enumerate() if t.name.startswith("grain")]
    assert readers
    batches.close()  # type: ignore[attr-defined]
    for reader in readers:
        reader.join(timeout=10)
    assert not any(reader.is_alive() for reader in readers)


def test_an_abandoned_iterator_is_silent_at_exit(root: Path) -> None:
    program = (
        "from danet_jax.config import DataConfig\n"
        "from danet_jax.data.pipeline import training_batches\n"
        "from danet_jax.data.sources import open_training\n"
        f"data = DataConfig(root={str(root)!r}, crop=4)\n"
        "batches = training_batches(open_training(data, 1), data, batch_size=2,\n"
        "                           seed=0, start_step=0, steps=10**9)\n"
        "next(batches)\n"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
