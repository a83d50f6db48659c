"""Training on prepared records, and on JPEG, from end to end."""

import json
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from danet_jax.config import IMAGE_FOLDER, Dataset, ExperimentConfig
from danet_jax.data.degrade import jpeg
from danet_jax.data.images import read_image, to_float
from danet_jax.data.planning import plan
from danet_jax.data.prepare import prepare
from danet_jax.evaluation.metrics import psnr
from danet_jax.training import train
from tests.training.snapshots import latest_state

Tiny = Callable[..., ExperimentConfig]
PLAIN = {"model.block": "conv", "model.recurrent_offsets": False}
JPEG = {"data.sigma_255": 0.0, "data.jpeg_quality": 20}


def prepared(photographs: Path, out: Path) -> dict[str, str]:
    dataset = Dataset(name=IMAGE_FOLDER, clean="**/*")
    made = plan(
        dataset,
        photographs / "train",
        crop=8,
        interval=8,
        channels=1,
        gray="rgb2gray",
        held_out=(),
    )
    prepare(out, made, workers=0)
    return {"data.root": str(out)}


def test_training_on_records_is_training_on_their_images(
    tiny: Tiny, photographs: Path, tmp_path: Path
) -> None:
    root = prepared(photographs, tmp_path / "out")
    changes = {**PLAIN, "train.steps": 4}
    train(tiny(**changes), tmp_path / "folder")
    train(tiny(**changes, **root), tmp_path / "records")
    states = [latest_state(tmp_path / name) for name in ("folder", "records")]
    jax.tree.map(np.testing.assert_array_equal, *states)


def test_jpeg_is_validated_as_it_is_trained(
    tiny: Tiny, photographs: Path, tmp_path: Path
) -> None:
    quality = {**JPEG, "data.jpeg_quality_range": (10, 40)}
    train(tiny(**PLAIN, **quality, **{"train.steps": 2}), tmp_path)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    (record,) = [one for one in map(json.loads, lines) if one["kind"] == "validation"]
    clean = read_image(photographs / "test/3.png", 1)
    expected = psnr(to_float(clean), to_float(jpeg(clean, 20)))
    assert record["psnr_degraded_db"] == expected
