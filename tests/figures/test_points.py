"""Choosing points to look at."""

import numpy as np
import pytest

from danet_jax.figures.points import choose_points


def _scene(*, checks: bool = False, square: bool = False) -> np.ndarray:
    """An edge down the left, and something on the right."""
    image = np.zeros((96, 128, 1))
    image[:, :30] = 1
    rows, columns = np.indices((30, 40))
    if checks:
        image[8:38, 80:120, 0] = (rows // 3 + columns // 3) % 2
    if square:
        image[60:, 90:] = 0.9
    return image


def _chosen(image):
    return {point.label: point for point in choose_points(image, margin=6)}


def test_an_edge_and_a_flat_area() -> None:
    image = _scene(checks=True)
    points = _chosen(image)
    assert list(points) == ["edge", "corner", "texture", "flat"]
    assert 27 <= points["edge"].x <= 32
    flat = points["flat"]
    around = image[flat.y - 5 : flat.y + 6, flat.x - 5 : flat.x + 6]
    assert around.max() == around.min()


def test_a_corner() -> None:
    corner = _chosen(_scene(square=True))["corner"]
    assert np.hypot(corner.y - 60, corner.x - 90) < 4


def test_a_texture() -> None:
    texture = _chosen(_scene(checks=True))["texture"]
    assert 80 <= texture.x < 120
    assert 8 <= texture.y < 38


def test_colours_count_by_their_mean() -> None:
    gray = _scene(checks=True)
    assert choose_points(gray.repeat(3, axis=2), margin=6) == choose_points(
        gray, margin=6
    )


@pytest.mark.parametrize("size", [(96, 128), (20, 30), (6, 5), (4, 4)])
def test_points_keep_apart_and_away_from_the_border(size) -> None:
    height, width = size
    image = np.random.default_rng(0).uniform(size=(*size, 1))
    points = choose_points(image, margin=9)
    assert points
    for i, point in enumerate(points):
        assert min(9, width // 3) <= point.x < width - min(9, width // 3)
        assert min(9, height // 3) <= point.y < height - min(9, height // 3)
        for other in points[:i]:
            apart = np.hypot(point.x - other.x, point.y - other.y)
            assert apart > max(min(size) // 6, 2)
