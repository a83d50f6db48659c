"""Figures of feature maps."""

import numpy as np

from danet_jax.figures.maps import attention_sheet, feature_sheet, wavelet_sheet
from danet_jax.figures.record import Map
from danet_jax.figures.sheet import colours
from tests.figures.records import record

BLACK, LIGHTEST = colours(np.array([[0.0, 1.0]]), 0, 1)[0]


def _has(picture, colour):
    return (picture == colour).all(axis=2).any()


def _with_feature(values):
    return record()._replace(feature=Map("decoder 1/1, block 1", 0, values))


def test_features_by_one_scale_and_by_their_own() -> None:
    """The second network's feature is a third of the first one's."""
    image = np.full((32, 24, 1), 0.5, np.float32)
    strong = np.random.default_rng(0).normal(size=(32, 24, 4))
    weak = strong / 3
    strong[3, 5, 1] = 99  # a single pixel does not set the scale
    both = {"a": _with_feature(strong), "b": _with_feature(weak)}
    picture = feature_sheet(both, image)
    alone = feature_sheet({"a": both["a"]}, image)
    assert picture.shape[0] > alone.shape[0] + 300
    lightest = np.argwhere((picture == LIGHTEST).all(axis=2))
    right = lightest[lightest[:, 1] > 0.67 * picture.shape[1]]
    left = lightest[lightest[:, 1] < 0.67 * picture.shape[1]]
    # The first row is by one scale, the others by their own.
    assert left[:, 0].min() < 0.33 * picture.shape[0] < right[:, 0].min()
    assert len(right) > 100


def test_a_feature_that_is_zero_is_black() -> None:
    image = np.ones((32, 24, 3), np.float32)
    picture = feature_sheet({"a": _with_feature(np.zeros((32, 24, 4)))}, image)
    assert _has(picture, BLACK)


def test_attention_of_all_stages() -> None:
    image = np.zeros((31, 23, 1), np.float32)  # the network padded it
    picture = attention_sheet(record(), image)
    assert _has(picture, BLACK)
    assert _has(picture, LIGHTEST)
    flat = record()
    flat = flat._replace(
        attention=tuple(m._replace(values=0 * m.values + 0.5) for m in flat.attention)
    )
    assert attention_sheet(flat, image).dtype == np.uint8


def test_wavelet_bands() -> None:
    """A step between columns 5 and 6 lies between blocks: only a step inside shows."""
    image = np.zeros((32, 24, 1), np.float32)
    image[:, 5:] = 1
    picture = wavelet_sheet((), image)
    # HL, right minus left, has one white line; LH and HH are gray all over.
    gray, white = (picture == 128).all(axis=2), (picture == 255).all(axis=2)
    assert gray.sum() > 2.8 * 300 * 400
    assert white.any()
    assert wavelet_sheet(record().downs, image).shape[0] > picture.shape[0] + 300


def test_odd_images_lose_a_line() -> None:
    image = np.zeros((7, 9, 3), np.float32)
    assert wavelet_sheet((), image).shape[2] == 3
