"""Sheets of pictures: a title, rows of captioned panels, and a bar of colours."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from danet_jax.checks import message
from danet_jax.data.images import to_uint8

_MARGIN, _GAP = 28, 16  # pixels
_PANEL = 300  # pixels; smaller panels are magnified to about this width
_LARGEST = 480  # and larger ones reduced
_TITLE, _ROW, _TEXT = 28, 19, 16  # sizes of type in pixels
_INK, _FAINT = (24, 24, 27), (102, 102, 112)
_BAR = 220, 14  # pixels
# Anchors of matplotlib's "inferno", from dark to light, equally far apart.
_ANCHORS = bytes.fromhex(
    "000004 1b0c41 4a0c6b 781c6d a52c60 cf4446 ed6925 fb9b06 f7d13d fcffa4"
)


class Panel(NamedTuple):
    """A picture with a line or two below it."""

    image: np.ndarray  # uint8 [H, W, 3]
    caption: str


class Row(NamedTuple):
    """Panels beside each other below a heading; None leaves a place free."""

    heading: str
    panels: Sequence[Panel | None]


class Bar(NamedTuple):
    """What the colours of ``colours`` stand for."""

    low: float
    high: float
    name: str


def sheet(
    title: str, text: str, rows: Sequence[Row], *, bar: Bar | None = None
) -> np.ndarray:
    """Draws a sheet.

    Args:
        title: a line at its top.
        text: what is to be seen; it is broken into lines.
        rows: all panels are fitted into one size, that of the first one.
        bar: the scale of the colours, if there is one.
    Returns:
        uint8 [H, W, 3].
    Raises:
        ValueError: there is no panel.
    """
    shapes = [p.image.shape for row in rows for p in row.panels if p is not None]
    if not shapes:
        raise ValueError(message("sheet", "rows", "hold a panel", len(rows)))
    width, height = _fitted(shapes[0][1], shapes[0][0])
    columns = max(len(row.panels) for row in rows)
    inner = max(columns * (width + _GAP) - _GAP, 2 * _PANEL)
    parts = [_lines(title, inner, _TITLE, _INK), _lines(text, inner, _TEXT, _FAINT)]
    for row in rows:
        parts.append(_blank(_GAP // 2, inner))
        parts.append(_lines(row.heading, inner, _ROW, _INK))
        parts.append(_panels(row.panels, width, height, inner))
    if bar is not None:
        parts.append(_drawn_bar(bar, inner))
    spaced = [part for each in parts for part in (each, _blank(_GAP // 2, inner))]
    whole = np.concatenate([part for part in spaced if len(part)])
    border = (_MARGIN, _MARGIN)
    return np.pad(whole, (border, border, (0, 0)), constant_values=255)


def colours(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Shows numbers as colours from black over red to light yellow ("inferno").

    Args:
        values: [H, W].
        low: what is black, as is all below.
        high: what is lightest, as is all above; more than low.
    Returns:
        uint8 [H, W, 3].
    """
    anchors = np.frombuffer(_ANCHORS, np.uint8).reshape(-1, 3)
    place = np.clip((values - low) / (high - low), 0, 1) * (len(anchors) - 1)
    steps = np.arange(len(anchors))
    channels = [np.interp(place, steps, channel) for channel in anchors.T]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def grays(image: np.ndarray) -> np.ndarray:
    """An image [H, W, 1 or 3], clipped to [0, 1], as uint8 [H, W, 3]."""
    pixels = to_uint8(image)
    return pixels.repeat(3 // pixels.shape[2], axis=2)


def enlarged(values: np.ndarray, factor: int, height: int, width: int) -> np.ndarray:
    """Repeats pixels [h, w, ...] and cuts the result to a size."""
    large = values.repeat(factor, axis=0).repeat(factor, axis=1)
    return large[:height, :width]


def _fitted(width: int, height: int) -> tuple[int, int]:
    """The size at which a panel is shown: whole magnifications, or reduced."""
    factor = float(max(round(_PANEL / width), 1))
    if factor * max(width, height) > _LARGEST:
        factor = min(_LARGEST / max(width, height), factor)
    return max(round(factor * width), 1), max(round(factor * height), 1)


def _resized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    larger = width >= image.shape[1]
    way = Image.Resampling.NEAREST if larger else Image.Resampling.BOX
    return np.asarray(Image.fromarray(image).resize((width, height), way))


def _panels(
    panels: Sequence[Panel | None], width: int, height: int, inner: int
) -> np.ndarray:
    """One row [h, inner, 3] of pictures and their captions."""
    cells = []
    captions = [
        _lines(panel.caption if panel else "", width, _TEXT, _INK) for panel in panels
    ]
    tallest = max(len(caption) for caption in captions)
    for panel, caption in zip(panels, captions, strict=True):
        picture = _blank(height, width)
        if panel is not None:
            picture = _resized(panel.image, width, height)
        below = _blank(tallest - len(caption), width)
        parts = [picture, _blank(_GAP // 4, width), caption, below]
        cells.append(np.concatenate(parts))
    space = _blank(len(cells[0]), _GAP)
    row = np.concatenate([part for cell in cells for part in (cell, space)], axis=1)
    row = row[:, :-_GAP]
    rest = ((0, 0), (0, inner - row.shape[1]), (0, 0))
    return np.pad(row, rest, constant_values=255)


def _drawn_bar(bar: Bar, inner: int) -> np.ndarray:
    """A strip [h, inner, 3]: the name, the lowest value, the colours, the highest."""
    width, height = _BAR
    font = ImageFont.load_default(_TEXT)
    low, high = f"{bar.name}   {bar.low:.3g}", f"{bar.high:.3g}"
    ramp = colours(np.linspace(0, 1, width)[None].repeat(height, axis=0), 0, 1)
    strip = Image.new("RGB", (inner, 2 * height), "white")
    draw = ImageDraw.Draw(strip)
    start = round(font.getlength(low)) + 10
    draw.text((0, height), low, fill=_INK, font=font, anchor="lm")
    strip.paste(Image.fromarray(ramp), (start, height // 2))
    end = (start + width + 10, height)
    draw.text(end, high, fill=_INK, font=font, anchor="lm")
    return np.asarray(strip)


def _lines(text: str, width: int, size: int, ink: tuple[int, int, int]) -> np.ndarray:
    """Text broken into lines that fit, [h, width, 3]; none has no height."""
    font = ImageFont.load_default(size)
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    step = round(1.35 * size)
    strip = Image.new("RGB", (width, max(step * len(lines), 1)), "white")
    for i, line in enumerate(lines):
        middle = (0, step * i + step / 2)
        ImageDraw.Draw(strip).text(middle, line, fill=ink, font=font, anchor="lm")
    return np.asarray(strip)[: step * len(lines)]


def _blank(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 255, np.uint8)
