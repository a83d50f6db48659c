"""Offsets and masks in few bytes, for a page that holds them all."""

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from danet_jax.figures.record import Layer

MOST_BYTES = 2_000_000  # of all layers together, as text
_RANGE = 16  # in the exponent, as in page.js
_STRIDES = 1, 2, 4, 8, 16, 32


def compact(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """Packs layers for the page, each as finely as the space allows.

    Offsets become whole multiples, -127 to 127, of a 127th of the layer's largest;
    logarithms of masks multiples of 16/255 below that of the layer's largest, as only
    ratios of masks are shown, from 1 to e^-16. Where that takes more than 2 MB, the
    means of 2x2 pixels stand for both, or of 4x4, and so on.

    Args:
        layers: in the order of computation.
    Returns:
        For each layer what ``unpacked`` reads, ready for JSON: "data" is base64 of the
        deflated bytes [27, rows, columns], 9 taps of (dy, dx) and 9 of the mask.
    """
    for stride in _STRIDES:
        packed = [_packed(layer, stride) for layer in layers]
        if sum(len(layer["data"]) for layer in packed) <= MOST_BYTES:
            break
    return packed


def unpacked(packed: dict[str, Any]) -> Layer:
    """The layer that the page sees, whose largest mask is 1.

    Returns:
        Offsets and mask [rows, columns, ...], one for each square of stride pixels.
    """
    content = zlib.decompress(base64.b64decode(packed["data"]))
    planes = np.frombuffer(content, np.uint8)
    planes = planes.reshape(27, packed["rows"], packed["columns"])
    offsets = np.moveaxis(planes[:18].view(np.int8), 0, -1) * packed["unit"]
    mask = np.exp(_RANGE * (np.moveaxis(planes[18:], 0, -1) / 255 - 1))
    grid = offsets.shape[:2]
    return Layer(packed["name"], packed["scale"], offsets.reshape(*grid, 9, 2), mask)


def _packed(layer: Layer, stride: int) -> dict[str, Any]:
    height, width = layer.mask.shape[:2]
    offsets = _means(layer.offsets.reshape(height, width, 18), stride)
    unit = max(float(np.abs(offsets).max()), 1e-6) / 127
    steps = np.rint(offsets / unit).astype(np.int8).view(np.uint8)
    mask = _means(layer.mask, stride)
    logs = np.log(np.maximum(mask / mask.max(), np.exp(-_RANGE)))
    levels = np.rint(255 * (1 + logs / _RANGE)).astype(np.uint8)
    # Plane by plane: neighbours are alike, which deflate makes use of.
    planes = np.moveaxis(np.concatenate([steps, levels], axis=2), 2, 0)
    content = zlib.compress(np.ascontiguousarray(planes).tobytes(), 9)
    return {
        "name": layer.name,
        "scale": layer.scale,
        "height": height,
        "width": width,
        "stride": stride,
        "rows": planes.shape[1],
        "columns": planes.shape[2],
        "unit": unit,
        "data": base64.b64encode(content).decode(),
    }


def _means(x: np.ndarray, stride: int) -> np.ndarray:
    """Means over squares of pixels [h, w, C]; at the far edges the last one repeats."""
    height, width, channels = x.shape
    bottom, right = -height % stride, -width % stride
    x = np.pad(x, ((0, bottom), (0, right), (0, 0)), mode="edge")
    x = x.reshape((height + bottom) // stride, stride, -1, stride, channels)
    return x.mean(axis=(1, 3))
