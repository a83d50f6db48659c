"""Image files and 8-bit arrays: finding, reading, writing, and the way to floats.

Images are [H, W, C] with row 0 at the top, in the order in which the file stores its
rows (an EXIF orientation is not applied). 8 bits exist only here and in files.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Literal

import numpy as np
from PIL import ExifTags, Image

from danet_jax.atomic import replace_bytes
from danet_jax.checks import ConfigError, DataError, message
from danet_jax.data.luma import LUMA, LUMA_OFFSET

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
)
GRAY_MODES = frozenset(("1", "L", "LA"))  # as Pillow calls them
COLOUR_MODES = frozenset(("RGB", "RGBA", "RGBX", "P", "PA", "CMYK", "YCbCr"))
# Pillow warns above 89 million pixels and refuses twice as many, to protect servers
# from strangers' files. Panoramas and scans are larger, and restored tile by tile.
Image.MAX_IMAGE_PIXELS = None
NO_MEMORY = "does not fit into memory. Cut it into parts, or leave it out."
# Pillow applies the EXIF orientation of a TIFF file, and of no other, as it loads it:
# what undoes each of them.
_UNTURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
Gray = Literal["rgb2gray", "y"]
# What a gray value is made of: an offset, and the weights of red, green and blue.
_WEIGHTS: dict[Gray, tuple[float, ...]] = {
    "rgb2gray": (0, 0.298936021293775, 0.587043074451121, 0.114020904255103),
    "y": (LUMA_OFFSET, *(weight / 255 for weight in LUMA)),
}


def find_images(root: Path, pattern: str = "**/*") -> list[Path]:
    """Returns the sorted image files below a folder that match a glob pattern.

    Hidden files and folders (``._a.png``, ``.cache/``) are passed over, but not links
    that lead nowhere: who reads them is told.

    Args:
        root: folder to look in.
        pattern: as ``Path.glob`` reads it, relative to root.
    Raises:
        DataError: root is missing or no folder, or nothing below it matches.
        ConfigError: the pattern is empty, absolute, or holds ".." or a bare "**".
    """
    root = Path(root)
    check_pattern(pattern)
    looked = f"Looked there for images that match {pattern!r}."
    if not root.is_dir():
        problem = "is not a folder" if root.exists() else "no such folder"
        raise DataError(f"{root}: {problem}. {looked}")
    found = (p for p in root.glob(pattern) if p.suffix.lower() in SUFFIXES)
    seen = (p for p in found if p.is_file() or not p.exists())
    files = sorted(p for p in seen if not _hidden(p.relative_to(root)))
    if not files:
        kinds = " ".join(sorted(SUFFIXES))
        raise DataError(f"{root}: no images. {looked} Known: {kinds}.")
    return files


def check_pattern(pattern: str) -> None:
    """Raises ConfigError unless a glob pattern is one that ``find_images`` takes."""
    parts = PurePath(pattern).parts
    bare = parts[-1:] == ("**",) or any("**" in p for p in parts if p != "**")
    if not parts or PurePath(pattern).is_absolute() or ".." in parts or bare:
        rule = 'be relative, without "..", and hold "**" only as "**/"'
        raise ConfigError(message("images", "pattern", rule, repr(pattern)))


def read_image(path: Path, channels: int, gray: Gray = "rgb2gray") -> np.ndarray:
    """Decodes an 8-bit image file completely.

    Args:
        path: file of any format that Pillow reads.
        channels: 1 for gray. 3 for RGB: gray is repeated, a palette looked up. Alpha is
            dropped.
        gray: what colour becomes with one channel, rounded: "rgb2gray", ``0.2989 R +
            0.5870 G + 0.1140 B``, or "y", ``16 + (65.481 R + 128.553 G + 24.966 B) /
            255``, the luma in its studio range. Files that are gray stay as they are.
    Returns:
        uint8 [H, W, channels].
    Raises:
        DataError: no such file, no image, a truncated one, one that does not fit into
            memory, or not 8 bits a sample.
    Source: MATLAB's ``rgb2gray``, which made the literature's gray sets, and its
        ``rgb2ycbcr``, which the literature on JPEG artifacts uses.
    """
    if channels not in (1, 3):
        raise ValueError(message("read_image", "channels", "be 1 or 3", channels))
    with _decoding(path) as file:
        refusal, turned = depth_refusal(file), _orientation(file)
        file.load()
        file.info.pop("transparency", None)  # convert() warns about some kinds
        mode = "L" if file.mode in GRAY_MODES else "RGB"
        picture = file.convert(mode)
        if turned in _UNTURNED:
            picture = picture.transpose(_UNTURNED[turned])
        pixels = np.asarray(picture)
    if refusal:
        raise DataError(f"{path}: {refusal}")
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], channels, axis=2)
    return gray_of(pixels, gray) if channels == 1 else pixels


def read_header(path: Path) -> tuple[int, int, bool]:
    """Height and width in pixels, and whether there is colour, without decoding.

    Raises:
        DataError: no such file, no image, or not 8 bits a sample.
    """
    with _decoding(path) as file:
        refusal = depth_refusal(file)
        height, width = file.height, file.width
        if _orientation(file) in (5, 6, 7, 8):
            height, width = width, height
        header = height, width, file.mode not in GRAY_MODES
    if refusal:
        raise DataError(f"{path}: {refusal}")
    return header


def refuse_unusable(where: str, errors: Sequence[DataError], count: int) -> None:
    """Raises DataError if there are errors: the first five, and how many of how many.

    Args:
        where: what the message names first.
        errors: one for each image, or pair, that cannot be used.
        count: images, or pairs, in all.
    """
    if errors:
        first = " ".join(map(str, errors[:5]))
        more = f" (and {len(errors) - 5} more)" if len(errors) > 5 else ""
        raise DataError(
            f"{where}: {len(errors)} of {count} images cannot be used. {first}{more}"
        )


def depth_refusal(file: Image.Image) -> str:
    """Why the samples of an opened file cannot be used, or nothing; before it loads."""
    # Pillow hands out the upper 8 of more bits in colour without a word.
    bits = max(
        (_bits(file.format, t[-1]) for t in getattr(file, "tile", ())), default=8
    )
    if bits <= 8 and file.mode in GRAY_MODES | COLOUR_MODES:
        return ""
    got = f"{bits} bits" if bits > 8 else f"mode {file.mode}"
    rule = "must have 8 bits a sample, gray or RGB"
    return f"{rule}; got {got}. Convert it to 8 bits first."


def _bits(kind: str | None, stored: object) -> int:
    """Bits a sample by Pillow's words for how they are stored; 8 may be fewer."""
    if kind == "PPM" and isinstance(stored, tuple):  # ends with the largest value
        return max(int(stored[-1]).bit_length(), 8)
    # In BMP, 16 are those of a whole pixel.
    return 16 if ";16" in str(stored) and kind != "BMP" else 8


def make_folder(path: Path) -> None:
    """Makes a folder, and those above it, unless it exists.

    Raises:
        DataError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path}: cannot be made ({error.strerror}).") from error


def write_png(path: Path, image: np.ndarray) -> None:
    """Writes an image whole as an 8-bit PNG file; floats are clipped and rounded.

    Args:
        path: file to write or replace; its folder must exist.
        image: [H, W, 1 or 3], uint8 or float in [0, 1].
    Raises:
        DataError: the file cannot be written: full disk, no permission, no folder.
        ValueError: another shape, or NaN in the image.
    """
    path = Path(path)
    if image.ndim != 3 or image.shape[2] not in (1, 3) or 0 in image.shape:
        rule = "be [H, W, 1 or 3] and not empty"
        raise ValueError(message("write_png", "image", rule, image.shape))
    pixels = image if image.dtype == np.uint8 else to_uint8(image)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    try:
        replace_bytes(path, buffer.getvalue())
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror}).") from error


def to_float(image: np.ndarray) -> np.ndarray:
    """Returns uint8 values as float32 in [0, 1].

    Raises:
        TypeError: the image is not uint8.
    """
    if image.dtype != np.uint8:
        raise TypeError(message("to_float", "image", "be uint8", image.dtype))
    return image.astype(np.float32) / np.float32(255)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Returns floats, nominally in [0, 1], as uint8: clipped, then rounded.

    Raises:
        TypeError: the image is not floating point.
        ValueError: the image holds NaN.
    """
    if not np.issubdtype(image.dtype, np.floating):
        rule = "be a floating point array"
        raise TypeError(message("to_uint8", "image", rule, image.dtype))
    count = int(np.isnan(image).sum())
    if count:
        got = f"NaN in {count} of {image.size} values"
        raise ValueError(message("to_uint8", "image", "hold numbers", got))
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def gray_of(rgb: np.ndarray, gray: Gray = "rgb2gray") -> np.ndarray:
    """Returns uint8 [H, W, 1] of uint8 RGB [H, W, 3]; ``read_image`` says how."""
    offset, *weights = _WEIGHTS[gray]
    channels = (weight * rgb[..., i : i + 1] for i, weight in enumerate(weights))
    return np.floor(sum(channels) + offset + 0.5).astype(np.uint8)


@contextmanager
def _decoding(path: Path) -> Iterator[Image.Image]:
    """Opens an image file, and words what is wrong with it."""
    try:
        with Image.open(path) as file:
            yield file
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file.") from error
    except MemoryError as error:
        raise DataError(f"{path}: {NO_MEMORY}") from error
    except Exception as error:  # decoders of broken files raise errors of any kind
        text = str(error).replace(f" {str(path)!r}", "")  # Pillow names the file, too
        raise DataError(
            f"{path}: truncated, unreadable or not an image ({text}). "
            "Replace or remove it."
        ) from error


def _orientation(file: Image.Image) -> int:
    """The EXIF orientation that Pillow applies to an opened file; 1: none."""
    if file.format != "TIFF":
        return 1
    return file.getexif().get(ExifTags.Base.Orientation, 1)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
