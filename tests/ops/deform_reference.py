"""A deformable convolution by loops over single samples, with its gradients by hand.

Written from the definition, with tests of validity where the package has a border of
zeros, one sample at a time where it has tables, and in float64.
"""

import math
from typing import Any, NamedTuple

import numpy as np

Pair = tuple[int, int]


class Read(NamedTuple):
    """A bilinear read of one image [H, W, c]: its value and what it depends on."""

    value: np.ndarray  # [c]
    dy: np.ndarray  # the value's derivative by y, [c]
    dx: np.ndarray
    pixels: list[tuple[int, int, float]]  # (row, column, weight) of those inside


def read(image: np.ndarray, y: float, x: float) -> Read:
    """Reads at (y, x); a corner outside counts as zero."""
    height, width, channels = image.shape
    top, left = math.floor(y), math.floor(x)
    ly, lx = y - top, x - left
    corners = {}
    pixels = []
    for row, wy in (top, 1 - ly), (top + 1, ly):
        for column, wx in (left, 1 - lx), (left + 1, lx):
            inside = 0 <= row < height and 0 <= column < width
            corners[row - top, column - left] = (
                image[row, column] if inside else np.zeros(channels)
            )
            if inside:
                pixels.append((row, column, wy * wx))
    value = sum((image[r, c] * w for r, c, w in pixels), np.zeros(channels))
    dy = (1 - lx) * (corners[1, 0] - corners[0, 0]) + lx * (
        corners[1, 1] - corners[0, 1]
    )
    dx = (1 - ly) * (corners[0, 1] - corners[0, 0]) + ly * (
        corners[1, 1] - corners[1, 0]
    )
    return Read(value, dy, dx, pixels)


def reference(
    arrays: dict[str, np.ndarray],
    cotangent: np.ndarray,
    *,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The output, and the gradients of <output, cotangent> by name."""
    x, offsets, kernel = (arrays[name] for name in ("x", "offsets", "kernel"))
    mask = arrays.get("mask", np.ones(offsets.shape[:-1]))
    width = x.shape[3] // offsets.shape[3]
    output = np.zeros(cotangent.shape)
    named: dict[str, Any] = {"x": x, "offsets": offsets, "mask": mask, "kernel": kernel}
    grads = {name: np.zeros(array.shape) for name, array in named.items()}
    for index in np.ndindex(mask.shape):
        n, oy, ox, group, tap = index
        ky, kx = divmod(tap, kernel.shape[1])
        y = oy * stride[0] - padding[0] + ky * dilation[0] + offsets[index][0]
        x_ = ox * stride[1] - padding[1] + kx * dilation[1] + offsets[index][1]
        own = slice(group * width, (group + 1) * width)
        at = read(x[n, :, :, own], y, x_)
        weights, m, g = kernel[ky, kx, own], mask[index], cotangent[n, oy, ox]
        output[n, oy, ox] += m * at.value @ weights
        column = weights @ g
        grads["mask"][index] = at.value @ column
        grads["offsets"][index] = m * (at.dy @ column), m * (at.dx @ column)
        grads["kernel"][ky, kx, own] += np.outer(m * at.value, g)
        for row, column_, weight in at.pixels:
            grads["x"][n, row, column_, own] += m * weight * column
    if "bias" in arrays:
        output = output + arrays["bias"]
        grads["bias"] = cotangent.sum((0, 1, 2))
    if "mask" not in arrays:
        del grads["mask"]
    return output, grads
