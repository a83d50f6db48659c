import numpy as np
import pytest

from danet_jax.evaluation.evaluate import Panels, Row
from danet_jax.evaluation.pictures import captioned, comparison_sheet, side_by_side


def _flat(height, width, channels, value):
    return np.full((height, width, channels), value, np.float32)


def test_panels_stand_beside_each_other_in_order():
    gray, red = _flat(210, 256, 1, 0.2), _flat(210, 256, 3, 0)
    red[..., 0] = 2  # clipped
    picture = side_by_side([("noisy 20.17 dB", gray), ("restored", red)])
    assert picture.dtype == np.uint8
    gap = 4
    assert picture.shape[1] == 2 * 256 + 3 * gap
    first = picture[-gap - 210 : -gap, gap : gap + 256]
    second = picture[-gap - 210 : -gap, 2 * gap + 256 : 2 * gap + 512]
    assert (first == 51).all()
    assert (second == [255, 0, 0]).all()
    strip = picture[: -gap - 210]
    assert 10 < len(strip) < 50
    assert strip[:, :260].min() < 80  # there is text
    assert (picture[:, :gap] == 255).all()
    assert (picture[:, gap + 256 : 2 * gap + 256] == 255).all()


def test_long_captions_stay_above_their_panels():
    panels = [("w" * 30, _flat(200, 200, 1, 0)), ("", _flat(200, 200, 1, 0))]
    picture = side_by_side(panels)
    strip = picture[: -4 - 200]
    assert strip[:, :204].min() < 80
    assert (strip[:, 204:] == 255).all()


def test_small_images_are_magnified():
    image = np.zeros((2, 3, 1), np.float32)
    image[0, 1] = 1
    picture = side_by_side([("a", image)])
    assert picture.shape[1] == 3 * 67 + 8
    pixels = picture[-4 - 134 : -4, 4:-4, 0]
    np.testing.assert_array_equal(pixels[::67, ::67], [[0, 255, 0], [0, 0, 0]])


def test_sheet_cuts_to_a_common_centre():
    wide, tall = _flat(200, 300, 1, 0), _flat(240, 220, 1, 0.2)
    wide[:, 40:260] = 0.4  # the centre
    tall[20:220] = 0.6
    sheet = comparison_sheet([[("a", wide)], [("b", tall)]], largest=500)
    assert sheet.shape[1] == 220 + 8
    values = sheet[:, 114, 0]
    assert (values == 102).sum() == (values == 153).sum() == 200
    assert not np.isin(values, [0, 51]).any()
    smaller = comparison_sheet([[("a", wide)], [("b", tall)]], largest=210)
    assert smaller.shape[1] == 210 + 8


@pytest.mark.parametrize("baseline", [None, np.full((4, 4, 1), 3)])
def test_captions(baseline):
    row = Row("a", 20.166, 0.5, 29.0, 0.8, None if baseline is None else 28.5, None)
    images = [np.full((4, 4, 1), value) for value in (0, 1, 2)]
    panels = Panels(row, images[0], images[1], images[2], baseline)
    named = captioned(panels, degraded="noisy", baseline="non-local means")
    captions = ["noisy 20.17 dB", "restored 29.00 dB", "clean"]
    values = [0, 1, 2]
    if baseline is not None:
        captions.insert(1, "non-local means 28.50 dB")
        values.insert(1, 3)
    assert [caption for caption, _ in named] == captions
    assert [image.max() for _, image in named] == values


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ([], r"at least one; got rows of \[\] panels"),
        ([[]], "at least one"),
        ([[("a", _flat(4, 4, 1, 0))], []], "equally many panels"),
        ([[("a", _flat(4, 4, 1, 0)), ("b", _flat(4, 5, 1, 0))]], "of one size within"),
    ],
)
def test_bad_rows(rows, match):
    with pytest.raises(ValueError, match=match):
        comparison_sheet(rows, largest=9)
