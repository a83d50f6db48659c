import dataclasses

import numpy as np
import pytest
from PIL import Image

from danet_jax.checks import ConfigError, DataError
from danet_jax.config import DANetConfig, DataConfig, EvaluationConfig, ExperimentConfig
from danet_jax.data.degrade import jpeg, noisy
from danet_jax.data.images import to_float, write_png
from danet_jax.data.luma import luma, luma_full
from danet_jax.data.patches import Sample
from danet_jax.evaluation.metrics import (
    psnr,
    psnr_b,
    ssim,
    ssim_volume,
)
from danet_jax.evaluation.protocols import (
    PLAIN,
    PROTOCOLS,
    SUBMISSIONS,
    awgn,
    jpeg_artifacts,
    open_images,
    protocol_of,
    real_pairs,
)


def _image(*shape, seed=0):
    return np.random.RandomState(seed).randint(0, 256, shape, np.uint8)


def test_the_named_protocols():
    levels = "15", "25", "50", "75"
    assert list(PROTOCOLS) == [
        *(f"awgn_gray_{level}" for level in levels),
        *(f"awgn_rgb_{level}" for level in levels),
        *(f"jpeg_{quality}" for quality in (10, 20, 30, 40)),
        "sidd_validation",
        *(f"realsr_{scale}" for scale in (2, 3, 4)),
        "real_pairs",
    ]
    assert list(SUBMISSIONS) == ["sidd_benchmark", "dnd"]
    rules = [protocol.rule for protocol in PROTOCOLS.values()]
    assert len(set(rules)) == len(rules) - 2 - 4  # of RealSR one, and of noise by kind
    with pytest.raises(dataclasses.FrozenInstanceError):
        PROTOCOLS["jpeg_10"].jpeg_quality = 20


def test_what_they_do_to_an_image():
    gray, rgb = _image(16, 16, 1), _image(16, 16, 3)
    cases = {
        "awgn_gray_15": (gray, noisy(gray, PLAIN, 15)),
        "awgn_rgb_75": (rgb, noisy(rgb, PLAIN, 75)),
        "jpeg_30": (gray, to_float(jpeg(gray, 30))),
    }
    for name, (clean, degraded) in cases.items():
        result = PROTOCOLS[name].degrade(Sample("a", clean, None))
        np.testing.assert_array_equal(result, degraded)
    for name in "sidd_validation", "realsr_3", "real_pairs":
        result = PROTOCOLS[name].degrade(Sample("a", rgb, rgb[::-1]))
        np.testing.assert_array_equal(result, to_float(rgb[::-1]))


def test_what_they_score():
    clean, other = (to_float(_image(16, 16, 3, seed=seed)) for seed in (0, 1))
    scores = PROTOCOLS["realsr_2"].scores("restored", clean, other)
    assert scores == {
        "psnr_restored": psnr(luma(clean), luma(other)),
        "ssim_restored": ssim(luma(clean), luma(other)),
    }
    whole = awgn(3, 25, EvaluationConfig(channel="y_full"))
    assert whole.scores("restored", clean, other) == {
        "psnr_restored": psnr(luma_full(clean), luma_full(other)),
        "ssim_restored": ssim(luma_full(clean), luma_full(other)),
    }
    assert whole.rule.endswith("over Y of YCbCr (0-255)")
    scores = PROTOCOLS["sidd_validation"].scores("degraded", clean, other)
    assert scores == {
        "psnr_degraded": psnr(clean, other),
        "ssim_degraded": ssim(clean, other),
        "ssim_volume_degraded": ssim_volume(clean, other),
    }
    scores = PROTOCOLS["jpeg_10"].scores("degraded", clean[..., :1], other[..., :1])
    assert scores["psnr_b_degraded"] == psnr_b(clean[..., :1], other[..., :1])


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        (awgn(1, 25), "numpy seed 0 a picture, input float (not clipped, not rounded)"),
        (awgn(1, 25), "PSNR and SSIM (11x11 Gaussian, valid region) over all channels"),
        (
            awgn(3, 25, EvaluationConfig(clip=True)),
            "input float (clipped, not rounded)",
        ),
        (awgn(3, 25, EvaluationConfig(round=True)), "input clipped and rounded to 8"),
        (awgn(3, 25, EvaluationConfig(noise_seed=7)), "numpy seed 7 a picture"),
        (
            PROTOCOLS["jpeg_20"],
            "JPEG quality 20 by Pillow (gray or Y of colour (16-235)",
        ),
        (PROTOCOLS["jpeg_20"], "region), PSNR-B [dB] over all channels"),
        (jpeg_artifacts(20, channels=3), "by Pillow (RGB, 4:2:0, 8 bits)"),
        (PROTOCOLS["realsr_4"], "pairs of images as they are; restored clipped and"),
        (PROTOCOLS["realsr_4"], "over Y of YCbCr (16-235)"),
        (PROTOCOLS["sidd_validation"], "region), SSIM (volume) over all channels"),
    ],
)
def test_a_rule_says_what_is_done(protocol, words):
    assert words in protocol.rule


REALSR = {
    "clean": "*/Train/3/*_HR.png",
    "degraded": "*/Train/3/*_LR3.png",
    "validation_clean": "*/Test/3/*_HR.png",
    "validation_degraded": "*/Test/3/*_LR3.png",
    "sigma_255": 0.0,
}


@pytest.mark.parametrize(
    ("channels", "data", "evaluation", "name"),
    [
        (1, {}, {}, "awgn_gray_25"),
        (3, {"sigma_255": 75.0}, {}, "awgn_rgb_75"),
        (1, {"sigma_255": 12.5}, {}, "awgn_gray_12.5"),
        (1, {}, {"noise_seed": 7, "clip": True}, "awgn_gray_25_seed7_clipped"),
        (3, {}, {"round": True, "clip": True, "channel": "y"}, "awgn_rgb_25_rounded_y"),
        (3, {"degraded": "b*", "sigma_255": 0.0}, {}, "real_pairs"),
        (1, {"degraded": "b*", "sigma_255": 0.0}, {}, "real_pairs_gray"),
        (3, {"degraded": "b*", "sigma_255": 0.0}, {"channel": "y"}, "real_pairs_y"),
        (3, REALSR, {"channel": "y"}, "realsr_3"),
        (3, REALSR, {}, "real_pairs"),
        (3, {}, {"channel": "y_full"}, "awgn_rgb_25_y_full"),
        (
            3,
            {"degraded": "b*", "sigma_255": 0.0},
            {"channel": "y_full"},
            "real_pairs_y_full",
        ),
        (3, REALSR | {"held_out": ("a",)}, {"channel": "y"}, "real_pairs_y"),
        (3, REALSR | {"validation_clean": "*.png"}, {"channel": "y"}, "real_pairs_y"),
        (1, {"gray": "y"}, {}, "awgn_gray_25_of_y"),
        (1, {"jpeg_quality": 40, "sigma_255": 0.0, "gray": "y"}, {}, "jpeg_40"),
        (1, {"jpeg_quality": 40, "sigma_255": 0.0}, {}, "jpeg_40_rgb2gray"),
        (3, {"jpeg_quality": 40, "sigma_255": 0.0}, {}, "jpeg_rgb_40"),
    ],
)
def test_the_protocol_of_a_run(channels, data, evaluation, name):
    config = ExperimentConfig(
        model=DANetConfig(channels=channels),
        data=DataConfig(**data),
        evaluation=EvaluationConfig(**evaluation),
    )
    protocol = protocol_of(config)
    assert protocol.name == name
    if name in PROTOCOLS:
        assert protocol == PROTOCOLS[name]


def test_names_of_jpeg():
    assert jpeg_artifacts(10) == PROTOCOLS["jpeg_10"]
    assert jpeg_artifacts(15, gray="rgb2gray").name == "jpeg_15_rgb2gray"
    assert jpeg_artifacts(15, channels=3).name == "jpeg_rgb_15"
    on_luma = EvaluationConfig(channel="y", noise_seed=3)
    assert jpeg_artifacts(15, channels=3, evaluation=on_luma).name == "jpeg_rgb_15_y"


def test_jpeg_is_of_y_of_colour_files(tmp_path):
    pixels = _image(16, 16, 3)
    write_png(tmp_path / "a.png", pixels)
    images = open_images(PROTOCOLS["jpeg_10"], tmp_path)
    expected = np.floor(luma(pixels / 255) * 255 + 0.5 + 1e-9)
    np.testing.assert_array_equal(images[0].clean, expected)
    write_png(tmp_path / "a.png", pixels[..., :1])
    images = open_images(PROTOCOLS["jpeg_10"], tmp_path)
    np.testing.assert_array_equal(images[0].clean, pixels[..., :1])


def test_another_folder_than_that_of_realsr(tmp_path):
    match = (
        r"no images\. .* Download RealSR .*/RealSR\. DIR is the folder that holds "
        r"Canon and Nikon, .* Canon/Test/2/Canon_001_HR\.png and Canon_001_LR2\.png\.$"
    )
    with pytest.raises(DataError, match=match):
        open_images(PROTOCOLS["realsr_2"], tmp_path)
    (tmp_path / "deep" / "Canon" / "Test" / "2").mkdir(parents=True)
    write_png(tmp_path / "deep/Canon/Test/2/a_HR.png", _image(16, 16, 3))
    with pytest.raises(DataError, match=r"Give \S+/deep\.$"):
        open_images(PROTOCOLS["realsr_2"], tmp_path)


def test_pairs_of_realsr(tmp_path):
    for camera in "Canon", "Nikon":
        for scale in 2, 3:
            folder = tmp_path / camera / "Test" / str(scale)
            folder.mkdir(parents=True)
            for kind in "HR", f"LR{scale}":
                write_png(folder / f"{camera}_001_{kind}.png", _image(16, 16, 3))
    images = open_images(PROTOCOLS["realsr_3"], tmp_path)
    assert images.paired
    assert images.names == [
        "Canon/Test/3/Canon_001_HR",
        "Nikon/Test/3/Nikon_001_HR",
    ]
    (tmp_path / "Nikon" / "Test" / "3" / "Nikon_001_LR3.png").unlink()
    match = r"images without a partner: 1\. First: Nikon/.*_HR\.png, which needs .*LR3"
    with pytest.raises(DataError, match=match):
        open_images(PROTOCOLS["realsr_3"], tmp_path)


PATTERNS = {"clean": "*_mean.png", "degraded": "*_real.png"}


def _pair(folder, degraded):
    write_png(folder / "a_mean.png", _image(16, 16, 3))
    Image.fromarray(degraded).save(folder / "a_real.png")


def test_any_pairs(tmp_path):
    _pair(tmp_path, _image(16, 16, 3, seed=1))
    images = open_images(real_pairs(), tmp_path, **PATTERNS)
    np.testing.assert_array_equal(images[0].degraded, _image(16, 16, 3, seed=1))


def test_pairs_of_unequal_sizes(tmp_path):
    _pair(tmp_path, _image(16, 12, 3))
    match = "a_real.png: must be as large as .*a_mean.png; got 12x16 and 16x16 pixels"
    with pytest.raises(DataError, match=match):
        open_images(real_pairs(), tmp_path, **PATTERNS)


def test_pairs_of_swapped_sizes(tmp_path):
    write_png(tmp_path / "a_mean.png", _image(12, 16, 3))
    write_png(tmp_path / "a_real.png", _image(16, 12, 3))
    with pytest.raises(DataError, match="got 12x16 and 16x12 pixels"):
        open_images(real_pairs(), tmp_path, **PATTERNS)


def test_a_pair_with_a_corrupt_file(tmp_path):
    _pair(tmp_path, _image(16, 16, 3))
    path = tmp_path / "a_real.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(
        DataError, match=r"a_real\.png: truncated, unreadable or not an"
    ):
        open_images(real_pairs(), tmp_path, **PATTERNS)


@pytest.mark.parametrize(
    ("name", "patterns", "match"),
    [
        ("real_pairs", {}, "real_pairs needs the patterns of both files of a pair"),
        ("real_pairs", {"degraded": "b*"}, "needs the patterns of both files"),
        ("awgn_rgb_25", PATTERNS, "degrades clean images itself. Leave --degraded out"),
        ("sidd_validation", PATTERNS, "reads .mat files. Leave --clean and --degraded"),
    ],
)
def test_patterns_that_do_not_fit(tmp_path, name, patterns, match):
    with pytest.raises(ConfigError, match=match):
        open_images(PROTOCOLS[name], tmp_path, **patterns)
