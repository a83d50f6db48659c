"""A page that shows the receptive field of whatever pixel is pointed at.

One HTML file with everything in it: no network, no other files, no libraries.
"""

import base64
import html
import io
import json
import re
from collections.abc import Sequence
from importlib import resources

import numpy as np
from PIL import Image

from danet_jax.figures.compact import compact
from danet_jax.figures.points import Point
from danet_jax.figures.record import Record
from danet_jax.figures.sheet import grays

_LARGE = 300_000  # bytes of a PNG beyond which a picture is stored as JPEG


def field_page(
    record: Record,
    image: np.ndarray,
    points: Sequence[Point],
    *,
    network: str,
    about: str,
) -> str:
    """Writes the page.

    Args:
        record: of one network.
        image: float [H, W, 1 or 3] in [0, 1], what went into it.
        points: to start from.
        network: its name.
        about: a line on the image, e.g. its name and the noise.
    Returns:
        HTML; at most 3 MB for images of up to 256x256 pixels.
    """
    height, width = image.shape[:2]
    data = {
        "width": width,
        "height": height,
        "input": _data_uri(image),
        "restored": _data_uri(record.restored),
        "points": [point._asdict() for point in points],
        "layers": compact(record.layers),
    }
    parts = {
        "width": str(width),
        "height": str(height),
        "network": html.escape(network),
        "about": html.escape(about),
        "style": _file("page.css"),
        # "</script>" in a name would end the element.
        "data": json.dumps(data, separators=(",", ":")).replace("</", "<\\/"),
        "script": _file("page.js"),
    }
    # In one pass, so that nothing is looked for in what was filled in.
    return re.sub(r"\{\{(\w+)\}\}", lambda mark: parts[mark[1]], _file("page.html"))


def _file(name: str) -> str:
    return (resources.files("danet_jax.figures") / name).read_text(encoding="utf-8")


def _data_uri(image: np.ndarray) -> str:
    pixels = grays(image)
    picture = Image.fromarray(pixels if image.shape[2] == 3 else pixels[..., 0])
    kind, content = "png", _encoded(picture, "PNG", optimize=True)
    if len(content) > _LARGE:
        kind, content = "jpeg", _encoded(picture, "JPEG", quality=90)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
