"""Image files read and written as they are: colour or gray, alpha, profile and format.

``data.images`` reads what a network trains on; here nothing of a file may be lost.
"""

import contextlib
import dataclasses
import errno
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from danet_jax.checks import DataError
from danet_jax.data.images import COLOUR_MODES, GRAY_MODES, depth_refusal

_ALPHA_FORMATS = frozenset(("PNG", "TIFF", "WEBP"))
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},  # 0: colour at full resolution, 4:4:4
    "WEBP": {"lossless": True, "exact": True},  # also below full transparency
}
_DISK_ERRORS = frozenset(
    (errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EPERM, errno.EROFS)
)


class DiskError(DataError):
    """A file that cannot be written, for a reason that others will meet as well."""


@dataclasses.dataclass(frozen=True, eq=False)
class Photograph:
    """An image file's content, the right way up."""

    pixels: np.ndarray  # uint8 [H, W, 1 or 3]
    alpha: np.ndarray | None  # uint8 [H, W, 1]
    format: str  # as Pillow calls it
    extras: dict[str, Any]  # colour profile and EXIF


def in_colour(path: Path) -> bool:
    """Whether a file holds colours, by its head; False if it cannot be read."""
    with contextlib.suppress(Exception), Image.open(path) as file:
        return file.mode in COLOUR_MODES
    return False


def read_photograph(path: Path) -> Photograph:
    """Decodes an 8-bit image file; a palette is looked up, an EXIF orientation applied.

    Raises:
        DataError: no such file, no image, a truncated one, several frames, or not 8
            bits a sample.
    """
    try:
        with Image.open(path) as file:
            refusal = _refusal(file)
            file.load()
            picture, kind = ImageOps.exif_transpose(file), file.format or "PNG"
            gray, transparent = file.mode in GRAY_MODES, file.has_transparency_data
            if file.mode == "1":
                picture = picture.convert("L")
            mode = ("L" if gray else "RGB") + ("A" if transparent else "")
            pixels = np.asarray(picture.convert(mode))
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file.") from error
    except Exception as error:  # decoders of broken files raise errors of any kind
        raise DataError(
            f"{path}: truncated, unreadable or not an image ({error})."
        ) from error
    if refusal:
        raise DataError(f"{path}: {refusal}")
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    colours = 1 if gray else 3
    alpha = pixels[..., colours:] if transparent else None
    kept = ("exif",) if file.mode == "CMYK" else ("exif", "icc_profile")
    extras = {name: picture.info[name] for name in kept if name in picture.info}
    kind = "JPEG" if kind == "MPO" else kind  # a JPEG file with further views in it
    return Photograph(pixels[..., :colours], alpha, kind, extras)


def write_photograph(path: Path, photograph: Photograph) -> None:
    """Writes an image file, and the folders that it needs.

    JPEG is written at quality 95, 4:4:4; WebP without loss.

    Args:
        path: file to write or replace.
        photograph: what to write; ``format`` decides, not the name of the file.
    Raises:
        DataError: the file cannot be written, or its format cannot hold the image; as
            DiskError, the disk is full or the folder closed.
    """
    pixels, kind = photograph.pixels, photograph.format
    if kind == "GIF":
        raise DataError(f"{path}: GIF holds too few colours. Write a .png file.")
    if photograph.alpha is not None:
        if kind not in _ALPHA_FORMATS:
            raise DataError(
                f"{path}: transparency would be lost in {kind}. Write a .png file."
            )
        pixels = np.concatenate([pixels, photograph.alpha], axis=2)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    options = photograph.extras | _SAVE_OPTIONS.get(kind, {})
    buffer = io.BytesIO()
    partial = path.with_name(f".{path.name}.part")  # so that no half file is left
    try:
        picture.save(buffer, kind, **options)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(buffer.getvalue())
        partial.replace(path)
    except (OSError, ValueError, KeyError) as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        disk = isinstance(error, OSError) and error.errno in _DISK_ERRORS
        kind_of_error = DiskError if disk else DataError
        raise kind_of_error(f"{path}: cannot be written ({error}).") from error


def _refusal(file: Image.Image) -> str:
    """Why an opened file cannot be restored without loss, or nothing."""
    frames = getattr(file, "n_frames", 1)
    if frames > 1 and file.format != "MPO":
        return f"must hold a single image; got {frames} frames. Save them apart."
    return depth_refusal(file)
