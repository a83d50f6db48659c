"""What the tests of preparation share: small images, and records made of them."""

from pathlib import Path
from typing import Any

import numpy as np

from danet_jax.config import PAIRED_FOLDERS, Dataset
from danet_jax.data.images import write_png
from danet_jax.data.manifest import Preparation
from danet_jax.data.planning import plan
from danet_jax.data.prepare import prepare

HEIGHT, WIDTH = 9, 11
PAIRS = Dataset(name=PAIRED_FOLDERS, clean="*_mean.png", degraded="*_real.png")
SINGLE = Dataset(name="image_folder", clean="*_mean.png")


def write_pairs(root: Path, count: int = 3, *, channels: int = 1) -> Path:
    """Pairs of images: clean pixels count upwards, degraded are 255 minus clean."""
    root.mkdir(exist_ok=True)
    for number in range(count):
        rows, columns, bands = np.mgrid[0:HEIGHT, 0:WIDTH, 0:channels]
        image = (number * 70 + rows * WIDTH + columns + bands).astype(np.uint8)
        write_png(root / f"{number}_mean.png", image)
        write_png(root / f"{number}_real.png", 255 - image)
    return root


def planned(source: Path, dataset: Dataset = PAIRS, **changes: Any) -> Preparation:
    options: dict[str, Any] = {
        "crop": 4,
        "interval": 3,
        "channels": 1,
        "gray": "rgb2gray",
        "held_out": (),
    }
    return plan(dataset, source, **options | changes)


def prepared(source: Path, out: Path, *arguments: Any, **changes: Any) -> Path:
    prepare(out, planned(source, *arguments, **changes), workers=0)
    return out
