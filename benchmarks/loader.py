"""Patches a second of the loader: from prepared records and from a folder of images.

    python -m benchmarks.loader --out benchmarks/results

Reads whole batches, as training does: 12 patches of 256x256, flipped, from the
photographs inside scikit-image's wheel (or --data DIR). A core's figure is patches by
second of CPU time, over all threads; a pair is one patch. "times a step" is how many
times what a training step consumes one core reads: a step that takes --step-seconds
for its 12 patches, or else that of configs/quickstart.py, measured here, by its pixels.
"""

import argparse
import dataclasses
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks.timing import interleaved, write
from danet_jax.config import (
    IMAGE_FOLDER,
    PAIRED_FOLDERS,
    DataConfig,
    Dataset,
    load_config,
)
from danet_jax.data.images import read_header
from danet_jax.data.patches import PatchSource
from danet_jax.data.photographs import write_photographs
from danet_jax.data.pipeline import training_batches
from danet_jax.data.planning import plan
from danet_jax.data.prepare import prepare
from danet_jax.data.sources import open_training
from danet_jax.training import devices
from danet_jax.training.step import make_train_step, new_state

BATCH, SIDE = 12, 256
COLUMNS = ["source", "patches/s", "patches/s a core", "times a step"]


def records(dataset: Dataset, source: Path, out: Path, channels: int) -> str:
    """Prepares the patches of a folder, and returns where they are."""
    preparation = plan(
        dataset,
        source,
        crop=SIDE,
        interval=64,
        channels=channels,
        gray="rgb2gray",
        held_out=(),
    )
    prepare(out, preparation, workers=0)
    return str(out)


def cases(folder: Path, work: Path) -> Iterator[tuple[str, int, DataConfig]]:
    """Name, channels and data of each line of the table."""
    jpeg = {"sigma_255": 0.0, "jpeg_quality": 20, "jpeg_quality_range": (10, 40)}
    single = Dataset(name=IMAGE_FOLDER, clean="**/*")
    for kind, channels in ("gray", 1), ("RGB", 3):
        root = records(single, folder, work / kind, channels)
        usual = DataConfig(root=root, crop=SIDE)
        images = DataConfig(root=str(folder), crop=SIDE, interval=64)
        yield f"records, {kind}", channels, usual
        coded = dataclasses.replace(usual, **jpeg)
        yield f"records, JPEG coded, {kind}", channels, coded
        yield f"folder, in memory, {kind}", channels, images
        decoded = dataclasses.replace(images, cache_gib=0.0)
        yield f"folder, decoded anew, {kind}", channels, decoded
    (work / "two").mkdir()
    for name in "a", "b":
        (work / "two" / name).symlink_to(folder.resolve())
    patterns = {"clean": "a/*", "degraded": "b/*"}
    pairs = Dataset(name=PAIRED_FOLDERS, **patterns)
    root = records(pairs, work / "two", work / "pairs", 3)
    data = DataConfig(root=root, crop=SIDE, sigma_255=0.0, **patterns)
    yield "records, RGB pairs", 3, data


def read(source: PatchSource, data: DataConfig, batches: int) -> None:
    """Reads so many batches."""
    found = training_batches(
        source, data, batch_size=BATCH, seed=0, start_step=0, steps=batches
    )
    for batch in found:
        assert batch["clean"].shape[:3] == (BATCH, SIDE, SIDE)


def step_seconds(repeats: int) -> float:
    """Seconds that the quickstart's network needs for the pixels of a batch."""
    config = load_config(Path(__file__).parents[1] / "configs/quickstart.py")
    size, side = config.train.batch_size, config.data.crop
    mesh = devices.make_mesh(size)
    graphdef, state = new_state(config, 100)
    state = devices.replicate(state, mesh)
    step = make_train_step(graphdef, config, 100, mesh)
    patches = np.zeros((size, side, side, config.model.channels), np.uint8)
    batch = devices.split_batch({"clean": patches}, mesh)

    def run() -> None:
        nonlocal state
        state, metrics = step(state, batch)
        jax.block_until_ready(metrics)

    seconds = interleaved({"step": run}, repeats)["step"].wall
    return seconds * BATCH * SIDE**2 / (size * side**2)


def rows(options: argparse.Namespace, work: Path) -> list[dict[str, Any]]:
    """The lines of the table."""
    folder = options.data
    if folder is None:
        write_photographs(work / "photographs")
        folder = work / "photographs/train"
        for path in folder.iterdir():
            if min(read_header(path)[:2]) < SIDE:
                path.unlink()
    every = list(cases(folder, work))
    sides = {
        name: functools.partial(
            read, open_training(data, channels), data, options.batches
        )
        for name, channels, data in every
    }
    times = interleaved(sides, options.repeats)
    step = options.step_seconds or step_seconds(options.repeats)
    found = []
    for name, time in times.items():
        count = options.batches * BATCH
        found.append(
            {
                "source": name,
                "patches/s": count / time.wall,
                "patches/s a core": count / time.cpu,
                "times a step": count / time.cpu / (BATCH / step),
            }
        )
    return found


def main(arguments: list[str] | None = None) -> None:
    """Reads from all sources in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--data", type=Path, help="folder of images instead")
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--step-seconds", type=float, help="for 12 patches of 256x256")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as work:
        write("loader", options.out, rows(options, Path(work)), COLUMNS)


if __name__ == "__main__":
    main()
