"""Points worth looking at, chosen from an image."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

_NARROW, _WIDE = 1.5, 4.0  # pixels


class Point(NamedTuple):
    """A pixel of an image."""

    x: int
    y: int
    label: str


def choose_points(image: np.ndarray, *, margin: int) -> list[Point]:
    """Chooses an edge, a corner, a texture and a flat area, apart from each other.

    The structure tensor, the products of the gradient averaged around a pixel, has
    eigenvalues a >= b. The edge is where a - b is largest, the corner where b is; the
    texture is where b is largest, the flat area where a is smallest, over a wider
    window (standard deviations 1.5 and 4 pixels).

    Args:
        image: float [H, W, 1 or 3], best one without noise.
        margin: pixels to keep from the border, as far as the image allows.
    Returns:
        Four points, fewer where an image is too small to keep them apart.
    Source: Harris & Stephens 1988, A combined corner and edge detector.
    """
    gray = image.mean(axis=2, dtype=float)
    (large, small), (wide_large, wide_small) = (
        _eigenvalues(gray, width) for width in (_NARROW, _WIDE)
    )
    scores = {
        "edge": large - small,
        "corner": small,
        "texture": wide_small,
        "flat": -wide_large,
    }
    free = _inner(gray.shape, margin)
    apart = max(min(gray.shape) // 6, 2)
    rows, columns = np.indices(gray.shape)
    points = []
    for label, score in scores.items():
        if not free.any():
            break
        best = np.argmax(np.where(free, score, -np.inf))
        y, x = map(int, np.unravel_index(best, gray.shape))
        points.append(Point(x, y, label))
        free &= np.hypot(rows - y, columns - x) > apart
    return points


def _eigenvalues(gray: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """The larger and the smaller eigenvalue of the structure tensor [H, W, 2, 2]."""
    dy, dx = np.gradient(gaussian_filter(gray, 1.0))
    yy, xx, xy = (gaussian_filter(p, width) for p in (dy * dy, dx * dx, dx * dy))
    mean, half = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
    return mean + half, mean - half


def _inner(shape: tuple[int, ...], margin: int) -> np.ndarray:
    """Whether pixels are a margin away from the border, at most a third of the size."""
    top, left = (min(margin, size // 3) for size in shape)
    inner = np.zeros(shape, bool)
    inner[top : shape[0] - top, left : shape[1] - left] = True
    return inner
