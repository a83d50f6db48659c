"""PNG files with 16 bits a sample, of which Pillow hands out the upper 8 in colour."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from danet_jax.checks import DataError

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by samples a pixel: gray, LA, RGB, RGBA
_PAETH = 4  # the number of the filter
_BLOCK_BYTES = 2**20  # of pixels filtered at once, which takes 20 times as many


def is_deep_png(file: Image.Image) -> bool:
    """Whether an opened file that is not loaded yet is a PNG with 16 bits a sample."""
    return file.format == "PNG" and ";16" in samples_of(file)


def read_deep_png(path: Path) -> np.ndarray:
    """Decodes a 16-bit PNG file without loss, the right way up.

    Returns:
        uint16 [H, W, 1 to 4]: gray, gray and alpha, RGB, or RGBA.
    Raises:
        DataError: one colour of the file is declared transparent.
        OSError: the file is truncated or damaged.
    """
    with Image.open(path) as file:
        samples = samples_of(file)
        if "transparency" in file.info:
            raise DataError(
                "must hold transparency as alpha; got a transparent colour of 16 bits. "
                "Convert it to RGBA first."
            )
    if samples == "I;16B":  # gray, which Pillow keeps
        return _decode(path, samples).astype(np.uint16)[..., None]
    if samples == "LA;16B":  # four bytes a pixel, read as if each were a sample
        pairs = _decode(path, "RGBA")
        upper, lower = pairs[..., 0::2], pairs[..., 1::2]
    else:  # of each big-endian sample the first byte, then that of a little-endian one
        upper, lower = (_decode(path, samples[:-1] + order) for order in "BL")
    return upper.astype(np.uint16) << 8 | lower


def deep_png(
    pixels: np.ndarray, *, exif: bytes = b"", icc_profile: bytes = b""
) -> bytes:
    """The bytes of a PNG file with 16 bits a sample.

    Args:
        pixels: uint16 [H, W, 1 to 4]: gray, gray and alpha, RGB, or RGBA.
        exif: as Pillow hands it out, or none.
        icc_profile: likewise.
    Source: the PNG specification, https://www.w3.org/TR/png-3.
    """
    height, width, samples = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 16, _COLOUR_TYPES[samples], 0, 0, 0)
    chunks = [_chunk(b"IHDR", head)]
    if icc_profile:
        chunks.append(_chunk(b"iCCP", b"ICC\0\0" + zlib.compress(icc_profile)))
    if exif:
        chunks.append(_chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")))
    chunks += [_chunk(b"IDAT", _compressed(pixels)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def samples_of(file: Image.Image) -> str:
    """Pillow's name for how the file stores its samples, e.g. "RGB;16B"."""
    tiles = getattr(file, "tile", ())
    return str(tiles[0].args) if tiles else ""


def _decode(path: Path, samples: str) -> np.ndarray:
    """What Pillow reads from a file if told that it stores samples in such a way."""
    with Image.open(path) as file:
        file.tile = [tile._replace(args=samples) for tile in file.tile]
        return np.asarray(ImageOps.exif_transpose(file))


def _compressed(pixels: np.ndarray) -> bytes:
    """Pixels uint16 [H, W, samples], filtered and compressed a few rows at a time."""
    height, width, samples = pixels.shape
    pixel = 2 * samples
    count = max(_BLOCK_BYTES // (pixel * width), 1)
    packer, parts = zlib.compressobj(), []
    above = np.zeros((1, pixel * width), np.uint8)
    for start in range(0, height, count):
        block = pixels[start : start + count].astype(">u2")
        rows = block.reshape(len(block), -1).view(np.uint8)
        parts.append(packer.compress(_filtered(rows, above, pixel).tobytes()))
        above = rows[-1:]
    return b"".join([*parts, packer.flush()])


def _filtered(rows: np.ndarray, above: np.ndarray, pixel: int) -> np.ndarray:
    """Rows of bytes less what Paeth's filter predicts, each after its filter's number.

    Args:
        rows: uint8 [H, bytes of a row].
        above: uint8 [1, bytes of a row], what comes before them.
        pixel: bytes of a pixel.
    """
    known = np.vstack([above, rows]).astype(np.int16)
    known = np.pad(known, ((0, 0), (pixel, 0)))
    left, upper, corner = known[1:, :-pixel], known[:-1, pixel:], known[:-1, :-pixel]
    estimate = left + upper - corner
    to_left, to_upper = abs(estimate - left), abs(estimate - upper)
    to_corner = abs(estimate - corner)
    choose_left = (to_left <= to_upper) & (to_left <= to_corner)
    upper_or_corner = np.where(to_upper <= to_corner, upper, corner)
    predicted = np.where(choose_left, left, upper_or_corner)
    residual = (rows - predicted).astype(np.uint8)  # modulo 256
    return np.pad(residual, ((0, 0), (1, 0)), constant_values=_PAETH)


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)
