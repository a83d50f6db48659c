r"""By how much tiles differ from the whole image.

    python -m benchmarks.tiles --checkpoint runs/quickstart --data LIVE1 City100 \
      --mirrored City100 --stitched DIV2K_crops --out benchmarks/results

Images of 1024x768 are made of smaller ones: one photograph continued by its mirror
image, and twelve of 256x256 laid side by side. Noise of sigma 25 is added to all. The
differences between the result in tiles and that of the whole image are in steps of 8
bits, before rounding.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import write
from danet_jax.data.images import find_images, read_image, to_float
from danet_jax.evaluation.metrics import psnr
from danet_jax.models import DANet
from danet_jax.restoration.inference import make_restorer
from danet_jax.restoration.tiles import make_tiled_restorer
from danet_jax.training import load_experiment

SETTINGS = [
    *((128, 32), (128, 64)),
    *((256, 0), (256, 16), (256, 32), (256, 64), (256, 128)),
    (512, 64),
]
HEIGHT, WIDTH, PIECE = 768, 1024, 256  # pixels
COLUMNS = [
    *("image", "tile", "overlap", "root mean square", "largest"),
    *("PSNR whole", "PSNR tiles"),
]


def compare(name: str, clean: np.ndarray, model: DANet) -> list[dict[str, Any]]:
    """The lines of one image [H, W, channels]."""
    noise = np.random.default_rng(0).standard_normal(clean.shape, np.float32)
    degraded = (clean + noise * np.float32(25 / 255))[None]
    whole = make_restorer(model)(degraded)
    rows = []
    for tile, overlap in SETTINGS:
        restore = make_tiled_restorer(model, tile=tile, overlap=overlap)
        restored = restore(degraded)
        error = 255 * (restored - whole)
        rows.append(
            {
                "image": f"{name} ({clean.shape[1]}x{clean.shape[0]})",
                "tile": tile,
                "overlap": overlap,
                "root mean square": float(np.sqrt(np.mean(error**2))),
                "largest": float(np.abs(error).max()),
                "PSNR whole": psnr(clean, whole[0]),
                "PSNR tiles": psnr(clean, restored[0]),
            }
        )
    return rows


def mirrored(image: np.ndarray) -> np.ndarray:
    """An image [H, W, C], continued to the right and below as in a mirror: 1024x768."""
    missing = HEIGHT - image.shape[0], WIDTH - image.shape[1]
    return np.pad(image, [*((0, m) for m in missing), (0, 0)], mode="symmetric")


def stitched(pieces: Sequence[np.ndarray]) -> np.ndarray:
    """The first twelve images of 256x256 pixels, four in each of three rows."""
    across = WIDTH // PIECE
    rows = [
        np.concatenate(pieces[start : start + across], axis=1)
        for start in range(0, HEIGHT // PIECE * across, across)
    ]
    return np.concatenate(rows)


def main() -> None:
    """Measures and writes tiles.md and tiles.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, nargs="+", default=[])
    parser.add_argument("--count", type=int, default=1, help="images of each folder")
    parser.add_argument("--mirrored", type=Path, help="folder; its first image is used")
    parser.add_argument("--stitched", type=Path, help="folder of images of 256x256")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    _, model = load_experiment(arguments.checkpoint)

    def read(path: Path) -> np.ndarray:
        return to_float(read_image(path, model.config.channels))

    rows = []
    for folder in arguments.data:
        for path in find_images(folder)[: arguments.count]:
            rows += compare(f"{folder.name}/{path.stem}", read(path), model)
    if arguments.mirrored is not None:
        path = find_images(arguments.mirrored)[0]
        name = f"{arguments.mirrored.name}/{path.stem}, mirrored"
        rows += compare(name, mirrored(read(path)), model)
    if arguments.stitched is not None:
        image = stitched([read(path) for path in find_images(arguments.stitched)[:12]])
        rows += compare(f"{arguments.stitched.name}, stitched", image, model)
    write("tiles", arguments.out, rows, COLUMNS)


if __name__ == "__main__":
    main()
