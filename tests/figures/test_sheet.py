"""Sheets of panels."""

import numpy as np
import pytest

from danet_jax.figures.sheet import Bar, Panel, Row, colours, enlarged, grays, sheet


def _flat(height, width, value):
    return np.full((height, width, 3), value, np.uint8)


def _shares(picture, value):
    """Pixels of one colour."""
    return int((picture == value).all(axis=2).sum())


def test_panels_are_shown_whole_and_in_order() -> None:
    row = [Panel(_flat(100, 150, 50), "left"), Panel(_flat(100, 150, 90), "right")]
    picture = sheet("Title", "What it is.", [Row("first", row)])
    assert picture.dtype == np.uint8
    # Magnified twice, to 300 pixels.
    assert _shares(picture, 50) == _shares(picture, 90) == 200 * 300
    assert (
        np.argwhere(picture[..., 0] == 50)[0, 1]
        < np.argwhere(picture[..., 0] == 90)[0, 1]
    )
    assert picture[:28].min() == picture[:, :28].min() == 255  # the margin
    assert picture[28:60, :200].min() < 60  # the title


def test_all_panels_have_the_size_of_the_first() -> None:
    row = [Panel(_flat(300, 300, 50), ""), None, Panel(_flat(150, 150, 90), "")]
    picture = sheet("", "", [Row("", row), Row("", row[:1])])
    assert _shares(picture, 50) == 2 * 300 * 300
    assert _shares(picture, 90) == 300 * 300
    assert picture.shape[1] == 3 * 300 + 2 * 16 + 2 * 28


def test_large_panels_are_reduced() -> None:
    picture = sheet("", "", [Row("", [Panel(_flat(500, 1000, 7), "")])])
    assert _shares(picture, 7) == 240 * 480


def test_long_text_is_broken_into_lines() -> None:
    row = [Row("", [Panel(_flat(10, 300, 50), "word " * 40)])]
    short, long = (sheet("", text, row) for text in ("a", "word " * 99))
    assert short.shape[1] == long.shape[1]
    assert long.shape[0] > short.shape[0] + 60


def test_a_bar_tells_what_colours_mean() -> None:
    rows = [Row("", [Panel(_flat(10, 300, 50), "")])]
    without, drawn = sheet("", "", rows), sheet("", "", rows, bar=Bar(0.25, 1, "x"))
    assert drawn.shape[0] > without.shape[0]
    strip = drawn[without.shape[0] - 28 :]
    for end in colours(np.array([[0.0, 1.0]]), 0, 1)[0]:
        assert _shares(strip, end)


def test_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match='"rows" must hold a panel; got 1'):
        sheet("", "", [Row("", [None])])


def test_colours_go_from_black_to_light_yellow() -> None:
    shown = colours(np.array([[-1.0, 2, 3, 4, 9]]), 2, 4)
    assert shown.tolist() == [
        [[0, 0, 4], [0, 0, 4], [186, 56, 83], [252, 255, 164], [252, 255, 164]]
    ]
    brightness = colours(np.linspace(0, 1, 50)[None], 0, 1)[0].astype(int).sum(axis=1)
    assert (np.diff(brightness) > 0).all()


def test_gray_and_colour_images() -> None:
    assert grays(np.full((1, 1, 1), 0.2)).tolist() == [[[51, 51, 51]]]
    assert grays(np.array([[[-1, 0.2, 2]]])).tolist() == [[[0, 51, 255]]]


def test_enlarged_maps_are_cut_to_the_image() -> None:
    values = np.arange(6).reshape(2, 3)
    assert enlarged(values, 2, 3, 5).tolist() == [
        [0, 0, 1, 1, 2],
        [0, 0, 1, 1, 2],
        [3, 3, 4, 4, 5],
    ]
