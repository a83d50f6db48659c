"""Image files read and written as they are: colour or gray, alpha, profile and format.

``data.images`` reads what a network trains on; here nothing of a file may be lost.
"""

import contextlib
import dataclasses
import errno
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps

from danet_jax.atomic import replace_bytes
from danet_jax.checks import DataError
from danet_jax.data.images import (
    COLOUR_MODES,
    GRAY_MODES,
    NO_MEMORY,
    depth_refusal,
)
from danet_jax.restoration.deep_png import (
    deep_png,
    is_deep_png,
    read_deep_png,
    samples_of,
)
from danet_jax.restoration.deep_tiff import (
    deep_tiff,
    deep_tiff_in_colour,
    is_deep_tiff,
    read_deep_tiff,
)

_ALPHA_FORMATS = frozenset(("PNG", "TIFF", "WEBP"))
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},  # 0: colour at full resolution, 4:4:4
    "WEBP": {"lossless": True, "exact": True},  # also below full transparency
}
_DEEP = {  # formats that hold samples of such a type, and what to write
    "uint16": (("PNG", "TIFF"), ".png or .tif"),
    "float32": (("TIFF",), ".tif"),
}
_DIRECTORIES = {ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo}
_ABOUT = _DIRECTORIES | {  # tags that say nothing of how a TIFF file is stored
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.XResolution,
    ExifTags.Base.YResolution,
    ExifTags.Base.ResolutionUnit,
    ExifTags.Base.Software,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.Copyright,
}
_STEPS = 3688  # sum of JPEG's usual table of luma, which is that of quality 50
_DISK_ERRORS = frozenset(
    (errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EPERM, errno.EROFS)
)


class DiskError(DataError):
    """A file that cannot be written, for a reason that others will meet as well."""


@dataclasses.dataclass(frozen=True, eq=False)
class Photograph:
    """An image file's content, the right way up."""

    pixels: np.ndarray  # uint8, uint16 or float32 [H, W, 1 or 3]
    alpha: np.ndarray | None  # [H, W, 1] of the same type
    format: str  # as Pillow calls it
    extras: dict[str, Any]  # colour profile and EXIF


class Head(NamedTuple):
    """What the head of an image file says."""

    format: str  # as Pillow calls it
    colour: bool  # whether it holds colours
    jpeg_quality: int = 0  # 1 to 100, estimated; 0: no JPEG


def read_head(path: Path) -> Head | None:
    """Reads the head of an image file; None if it cannot be read."""
    with contextlib.suppress(Exception):
        if is_deep_tiff(path):
            return Head("TIFF", deep_tiff_in_colour(path))
        with Image.open(path) as file:
            colour = file.mode in COLOUR_MODES
            if is_deep_png(file):  # Pillow has no mode for 16-bit gray with alpha
                colour = samples_of(file).startswith("RGB")
            tables = getattr(file, "quantization", None)
            quality = _quality(tables[0]) if tables else 0
            return Head(_known_format(file), colour, quality)
    return None


def _quality(table: Sequence[int]) -> int:
    """The quality whose table of quantisation is as coarse as this one of luma.

    Below 25, where entries end at 255, it is told too high.

    Source: the scale of the Independent JPEG Group's encoder, ``jcparam.c``.
    """
    percent = 100 * sum(table) / _STEPS
    quality = 5000 / percent if percent > 100 else 100 - percent / 2
    return min(max(round(quality), 1), 100)


def read_photograph(path: Path) -> Photograph:
    """Decodes an image file; a palette is looked up, an EXIF orientation applied.

    PNG and TIFF may have 16 bits a sample; TIFF may hold floats, nominally in [0, 1].

    Raises:
        DataError: no such file, no image, a truncated one, one that does not fit into
            memory, several frames, or samples of another kind.
    """
    try:
        return _read_tiff(path) if is_deep_tiff(path) else _read_by_pillow(path)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file.") from error
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except MemoryError as error:
        raise DataError(f"{path}: {NO_MEMORY}") from error
    except Exception as error:  # decoders of broken files raise errors of any kind
        raise DataError(
            f"{path}: truncated, unreadable or not an image ({error})."
        ) from error


def write_photograph(path: Path, photograph: Photograph) -> None:
    """Writes an image file whole, and the folders that it needs.

    JPEG is written at quality 95, 4:4:4; WebP without loss.

    Args:
        path: file to write or replace.
        photograph: what to write; ``format`` decides, not the name of the file.
    Raises:
        DataError: the file cannot be written, its format cannot hold the image, or what
            is to be written does not fit into memory; as DiskError, the disk is full or
            the folder closed.
    """
    check_format(path, photograph)
    try:
        content = _encode(photograph)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(path, content)
    except MemoryError as error:
        raise DataError(f"{path}: {NO_MEMORY}") from error
    except (OSError, ValueError, KeyError) as error:
        disk = isinstance(error, OSError) and error.errno in _DISK_ERRORS
        kind_of_error = DiskError if disk else DataError
        raise kind_of_error(f"{path}: cannot be written ({error}).") from error


def check_format(path: Path, photograph: Photograph) -> None:
    """Checks that a photograph's format can hold it.

    Args:
        path: the file to write, which errors name.
        photograph: what to write.
    Raises:
        DataError: too few colours or bits, or no transparency.
    """
    kind, dtype = photograph.format, photograph.pixels.dtype
    if kind == "GIF":
        raise DataError(f"{path}: GIF holds too few colours. Write a .png file.")
    if photograph.alpha is not None and kind not in _ALPHA_FORMATS:
        raise DataError(
            f"{path}: transparency would be lost in {kind}. Write a .png file."
        )
    deep, suffixes = _DEEP.get(dtype.name, ((kind,), ""))
    if kind not in deep:
        raise DataError(f"{path}: {kind} cannot hold {dtype}. Write a {suffixes} file.")


def _read_by_pillow(path: Path) -> Photograph:
    with Image.open(path) as file:
        deep = is_deep_png(file)
        refusal = _refusal(file, deep)
        if refusal:
            raise DataError(refusal)
        exif = _exif_of_tiff(file) if file.format == "TIFF" else {}
        file.load()
        picture = ImageOps.exif_transpose(file)
        if "Raw profile type exif" in file.info:
            exif = _exif_of_text(file)
        pixels = read_deep_png(path) if deep else _pixels(file, picture)
    kept = ("exif",) if file.mode == "CMYK" else ("exif", "icc_profile")
    extras = {name: picture.info[name] for name in kept if name in picture.info} | exif
    return _photograph(pixels, _known_format(file), extras)


def _exif_of_tiff(file: Image.Image) -> dict[str, Any]:
    """What an opened TIFF file says besides how it is stored, as EXIF of any format."""
    with contextlib.suppress(Exception):  # tags of damaged or odd kinds
        found, exif = file.getexif(), Image.Exif()
        for tag in _ABOUT.intersection(found):
            exif[tag] = found.get_ifd(tag) if tag in _DIRECTORIES else found[tag]
        if len(exif):
            return {"exif": exif.tobytes()}
    return {}


def _exif_of_text(file: Image.Image) -> dict[str, Any]:
    """The EXIF that older programs wrote as text into a PNG file, which is turned."""
    with contextlib.suppress(Exception):  # damaged
        exif = file.getexif()
        exif.pop(ExifTags.Base.Orientation, None)
        return {"exif": exif.tobytes()}
    return {}


def _pixels(file: Image.Image, picture: Image.Image) -> np.ndarray:
    """The pixels of a loaded file that was turned the right way up as a picture."""
    gray, transparent = file.mode in GRAY_MODES, file.has_transparency_data
    if file.mode == "1":
        picture = picture.convert("L")
    mode = ("L" if gray else "RGB") + ("A" if transparent else "")
    return np.asarray(picture.convert(mode))


def _read_tiff(path: Path) -> Photograph:
    pixels, extras = read_deep_tiff(path)
    return _photograph(pixels, "TIFF", extras)


def _photograph(pixels: np.ndarray, kind: str, extras: dict[str, Any]) -> Photograph:
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    colours = pixels.shape[2] - (pixels.shape[2] + 1) % 2
    alpha = pixels[..., colours:] if pixels.shape[2] > colours else None
    return Photograph(pixels[..., :colours], alpha, kind, extras)


def _known_format(file: Image.Image) -> str:
    # MPO is a JPEG file with further views in it.
    return "JPEG" if file.format == "MPO" else file.format or "PNG"


def _encode(photograph: Photograph) -> bytes:
    pixels, kind, extras = photograph.pixels, photograph.format, photograph.extras
    if photograph.alpha is not None:
        pixels = np.concatenate([pixels, photograph.alpha], axis=2)
    if pixels.dtype != np.uint8:
        return (deep_png if kind == "PNG" else deep_tiff)(pixels, **extras)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **(extras | _SAVE_OPTIONS.get(kind, {})))
    return buffer.getvalue()


def _refusal(file: Image.Image, deep: bool) -> str:
    """Why an opened file cannot be restored without loss, or nothing."""
    frames = getattr(file, "n_frames", 1)
    if frames > 1 and file.format != "MPO":
        return f"must hold a single image; got {frames} frames. Save them apart."
    return "" if deep else depth_refusal(file)
