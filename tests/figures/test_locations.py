"""The figure of sampling locations."""

import numpy as np
import pytest

from danet_jax.figures.field import Field
from danet_jax.figures.locations import (
    LEARNED,
    _measured,
    _plain_rows,
    locations_sheet,
    with_dots,
)
from danet_jax.figures.points import Point
from tests.figures.records import record

POINTS = [Point(12, 16, "middle"), Point(0, 31, "0,31")]


def _tinted(picture):
    """Pixels that are orange, and that are blue."""
    redness = picture[..., 0].astype(int) - picture[..., 2]
    return int((redness > 60).sum()), int((redness < -60).sum())


def test_a_dot_lies_at_its_place() -> None:
    ground = np.full((21, 31, 3), 100, np.uint8)
    drawn = with_dots(ground, np.array([[10.0, 20.0]]), np.array([0.99]), LEARNED)
    changed = np.argwhere((drawn != 100).any(axis=2))
    np.testing.assert_allclose(changed.mean(axis=0), [10, 20])
    assert np.abs(drawn[10, 20].astype(int) - LEARNED).max() < 4


def test_dots_between_pixels_cover_shares() -> None:
    ground = np.zeros((15, 15, 3), np.uint8)
    drawn = with_dots(ground, np.array([[7.0, 7.25]]), np.array([0.9]), (255, 255, 255))
    weights = drawn[..., 0].astype(float)
    columns = np.arange(15)
    assert (weights.sum(0) * columns).sum() / weights.sum() == pytest.approx(
        7.25, abs=0.05
    )


def test_dots_that_coincide_cover_more() -> None:
    ground = np.zeros((9, 9, 3), np.uint8)
    at = np.full((3, 2), 4.0)
    one, three = (
        with_dots(ground, at[:n], np.full(n, 0.5), (200, 0, 0))[4, 4, 0] for n in (1, 3)
    )
    assert (one, three) == (100, 175)  # 1/2 and 7/8


def test_dots_outside_are_left_out() -> None:
    ground = np.full((9, 9, 3), 80, np.uint8)
    at = np.array([[-50.0, 4], [4, 90]])
    assert (with_dots(ground, at, np.full(2, 0.9), LEARNED) == 80).all()
    beside = with_dots(ground, np.array([[4.0, -1.0]]), np.array([0.9]), LEARNED)
    assert (beside[:, 0] != 80).any()
    assert (beside[:, 5:] == 80).all()


def test_a_field_outside_the_image_has_no_extent() -> None:
    image = np.zeros((9, 9, 1), np.float32)
    away = Field(np.array([[-50.0, 4.0]]), np.ones(1))
    assert _measured(away, Point(4, 4, ""), image) == "all outside the image"
    near = Field(np.array([[4.0, 4.0]]), np.ones(1))
    assert _measured(near, Point(4, 4, ""), image) == "spread 0.0 px, moved +0.0, +0.0"


def test_networks_of_other_scales_have_plain_rows_of_their_own() -> None:
    one = record()
    finer = [layer._replace(scale=0) for layer in one.layers]
    rows = _plain_rows({"a": one, "b": one._replace(layers=finer), "c": one})
    assert list(rows) == ["plain convolutions, for a, c", "plain convolutions, for b"]
    assert [layer.scale for layer in rows["plain convolutions, for b"]] == [0] * len(
        finer
    )
    assert list(_plain_rows({"a": one, "c": one})) == ["plain convolutions"]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_row_for_each_network_and_one_for_plain_ones(channels: int) -> None:
    one = record(channels=channels)
    one = one._replace(restored=one.restored * 0 + np.float32(0.5))
    alone = locations_sheet({"a": one}, POINTS)
    both = locations_sheet({"a": one, "b": one}, POINTS)
    assert alone.dtype == np.uint8
    assert both.shape[0] > alone.shape[0] + 200
    assert both.shape[1] == alone.shape[1]
    (orange, blue), (twice, once) = _tinted(alone), _tinted(both)
    assert once == blue > 500
    assert twice > orange + 1000
