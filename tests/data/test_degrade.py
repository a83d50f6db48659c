"""The noise of the test images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from danet_jax.config import EvaluationConfig
from danet_jax.data.degrade import jpeg, noisy
from danet_jax.data.images import read_image

CLEAN = np.random.RandomState(1).randint(0, 256, (7, 5, 3), dtype=np.uint8)


def test_noise_is_that_of_numpys_global_generator() -> None:
    before = np.random.get_state()
    degraded = noisy(CLEAN, EvaluationConfig(), 25.0)
    assert str(np.random.get_state()) == str(before)
    try:
        np.random.seed(0)
        noise = np.random.normal(0, 25 / 255, CLEAN.shape)
    finally:
        np.random.set_state(before)
    assert degraded.dtype == np.float32
    np.testing.assert_allclose(degraded, CLEAN / 255 + noise, rtol=0, atol=2e-7)
    assert degraded.min() < 0  # neither clipped
    assert np.abs(degraded * 255 - np.rint(degraded * 255)).max() > 0.4  # nor rounded


def test_first_number_by_hand() -> None:
    # The first normal number of seed 0 is 1.764052.
    black = np.zeros((1, 1, 1), np.uint8)
    value = float(noisy(black, EvaluationConfig(), 51.0)[0, 0, 0])
    assert value == pytest.approx(1.764052 * 0.2, abs=1e-6)


def test_seed_clip_and_round() -> None:
    plain = noisy(CLEAN, EvaluationConfig(), 50.0)
    assert not np.array_equal(plain, noisy(CLEAN, EvaluationConfig(noise_seed=1), 50.0))
    clipped = noisy(CLEAN, EvaluationConfig(clip=True), 50.0)
    np.testing.assert_array_equal(clipped, np.clip(plain, 0, 1))
    rounded = noisy(CLEAN, EvaluationConfig(round=True), 50.0)
    assert rounded.dtype == np.float32
    np.testing.assert_allclose(rounded, np.rint(clipped * 255) / 255, atol=1e-7)


def test_no_noise_is_the_image() -> None:
    degraded = noisy(CLEAN, EvaluationConfig(), 0.0)
    np.testing.assert_array_equal(degraded, CLEAN.astype(np.float32) / np.float32(255))


def test_bad_input() -> None:
    with pytest.raises(TypeError, match='"image" must be uint8; got float64'):
        noisy(CLEAN / 255, EvaluationConfig(), 25.0)
    for sigma_255 in (-1.0, float("nan")):
        with pytest.raises(ValueError, match=r"sigma_255.*at least 0"):
            noisy(CLEAN, EvaluationConfig(), sigma_255)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_what_a_file_would_hold(tmp_path: Path, channels: int) -> None:
    clean = np.zeros((24, 40, channels), np.uint8)
    clean[4:15, 3:29] = 200
    degraded = jpeg(clean, 10)
    assert degraded.dtype == np.uint8
    assert degraded.shape == clean.shape
    picture = Image.fromarray(clean.squeeze())
    picture.save(tmp_path / "a.jpg", quality=10)
    np.testing.assert_array_equal(degraded, read_image(tmp_path / "a.jpg", channels))
    errors = [np.abs(jpeg(clean, q).astype(int) - clean).mean() for q in (10, 50, 95)]
    assert errors[0] > errors[1] > errors[2]


def test_jpeg_refuses_what_it_cannot_code() -> None:
    with pytest.raises(TypeError, match='"clean" must be uint8; got float32'):
        jpeg(CLEAN.astype(np.float32), 10)
    with pytest.raises(ValueError, match=r'"clean" must be \[H, W, 1 or 3\]'):
        jpeg(CLEAN[..., :2], 10)
    with pytest.raises(ValueError, match='"quality" must lie in 1 to 100; got 0'):
        jpeg(CLEAN, 0)
