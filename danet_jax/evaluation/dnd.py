"""DND, the Darmstadt noise data set: what its server takes; the truth is only there."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from danet_jax.checks import DataError
from danet_jax.data.images import make_folder
from danet_jax.data.listing import find_file
from danet_jax.data.matlab import cell, check_array, check_cell, read_mat, write_mat
from danet_jax.evaluation.sidd import check_picture
from danet_jax.restoration.inference import Restorer

FOLDER = "bundled"
_VERSION = "1.0"
_ADVICE = (
    "Download Benchmark data from https://noise.visinf.tu-darmstadt.de/downloads; DIR "
    "is the folder of info.mat and images_srgb."
)


@dataclasses.dataclass(frozen=True)
class DndLayout:
    """How many boxes there are; tests have fewer and smaller ones."""

    images: int = 50
    boxes: int = 20  # of each image
    side: int = 512  # pixels


DND = DndLayout()


def export_dnd(
    restore: Restorer,
    data: Path,
    out: Path,
    about: Mapping[str, str],
    layout: DndLayout = DND,
) -> Path:
    """Restores the boxes of images_srgb and writes what the server takes.

    Each image's file in OUT/bundled, 0001.mat to 0050.mat, holds Idenoised, a cell of 1
    x boxes of single precision, clipped to [0, 1] and not rounded, as the noisy images
    are not; israw, false; and eval_version, "1.0".

    Args:
        restore: a restorer of RGB images; see make_restorer.
        data: folder of info.mat and images_srgb; of both versions of .mat files.
        out: folder to write into; it is made if need be.
        about: unused: the server asks for the method's name on its page.
        layout: of the boxes.
    Returns:
        The folder of the bundle.
    Raises:
        DataError: a file that cannot be read or written, or lacks what is needed.
    Source: the DND submission kit of Plötz and Roth, Benchmarking denoising algorithms
        with real photographs, 2017 (denoise_srgb, bundle_submissions_srgb): boxes are
        rows [y0, x0, y1, x1], counted from 1, ends included.
    """
    boxes = _read_boxes(find_file(data, "info.mat", _ADVICE), layout)
    make_folder(out / FOLDER)
    for index in tqdm(range(layout.images), "restoring", leave=False, disable=None):
        path = data / "images_srgb" / _name(index)
        noisy = _read_image(path)
        crops = [_crop(path, noisy, box, layout) for box in boxes[index]]
        restored = [np.clip(restore(crop[None])[0], 0, 1) for crop in crops]
        variables = {
            "Idenoised": cell(restored, (1, layout.boxes)),
            "israw": False,
            "eval_version": _VERSION,
        }
        write_mat(out / FOLDER / _name(index), variables)
    return out / FOLDER


def check_dnd(folder: Path, layout: DndLayout = DND) -> str:
    """Checks that a folder is a bundle that DND's server takes.

    Returns:
        What it holds, in a few words.
    Raises:
        DataError: what does not fit, and what is expected.
    """
    wanted = {_name(index) for index in range(layout.images)}
    found = {path.name for path in folder.glob("[!.]*")}
    if found != wanted:
        odd = sorted(found ^ wanted)[0]
        verb = "lacks" if odd in wanted else "holds also"
        rule = f"must hold {_name(0)} to {_name(layout.images - 1)} and nothing else"
        raise DataError(f"{folder}: {rule}; it {verb} {odd}.")
    for name in sorted(wanted):
        _check_bundled(folder / name, layout)
    return f"{layout.images} images of {layout.boxes} boxes"


def _check_bundled(path: Path, layout: DndLayout) -> None:
    found = read_mat(path, "Idenoised", "israw", "eval_version")
    cells, wanted = found["Idenoised"], (1, layout.boxes)
    check_cell(path, "Idenoised", cells, wanted)
    for index, image in enumerate(cells[0]):
        shape = (layout.side, layout.side, 3)
        check_picture(path, f"Idenoised{{{index + 1}}}", image, shape)
    raw, version = np.asarray(found["israw"]), found["eval_version"]
    if raw.size != 1 or raw.item() != 0:
        raise DataError(f"{path}: israw must be false, for sRGB; got {raw!r}.")
    if not isinstance(version, str) or version != _VERSION:
        rule = f'eval_version must be the text "{_VERSION}"'
        raise DataError(f"{path}: {rule}; got {version!r}.")


def _name(index: int) -> str:
    return f"{index + 1:04d}.mat"


def _read_boxes(path: Path, layout: DndLayout) -> list[np.ndarray]:
    """Each image's boxes, whole numbers [boxes, 4]."""
    info: Any = read_mat(path, "info")["info"]
    if not isinstance(info, dict) or "boundingboxes" not in info:
        got = ", ".join(info) if isinstance(info, dict) else "no struct"
        rule = f"must hold info.boundingboxes, {layout.images} arrays"
        raise DataError(f"{path}: {rule}; info holds {got}.")
    arrays = info["boundingboxes"]
    check_cell(path, "info.boundingboxes", arrays, (layout.images,))
    for index, array in enumerate(arrays):
        name = f"info({index + 1}).boundingboxes"
        check_array(path, name, array, (layout.boxes, 4))
    return [np.rint(array).astype(int) for array in arrays]


def _read_image(path: Path) -> np.ndarray:
    """The noisy image, float32 [H, W, 3]."""
    image = read_mat(path, "InoisySRGB")["InoisySRGB"]
    check_array(path, "InoisySRGB", image, ("H", "W", 3), "single", "double")
    if not np.isfinite(image).all():
        raise DataError(f"{path}: InoisySRGB must be finite; it holds NaN or infinity.")
    return np.asarray(image, np.float32)


def _crop(
    path: Path, image: np.ndarray, box: np.ndarray, layout: DndLayout
) -> np.ndarray:
    top, left, bottom, right = map(int, box)
    height, width = image.shape[:2]
    inside = min(top, left) >= 1 and bottom <= height and right <= width
    size = bottom - top + 1, right - left + 1
    if not inside or size != (layout.side, layout.side):
        raise DataError(
            f"{path}: a box of info.mat must be {layout.side} pixels a side and lie "
            f"within its {height}x{width} pixels; got {box.tolist()}."
        )
    return np.ascontiguousarray(image[top - 1 : bottom, left - 1 : right])
