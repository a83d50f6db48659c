"""The receptive field: walking back through deformable layers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danet_jax.checks import ConfigError, DataError
from danet_jax.figures.field import (
    Field,
    check_point,
    check_size,
    extent,
    plain,
    reach,
    sampling_locations,
)
from tests.figures.records import layer

SHIFT = st.tuples(*[st.floats(-2, 2)] * 2)


def grid(point: tuple[int, int], radius: int) -> set[tuple[float, float]]:
    steps = range(-radius, radius + 1)
    return {
        (float(point[1] + dy), float(point[0] + dx)) for dy in steps for dx in steps
    }


@pytest.mark.parametrize("count", [1, 2, 3])
def test_without_offsets_it_is_a_square(count: int) -> None:
    field = sampling_locations([layer(20, 16)] * count, (8, 10))
    assert len(field.at) == len(field.weight) == 9**count
    assert set(map(tuple, field.at)) == grid((8, 10), count)
    assert (field.weight == 1).all()


def test_at_coarser_scales_a_step_is_longer() -> None:
    """1 + 2 + 4 pixels each way; steps of coarse layers start between fine pixels."""
    layers = [layer(8, 8, scale=2), layer(16, 16, scale=1), layer(32, 32)]
    field = sampling_locations(layers, (17, 14))
    assert len(field.at) == 729
    assert set(map(tuple, field.at)) == grid((17, 14), 7)
    assert reach([2, 1, 0]) == 7


@given(shifts=st.lists(SHIFT, min_size=1, max_size=3), seed=st.integers(0, 99))
def test_constant_offsets_shift_the_square(shifts: list, seed: int) -> None:
    """Layer l by 2^l pixels for each of its own."""
    layers = [layer(64 >> i, 64 >> i, scale=i) for i in range(len(shifts))][::-1]
    moved = [
        each._replace(offsets=each.offsets + np.array(shift))
        for each, shift in zip(layers, shifts, strict=True)
    ]
    total = sum(
        2**each.scale * np.array(shift)
        for each, shift in zip(layers, shifts, strict=True)
    )
    before, after = (sampling_locations(each, (31, 33)) for each in (layers, moved))
    np.testing.assert_allclose(after.at, before.at + total, atol=1e-9)


@given(shift=SHIFT, seed=st.integers(0, 99))
def test_shifting_the_last_offsets_to_be_followed_shifts_all(shift, seed) -> None:
    first, last = layer(40, 40, seed=seed), layer(40, 40, seed=seed + 1)
    moved = first._replace(offsets=first.offsets + np.array(shift))
    before = sampling_locations([first, last], (20, 20))
    after = sampling_locations([moved, last], (20, 20))
    np.testing.assert_allclose(after.at, before.at + np.array(shift), atol=1e-9)
    np.testing.assert_array_equal(after.weight, before.weight)


def test_offsets_between_pixels_are_interpolated() -> None:
    """The last layer goes 1/4 pixel right, where the first one's 4 and 8 give 5."""
    first, last = layer(9, 9), layer(9, 9)
    last.offsets[..., 1] = 0.25
    first.offsets[:, 5, :, 0] = 4
    first.offsets[:, 6, :, 0] = 8
    first.mask[:, 5], first.mask[:, 6] = 0.4, 0.8
    last.mask[:] = 0.5
    field = sampling_locations([first, last], (4, 4))
    taps = field.at.reshape(9, 9, 2)[5]  # what follows the tap on the right
    np.testing.assert_allclose(taps[4], [4 + 5, 5.25])
    np.testing.assert_allclose(field.weight.reshape(9, 9)[5], 0.5 * 0.5, rtol=1e-6)


def test_paths_that_leave_the_image_end() -> None:
    field = sampling_locations([layer(5, 5)] * 2, (0, 0))
    # Of the last layer's nine places four are inside; each reads nine.
    assert len(field.at) == 4 * 9
    assert field.at.min() == -1
    one = sampling_locations([layer(5, 5)], (0, 0))
    assert extent(one, 5, 5) == (4, 0.5, 0.5, pytest.approx(0.5**0.5))


def test_plain_layers_forget_offsets_and_masks() -> None:
    random = [layer(30, 30, seed=0), layer(30, 30, seed=1)]
    field = sampling_locations(plain(random), (15, 15))
    assert set(map(tuple, field.at)) == grid((15, 15), 2)
    assert (field.weight == 1).all()


def test_the_extent_is_weighted() -> None:
    at = np.array([[2.0, 1.0], [2.0, 5.0], [-3.0, 0.0]])
    measured = extent(Field(at, np.array([3.0, 1.0, 9.0])), 8, 8)
    assert measured[:3] == (2, 2, 2)
    assert measured.spread == pytest.approx(3**0.5)  # (3 * 1^2 + 1 * 3^2) / 4
    nowhere = extent(Field(at[2:], np.ones(1)), 8, 8)
    assert nowhere.inside == 0
    assert np.isnan(nowhere.spread)


@pytest.mark.parametrize("point", [(-1, 0), (0, -1), (7, 0), (0, 5), (np.nan, 1)])
def test_points_outside_are_refused(point) -> None:
    with pytest.raises(ConfigError, match=r"lie in the image, 0,0 to 6,4; got"):
        check_point(point, 5, 7)
    check_point((6, 4), 5, 7)


def test_an_image_must_hold_the_field() -> None:
    check_size([1, 0], 7, 7)
    with pytest.raises(DataError, match=r"at least 7x7 pixels for --layers 2; got 7x6"):
        check_size([1, 0], 6, 7)
