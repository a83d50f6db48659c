"""Photographs that every installation has: those inside scikit-image's wheel.

``python -m danet_jax.data.photographs DIR`` writes them as DIR/train and DIR/test, so
that a first training needs no download, and DIR/noisy.png, one to restore. Test
photographs show nothing that a training photograph shows; the two views of the stereo
pair are both for training. Left out are drawings, tiny and blurred pictures, and two
large ones (retina, hubble_deep_field), whose smooth or dark ground would fill half of
all patches.

Origin and terms, as the docstrings of ``skimage.data`` state them (README.txt beside
the files states none):

- CC0: camera (Lav Varshney), chelsea (Stefan van der Walt), coffee (Rachel Michetti,
  courtesy of Pikolo Espresso Bar), brick, grass and gravel (CC0Textures).
- Public domain: astronaut (NASA), rocket (SpaceX), text (Wikipedia).
- No known copyright restrictions: coins (Brooklyn Museum), ihc (CMMI).
- Middlebury 2014 stereo benchmark, Scharstein et al., GCPR 2014: motorcycle.
- Nothing stated: moon, page. scikit-image distributes them under its own licence, BSD.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from danet_jax.checks import UserError
from danet_jax.config import EvaluationConfig
from danet_jax.data.degrade import noisy
from danet_jax.data.images import make_folder, read_image, to_uint8, write_png

TRAINING = (
    "astronaut.png",
    "brick.png",
    "coffee.png",
    "grass.png",
    "gravel.png",
    "ihc.png",
    "moon.png",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "page.png",
    "text.png",
)
TEST = ("camera.png", "chelsea.png", "coins.png", "rocket.jpg")
TEST_SIDE = 256  # pixels; of the centre of each test photograph
NOISY = "camera.png"  # the test photograph that is also written with noise
SIGMA_255 = 25.0  # of that noise


def write_photographs(out: Path) -> None:
    """Writes out/train/*.png and out/test/*.png, 8-bit gray or RGB as they are.

    Test photographs are cropped to the 256x256 pixels in their middle; out/noisy.png is
    one of them with Gaussian noise. A file that holds the right picture already is left
    alone.

    Raises:
        DataError: a folder or file cannot be written.
    """
    source = Path(skimage.data.__file__).parent
    for folder, names in ("train", TRAINING), ("test", TEST):
        target = Path(out) / folder
        make_folder(target)
        for name in names:
            image = _read(source / name)
            if folder == "test":
                image = _centre(image, TEST_SIDE)
            _write((target / name).with_suffix(".png"), image)
    image = _centre(_read(source / NOISY), TEST_SIDE)
    degraded = to_uint8(noisy(image, EvaluationConfig(), SIGMA_255))
    _write(Path(out) / "noisy.png", degraded)


def _write(path: Path, image: np.ndarray) -> None:
    if not _holds(path, image):
        write_png(path, image)


def _read(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        channels = len(file.getbands())
    return read_image(path, channels)


def _centre(image: np.ndarray, side: int) -> np.ndarray:
    y, x = (max(0, (size - side) // 2) for size in image.shape[:2])
    return image[y : y + side, x : x + side]


def _holds(path: Path, image: np.ndarray) -> bool:
    try:
        return np.array_equal(_read(path), image)
    except (OSError, ValueError):  # missing, or no such picture
        return False


def main(arguments: list[str] | None = None) -> int:
    """Writes the photographs to the folder named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m danet_jax.data.photographs",
        description="Writes the photographs of scikit-image's wheel to DIR.",
    )
    parser.add_argument("out", type=Path, metavar="DIR")
    out = parser.parse_args(arguments).out
    try:
        write_photographs(out)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    counts = f"{len(TRAINING)} photographs in train/, {len(TEST)} in test/"
    print(f"{out}: {counts}, one with noise as noisy.png.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
