"""TIFF files of 16-bit integers and of floats, which Pillow truncates or refuses."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from PIL import ExifTags, Image

from danet_jax.checks import DataError

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_RANGE = (-1.0, 2.0)  # of floats "nominally in [0, 1]": strong noise may go this far
_ORIENTATION, _ICC_PROFILE = 274, 34675  # tags
_TEXTS = (  # not those in which programs store shapes and their names
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.Copyright,
)
_GRAY, _RGB = tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {  # by EXIF orientation
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: x.swapaxes(0, 1)[:, ::-1],
    7: lambda x: x.swapaxes(0, 1)[::-1, ::-1],
    8: lambda x: x.swapaxes(0, 1)[::-1],
}


def is_deep_tiff(path: Path) -> bool:
    """Whether a file is a TIFF of other than 8-bit samples; False for damaged ones.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        if file.read(4) not in _MAGIC:
            return False
    try:
        with tifffile.TiffFile(path) as tiff:
            return tiff.pages.first.bitspersample > 8
    except (tifffile.TiffFileError, IndexError, TypeError, ValueError):
        return False  # Pillow will say what is wrong with it


def deep_tiff_in_colour(path: Path) -> bool:
    """Whether a file for which ``is_deep_tiff`` holds has more than one colour."""
    with tifffile.TiffFile(path) as tiff:
        return tiff.pages.first.photometric == _RGB


def read_deep_tiff(path: Path) -> tuple[np.ndarray, dict[str, bytes]]:
    """Decodes a deep TIFF file, the right way up.

    Returns:
        uint16 or float32 [H, W, 1 to 4]: gray, gray and alpha, RGB, or RGBA; and, if
        there are any, "icc_profile" and "exif": camera, time, author and copyright.
        Floats of 16 and 64 bits become 32.
    Raises:
        DataError: several images, or samples, colours or a compression that this
            package does not know, or floats that do not lie about [0, 1].
        Exception: of any type, if the file is truncated or damaged.
    """
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        _check_page(page, len(tiff.pages))
        extras = {"icc_profile": page.tags.valueof(_ICC_PROFILE), "exif": _exif(page)}
        upright = _UPRIGHT[page.tags.valueof(_ORIENTATION) or 1]
        try:
            pixels = page.asarray()
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            name = tifffile.COMPRESSION(page.compression).name
            raise DataError(
                f"its compression, {name}, needs another package: pip "
                "install imagecodecs. Or save it uncompressed."
            ) from error
    if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and pixels.ndim == 3:
        pixels = np.moveaxis(pixels, 0, -1)
    pixels = upright(pixels.reshape(*pixels.shape[:2], -1))
    pixels = pixels if pixels.dtype == np.uint16 else _floats(pixels)
    return pixels, {name: content for name, content in extras.items() if content}


def deep_tiff(
    pixels: np.ndarray, *, exif: bytes = b"", icc_profile: bytes = b""
) -> bytes:
    """The bytes of a TIFF file, compressed without loss (deflate).

    Args:
        pixels: uint16 or float32 [H, W, 1 to 4]: gray, gray and alpha, RGB, or RGBA.
        exif: as Pillow hands it out, or none; of it, what ``read_deep_tiff`` reads.
        icc_profile: the colour profile, or none.
    """
    found = Image.Exif()
    found.load(exif)
    texts = ((tag, str(found[tag]).encode()) for tag in _TEXTS if tag in found)
    buffer, samples = io.BytesIO(), pixels.shape[2]
    tifffile.imwrite(
        buffer,
        pixels if samples > 1 else pixels[..., 0],
        photometric=_RGB if samples > 2 else _GRAY,
        planarconfig=tifffile.PLANARCONFIG.CONTIG if samples > 1 else None,
        extrasamples=None if samples % 2 else [tifffile.EXTRASAMPLE.UNASSALPHA],
        compression="zlib",
        iccprofile=icc_profile or None,
        metadata=None,
        software=False,
        extratags=[(tag, "s", 0, text, True) for tag, text in texts],
    )
    return buffer.getvalue()


def _exif(page: tifffile.TiffPage) -> bytes:
    """The texts about the photograph as EXIF, or nothing."""
    exif = Image.Exif()
    for tag in _TEXTS:
        text = page.tags.valueof(tag)
        if isinstance(text, str) and text:
            exif[tag] = text
    return exif.tobytes() if len(exif) else b""


def _check_page(page: tifffile.TiffPage, count: int) -> None:
    if count > 1:
        raise DataError(
            f"must hold a single image; got {count} frames. Save them apart."
        )
    kind, bits = page.dtype, page.bitspersample
    # tifffile hands out 9 to 15 bits as uint16, whose lower part they fill.
    whole = kind is not None and kind.itemsize * 8 == bits
    if kind is None or not ((whole and kind == np.uint16) or kind.kind == "f"):
        raise DataError(
            "must have samples of 8 or 16 bits, or floats; got "
            f"{kind if whole else f'{bits} bits'}. Convert it to 16 bits first."
        )
    alpha = page.extrasamples
    known = alpha in ((), (tifffile.EXTRASAMPLE.UNASSALPHA,))
    colours = page.samplesperpixel - len(alpha)
    if not known or (page.photometric, colours) not in ((_GRAY, 1), (_RGB, 3)):
        named = tifffile.PHOTOMETRIC(page.photometric).name
        kinds = (tifffile.EXTRASAMPLE(kind).name for kind in alpha)
        extra = f" and {', '.join(kinds)}" if alpha else ""
        raise DataError(
            "must be gray (MINISBLACK) or RGB, with or without UNASSALPHA; got "
            f"{page.samplesperpixel} samples of {named}{extra}. Convert it first."
        )


def _floats(pixels: np.ndarray) -> np.ndarray:
    pixels = pixels.astype(np.float32)
    least, largest = pixels.min(), pixels.max()
    if not (_RANGE[0] <= least and largest <= _RANGE[1]):  # holds for NaN, too
        raise DataError(
            "must hold floats nominally in [0, 1]; got values from "
            f"{least:g} to {largest:g}. Divide them by what white is."
        )
    return pixels
