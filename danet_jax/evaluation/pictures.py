"""Pictures that compare: labelled panels side by side, and sheets of such rows."""

import math
import sys
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from danet_jax.checks import message
from danet_jax.data.images import to_uint8
from danet_jax.evaluation.evaluate import Panels

Panel = tuple[str, np.ndarray]  # caption, and float [H, W, 1 or 3] in [0, 1]
_WHITE = 255
_MIN_WIDTH = 200  # pixels, for captions to be legible; smaller panels are magnified
_FONT_SIZES = 9, 24  # pixels, smallest and largest


def captioned(panels: Panels, *, degraded: str, baseline: str) -> list[Panel]:
    """Names the pictures of one image, with the PSNR of each over the whole image.

    Args:
        panels: what ``evaluate`` hands to ``on_image``.
        degraded: what to call the degraded image, e.g. "noisy".
        baseline: what to call the baseline's, if there is one.
    """
    row = panels.row
    named: list[Panel] = [(f"{degraded} {row.psnr_degraded:.2f} dB", panels.degraded)]
    if panels.baseline is not None:
        named.append((f"{baseline} {row.psnr_baseline:.2f} dB", panels.baseline))
    named.append((f"restored {row.psnr_restored:.2f} dB", panels.restored))
    return [*named, ("clean", panels.clean)]


def side_by_side(panels: Sequence[Panel]) -> np.ndarray:
    """Puts images of one size beside each other, captions above, white between.

    Args:
        panels: captions and images, [H, W, 1 or 3], floats that are clipped to [0, 1].
    Returns:
        uint8 [H', W', 3]. Images less than 200 pixels wide are magnified, each pixel
        to a square.
    Raises:
        ValueError: no panels, or images of different sizes.
    """
    return comparison_sheet([panels], largest=sys.maxsize)


def comparison_sheet(rows: Sequence[Sequence[Panel]], *, largest: int) -> np.ndarray:
    """Puts rows of ``side_by_side`` below each other.

    All images are cut around their centres to the largest size that they share.

    Args:
        rows: each as ``side_by_side`` takes them, all with as many panels.
        largest: pixels a side to which larger images are cut, too.
    Returns:
        uint8 [H, W, 3].
    Raises:
        ValueError: no panels, rows of unequal length, or images of different sizes
            within a row.
    """
    _check(rows)
    sizes = [image.shape[:2] for row in rows for _, image in row]
    height, width = (min(largest, *side) for side in zip(*sizes, strict=True))
    zoom = math.ceil(_MIN_WIDTH / width)
    gap = max(4, zoom * width // 64)
    font_size = _font_size([text for row in rows for text, _ in row], zoom * width)
    lines = []
    for row in rows:
        pictures = [_prepare(image, height, width, zoom) for _, image in row]
        captions = [_caption(text, zoom * width, font_size) for text, _ in row]
        pairs = zip(captions, pictures, strict=True)
        lines.append(_join([np.concatenate(pair) for pair in pairs], axis=1, gap=gap))
    border = ((0, gap), (gap, gap), (0, 0))
    return np.pad(_join(lines, axis=0, gap=gap), border, constant_values=_WHITE)


def _check(rows: Sequence[Sequence[Panel]]) -> None:
    lengths = {len(row) for row in rows}
    if len(lengths) != 1 or lengths == {0}:
        got = f"rows of {sorted(lengths)} panels"
        rule = "hold rows of equally many panels, at least one"
        raise ValueError(message("pictures", "rows", rule, got))
    for row in rows:
        sizes = [image.shape[:2] for _, image in row]
        if len(set(sizes)) > 1:
            rule = "be of one size within a row"
            raise ValueError(message("pictures", "panels", rule, sizes))


def _prepare(image: np.ndarray, height: int, width: int, zoom: int) -> np.ndarray:
    """The centre of an image as magnified uint8 RGB."""
    top = (image.shape[0] - height) // 2
    left = (image.shape[1] - width) // 2
    pixels = to_uint8(image[top : top + height, left : left + width])
    pixels = pixels.repeat(3 // pixels.shape[2], axis=2)
    return pixels.repeat(zoom, axis=0).repeat(zoom, axis=1)


def _font_size(texts: Sequence[str], width: int) -> int:
    """The largest size of type, in pixels, in which every caption fits its panel."""
    smallest, largest = _FONT_SIZES
    for size in range(min(largest, width // 14), smallest, -1):
        font = ImageFont.load_default(size)
        if max(font.getlength(text) for text in texts) <= width:
            return size
    return smallest


def _caption(text: str, width: int, font_size: int) -> np.ndarray:
    """A white strip [h, width, 3] with a centred line of text."""
    height = round(1.7 * font_size)
    strip = Image.new("RGB", (width, height), "white")
    font = ImageFont.load_default(font_size)
    middle = width / 2, height / 2
    ImageDraw.Draw(strip).text(middle, text, fill="black", font=font, anchor="mm")
    return np.asarray(strip)


def _join(images: Sequence[np.ndarray], *, axis: int, gap: int) -> np.ndarray:
    """Concatenates equal images [H, W, 3] along an axis, with white gaps between."""
    shape = list(images[0].shape)
    shape[axis] = gap
    space = np.full(shape, _WHITE, np.uint8)
    parts = [part for image in images for part in (space, image)]
    return np.concatenate(parts[1:], axis=axis)
