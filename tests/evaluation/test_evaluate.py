import dataclasses

import numpy as np
import pytest

from danet_jax.checks import ConfigError, DataError
from danet_jax.config import EvaluationConfig
from danet_jax.data.degrade import jpeg, noisy
from danet_jax.data.images import to_float, write_png
from danet_jax.data.luma import luma
from danet_jax.data.sources import open_folder
from danet_jax.evaluation.baselines import Baseline, non_local_means
from danet_jax.evaluation.evaluate import Evaluation, Row, check_sizes, evaluate
from danet_jax.evaluation.metrics import psnr, ssim
from danet_jax.evaluation.protocols import PROTOCOLS, awgn, jpeg_artifacts, real_pairs

PLAIN = EvaluationConfig()


def _folder(path, *images, **patterns):
    for i, image in enumerate(images):
        write_png(path / f"{i}.png", image)
    return open_folder(path, images[0].shape[2], cache_gib=1, **patterns)


def _image(*shape, seed=0):
    return np.random.RandomState(seed).randint(0, 256, shape, np.uint8)


def test_rows_hold_the_metrics_of_the_protocol(tmp_path):
    images = [_image(16, 20, 1), _image(18, 16, 1, seed=1)]
    folder = _folder(tmp_path, *images)
    seen = []

    def restore(degraded):
        seen.append(degraded)
        return 0.5 * degraded

    result = evaluate(restore, folder, awgn(1, 25))
    assert [row.image for row in result.rows] == ["0", "1"]
    for pixels, row, given in zip(images, result.rows, seen, strict=True):
        clean, degraded = to_float(pixels), noisy(pixels, PLAIN, 25)
        np.testing.assert_array_equal(given, degraded[None])
        assert degraded.min() < 0  # scored and restored as it is, not clipped
        saved = np.round(np.clip(0.5 * degraded, 0, 1) * 255) / 255
        assert row.psnr_degraded == psnr(clean, degraded)
        assert row.ssim_degraded == ssim(clean, degraded)
        assert row.psnr_restored == pytest.approx(psnr(clean, saved), abs=1e-5)
        assert row.ssim_restored == pytest.approx(ssim(clean, saved), abs=1e-5)
        assert row.psnr_baseline is row.ssim_baseline is None


def test_noise_of_every_picture_starts_from_the_seed(tmp_path):
    folder = _folder(tmp_path, *[_image(16, 16, 1)] * 2)
    first, second = evaluate(lambda x: x, folder, awgn(1, 25)).rows
    assert dataclasses.replace(second, image="0") == first


def test_pairs_are_taken_as_they_are(tmp_path):
    clean = np.full((12, 12, 3), 100, np.uint8)
    write_png(tmp_path / "a_clean.png", clean)
    write_png(tmp_path / "a_noisy.png", clean + np.uint8(51))
    patterns = {"clean": "*_clean.png", "degraded": "*_noisy.png"}
    folder = open_folder(tmp_path, 3, cache_gib=1, **patterns)
    result = evaluate(lambda x: x - np.float32(0.1), folder, real_pairs())
    row = result.rows[0]
    assert row.psnr_degraded == pytest.approx(-20 * np.log10(0.2), abs=1e-4)
    # 0.1 is 25.5 steps: 26 of the 51 are left after rounding half to even, or 25.
    assert row.psnr_restored == pytest.approx(-20 * np.log10(25.5 / 255), abs=0.2)
    assert result.protocol.name == "real_pairs"


def test_luma_is_scored_on_request(tmp_path):
    pixels = _image(16, 16, 3)
    folder = _folder(tmp_path, pixels)
    config = EvaluationConfig(channel="y")
    row = evaluate(lambda x: x, folder, awgn(3, 50, config)).rows[0]
    clean, degraded = to_float(pixels), noisy(pixels, config, 50)
    assert row.psnr_degraded == psnr(luma(clean), luma(degraded))
    assert row.ssim_degraded == ssim(luma(clean), luma(degraded))
    assert row.psnr_degraded > psnr(clean, degraded) + 1


def test_baseline_and_pictures(tmp_path):
    pixels = _image(16, 16, 1)
    folder = _folder(tmp_path, pixels)
    baseline = Baseline("black", lambda x, sigma_255: x * 0 + np.float32(sigma_255))
    seen = []
    result = evaluate(
        lambda x: x + 9,
        folder,
        awgn(1, 25),
        baseline=baseline,
        on_image=seen.append,
    )
    (panels,) = seen
    assert result.baseline == "black"
    assert panels.row == result.rows[0]
    np.testing.assert_array_equal(panels.clean, to_float(pixels))
    np.testing.assert_array_equal(panels.degraded, noisy(pixels, PLAIN, 25))
    assert (panels.restored == 1).all()
    assert (panels.baseline == 1).all()  # 25, clipped as saved
    assert panels.row.psnr_baseline == panels.row.psnr_restored


def test_means():
    rows = Row("a", 10, 0.5, 20, 0.6), Row("b", 20, 0.7, 40, 1.0, 30, 0.5)
    protocol = awgn(1, 25)
    assert Evaluation(protocol, rows).mean == Row("mean", 15, 0.6, 30, 0.8)
    assert Evaluation(protocol, rows[1:]).mean == dataclasses.replace(
        rows[1], image="mean"
    )


def test_without_a_restorer_the_degraded_images_are_scored(tmp_path):
    folder = _folder(tmp_path, _image(16, 20, 1), _image(18, 16, 1, seed=1))
    whole = evaluate(lambda x: x, folder, awgn(1, 25)).rows
    rows = evaluate(None, folder, awgn(1, 25)).rows
    for row, other in zip(rows, whole, strict=True):
        assert row.psnr_restored is row.ssim_restored is None
        blank = {"psnr_restored": None, "ssim_restored": None}
        assert row == dataclasses.replace(other, **blank)


def test_jpeg_is_scored_with_psnr_b(tmp_path):
    pixels = _image(24, 24, 1)
    folder = _folder(tmp_path, pixels)
    row = evaluate(lambda x: x, folder, jpeg_artifacts(10)).rows[0]
    assert row.psnr_degraded == psnr(to_float(pixels), to_float(jpeg(pixels, 10)))
    assert row.psnr_b_degraded <= row.psnr_degraded
    assert row.psnr_b_restored == pytest.approx(row.psnr_b_degraded)
    assert row.ssim_volume_degraded is None


def test_single_images_are_no_pairs(tmp_path):
    folder = _folder(tmp_path, _image(16, 16, 3))
    match = "realsr_2 is for pairs; got single images"
    with pytest.raises(ConfigError, match=match):
        evaluate(None, folder, PROTOCOLS["realsr_2"])


def test_images_too_small_are_named(tmp_path):
    folder = _folder(tmp_path, _image(16, 16, 1), _image(10, 16, 1))
    match = r"^evaluation: 1 of 2 images .* the 11 pixels .* First: 1 with 16x10 "
    with pytest.raises(DataError, match=match):
        evaluate(pytest.fail, folder, awgn(1, 25))
    with pytest.raises(DataError, match=r"2 of 2 .* 17 .*: 0 with 16x16, 1 with 16x10"):
        check_sizes(folder, 17)


def test_images_that_the_network_refuses_are_named(tmp_path):
    folder = _folder(tmp_path, _image(16, 16, 1))
    check_sizes(folder, 16)

    def restore(image):
        raise DataError("restore: too small.")

    with pytest.raises(DataError, match=r"^0: restore: too small"):
        evaluate(restore, folder, awgn(1, 25))


@pytest.mark.parametrize("channels", [1, 3])
def test_non_local_means_removes_noise(channels):
    ramp = np.linspace(40, 200, 32 * 32 * channels).reshape(32, 32, channels)
    pixels = ramp.astype(np.uint8)
    degraded = noisy(pixels, PLAIN, 25)
    restored = non_local_means(degraded, 25)
    assert restored.shape == degraded.shape
    clean = to_float(pixels)
    assert psnr(clean, restored) > psnr(clean, degraded) + 6


def test_non_local_means_of_bad_images():
    with pytest.raises(
        TypeError, match=r'non_local_means: "degraded" must be a floating'
    ):
        non_local_means(np.zeros((16, 16, 1), np.uint8), 25)
    with pytest.raises(ValueError, match=r'"degraded" must be \[H, W, C\]'):
        non_local_means(np.zeros((16, 16)), 25)
