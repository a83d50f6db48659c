"""The figure of sampling locations, dots on cutouts (the paper's Fig. 13)."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from danet_jax.figures.field import (
    Field,
    extent,
    plain,
    reach,
    sampling_locations,
)
from danet_jax.figures.points import Point
from danet_jax.figures.record import Layer, Record
from danet_jax.figures.sheet import Panel, Row, grays, sheet

LEARNED, PLAIN = (255, 138, 20), (0, 170, 255)  # orange and blue: for all eyes
_CUTOUT = 320  # pixels a side of a cutout's picture, about
_TYPE = 15  # pixels
_RADIUS = 3.0  # pixels of a dot
_SHADE = 0.65  # of the image below the dots
_OPACITY = 0.6  # of a dot of full weight, in a field of up to 729
_SHOWN = 0.9  # of the locations that cutouts must hold


class Cutout(NamedTuple):
    """A square part of an image."""

    top: int
    left: int
    side: int
    zoom: int  # pixels of the figure for one of the image


def locations_sheet(records: dict[str, Record], points: Sequence[Point]) -> np.ndarray:
    """Draws from where points are sampled: a row for each network, one for a plain one.

    Networks whose layers have other scales have plain rows of their own.

    Args:
        records: of the same image and as many layers, by the networks' names.
        points: at least one.
    Returns:
        uint8 [H', W', 3].
    """
    image = next(iter(records.values())).restored
    layers = [record.layers for record in records.values()]
    plains = _plain_rows(records)
    names = [*records, *plains]
    fields = [
        [sampling_locations(each, point[:2]) for point in points]
        for each in [*layers, *plains.values()]
    ]
    least = 2 * max(reach([layer.scale for layer in each]) for each in layers) + 7
    side = _side(image, points, fields, least)
    cutouts = [_cutout(image, point, side) for point in points]
    overview = _overview(image, points, cutouts)
    rows: list[Row] = []
    for name, of_network in zip(names, fields, strict=True):
        ink = PLAIN if name in plains else LEARNED
        panels = [
            _panel(image, point, cutout, field, len(layers[0]), ink)
            for point, cutout, field in zip(points, cutouts, of_network, strict=True)
        ]
        first = Panel(overview, "the points") if not rows else None
        rows.append(Row(name, [first, *panels]))
    return sheet("Sampling locations", _text(layers[0]), rows)


def _plain_rows(records: dict[str, Record]) -> dict[str, Sequence[Layer]]:
    """Plain convolutions of the scales that the networks' layers have, by row names."""
    owners: dict[tuple[int, ...], list[str]] = {}
    for name, record in records.items():
        scales = tuple(layer.scale for layer in record.layers)
        owners.setdefault(scales, []).append(name)
    rows: dict[str, Sequence[Layer]] = {}
    for names in owners.values():
        of = f", for {', '.join(names)}" if len(owners) > 1 else ""
        rows[f"plain convolutions{of}"] = plain(records[names[0]].layers)
    return rows


def with_dots(
    picture: np.ndarray, at: np.ndarray, opacity: np.ndarray, ink: tuple[int, int, int]
) -> np.ndarray:
    """Draws discs with dark rims; what lies upon another covers it more.

    Args:
        picture: uint8 [H, W, 3].
        at: [M, 2] centres (y, x) in pixels of the picture.
        opacity: [M] in [0, 1).
        ink: red, green and blue.
    Returns:
        uint8 [H, W, 3].
    """
    shape = picture.shape[:2]
    drawn = picture * (1 - 0.6 * _cover(shape, at, opacity, _RADIUS + 1.2))[..., None]
    cover = _cover(shape, at, opacity, _RADIUS)[..., None]
    return np.rint(drawn * (1 - cover) + cover * np.array(ink)).astype(np.uint8)


def _cover(
    shape: tuple[int, ...], at: np.ndarray, opacity: np.ndarray, radius: float
) -> np.ndarray:
    """What share of each pixel discs cover, [H, W]: 1 - the product of 1 - opacity."""
    size = int(radius + 2)
    steps = np.arange(-size, size + 1)
    rows = np.rint(at[:, 0]).astype(int)[:, None, None] + steps[:, None]
    columns = np.rint(at[:, 1]).astype(int)[:, None, None] + steps
    y, x = at[:, 0, None, None], at[:, 1, None, None]
    disc = np.clip(radius + 0.5 - np.hypot(rows - y, columns - x), 0, 1)
    through = np.log1p(-opacity[:, None, None] * disc)
    rows, columns = np.broadcast_arrays(rows, columns)
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    total = np.zeros(shape)
    np.add.at(total, (rows[inside], columns[inside]), through[inside])
    return -np.expm1(total)


def _panel(
    image: np.ndarray,
    point: Point,
    cutout: Cutout,
    field: Field,
    layers: int,
    ink: tuple[int, int, int],
) -> Panel:
    top, left, side, zoom = cutout
    part = grays(image[top : top + side, left : left + side])
    picture = part.repeat(zoom, axis=0).repeat(zoom, axis=1)
    picture = np.rint(picture * _SHADE).astype(np.uint8)
    # A pixel's centre is the middle of its square.
    at = (field.at - (top, left) + 0.5) * zoom - 0.5
    full = _OPACITY / 3 ** max(layers - 3, 0)
    share = field.weight / field.weight.max(initial=1e-30)
    picture = with_dots(picture, at, full * share ** (1 / layers), ink)
    centre = ((point.y - top + 0.5) * zoom, (point.x - left + 0.5) * zoom)
    picture = _crossed(picture, *centre)
    return Panel(picture, f"{point.label}: {_measured(field, point, image)}")


def _measured(field: Field, point: Point, image: np.ndarray) -> str:
    _, y, x, spread = extent(field, *image.shape[:2])
    if math.isnan(spread):
        return "all outside the image"
    right, down = (round(step, 1) + 0.0 for step in (x - point.x, y - point.y))
    return f"spread {spread:.1f} px, moved {right:+.1f}, {down:+.1f}"  # never "-0.0"


def _crossed(picture: np.ndarray, y: float, x: float) -> np.ndarray:
    """Draws a cross whose middle is free."""
    canvas = Image.fromarray(picture)
    draw = ImageDraw.Draw(canvas)
    for ink, width, near, far in ("black", 5, 5, 13), ("white", 2, 6, 12):
        for way in (-1, 1):
            draw.line((x + way * near, y, x + way * far, y), fill=ink, width=width)
            draw.line((x, y + way * near, x, y + way * far), fill=ink, width=width)
    return np.asarray(canvas)


def _side(
    image: np.ndarray,
    points: Sequence[Point],
    fields: Sequence[Sequence[Field]],
    least: int,
) -> int:
    """Pixels a side of all cutouts, such that they hold nearly all locations."""
    far = [
        np.abs(field.at - (point.y, point.x)).max(axis=1)
        for of_network in fields
        for point, field in zip(points, of_network, strict=True)
    ]
    wanted = 2 * int(np.quantile(np.concatenate(far), _SHOWN)) + 5
    return min(max(least, wanted), *image.shape[:2])


def _cutout(image: np.ndarray, point: Point, side: int) -> Cutout:
    """The square around a point, moved into the image."""
    top, left = (
        min(max(middle - side // 2, 0), size - side)
        for middle, size in zip((point.y, point.x), image.shape[:2], strict=True)
    )
    return Cutout(top, left, side, max(round(_CUTOUT / side), 1))


def _overview(
    image: np.ndarray, points: Sequence[Point], cutouts: Sequence[Cutout]
) -> np.ndarray:
    """The whole image, as large as a cutout's picture, with the cutouts framed."""
    height, width = image.shape[:2]
    side = cutouts[0].side * cutouts[0].zoom
    factor = side / max(height, width)
    size = round(factor * width), round(factor * height)
    canvas = Image.new("RGB", (side, side), "white")
    canvas.paste(Image.fromarray(grays(image)).resize(size, Image.Resampling.LANCZOS))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(_TYPE)
    for point, (top, left, pixels, _) in zip(points, cutouts, strict=True):
        corners = (left, top, left + pixels, top + pixels)
        box = [min(factor * corner, side - 1) for corner in corners]
        draw.rectangle(box, outline="black", width=4)
        inner = [box[0] + 1, box[1] + 1, box[2] - 1, box[3] - 1]
        draw.rectangle(inner, outline=LEARNED, width=2)
        draw.text(
            (min(box[0] + 6, side - font.getlength(point.label) - 4), box[1] + 6),
            point.label,
            fill="white",
            font=font,
            anchor="lt",
            stroke_width=2,
            stroke_fill="black",
        )
    return np.asarray(canvas)


def _text(layers: Sequence[Layer]) -> str:
    count, last = len(layers), layers[-1].name
    these = f"the last {count} deformable convolutions" if count > 1 else f"{last}"
    return (
        f"From where {these} sample the image for one output pixel, the cross: "
        f"{9**count} locations, the brighter the larger the masks on the way there. "
        "Below, plain 3x3 convolutions in their places. Spread: the root mean square "
        "distance from their mean; moved: from the cross to the mean, right and down."
    )
