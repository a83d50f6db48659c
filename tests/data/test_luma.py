import numpy as np
import pytest

from danet_jax.data.luma import luma, luma_full


@pytest.mark.parametrize(
    ("rgb", "y"),
    [((0, 0, 0), 16), ((1, 1, 1), 235), ((1, 0, 0), 81.481), ((0, 1, 0), 144.553)],
)
def test_luma_by_hand(rgb, y):
    result = luma(np.array(rgb, np.float64).reshape(1, 1, 3))
    assert result.shape == (1, 1, 1)
    assert result.item() * 255 == pytest.approx(y)


def test_luma_in_full_range():
    rgb = np.eye(3).reshape(1, 3, 3)
    assert luma_full(rgb).ravel().tolist() == [0.299, 0.587, 0.114]
    assert luma_full(np.ones((1, 1, 3))).item() == pytest.approx(1)
    gray = np.full((1, 1, 3), 0.25)
    assert luma(gray).item() == pytest.approx((16 + 219 * luma_full(gray).item()) / 255)
    with pytest.raises(ValueError, match=r'luma_full: "rgb" must be \[H, W, 3\]'):
        luma_full(np.zeros((2, 2, 1)))


def test_luma_of_a_bad_image():
    with pytest.raises(ValueError, match=r'"rgb" must be \[H, W, 3\].*scored whole'):
        luma(np.zeros((2, 2, 1)))
    with pytest.raises(TypeError, match=r'"rgb" must be a floating'):
        luma(np.zeros((2, 2, 3), np.uint8))
