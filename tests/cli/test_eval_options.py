"""``danet eval`` passes over no argument in silence."""

import argparse

import numpy as np
import pytest

from danet_jax.checks import ConfigError
from danet_jax.cli import combinations
from danet_jax.cli import eval as command
from danet_jax.config import DataConfig
from danet_jax.data.images import write_png

VALUES = {
    "checkpoint": ["x"],
    "protocol": ["jpeg_10"],
    "data": ["one"],
    "clean": ["a*"],
    "degraded": ["b*"],
    "baseline": ["nlm"],
    "out": ["o"],
    "json": ["f"],
    "save_images": [],
    "compare": [],
    "about": ["Venue=x"],
}


def _words(name):
    return [f"--{name.replace('_', '-')}", *VALUES[name]]


def test_every_option_is_known():
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    options = {action.dest for action in parser._actions} - {"help", "validate"}
    assert options == set(VALUES) == set(combinations._OPTIONS)


@pytest.mark.parametrize("name", VALUES)
def test_validating_takes_nothing_else(start, tmp_path, name):
    option = _words(name)[0]
    match = f"--validate only checks the submission .* Leave {option} out"
    with pytest.raises(ConfigError, match=match):
        start("--validate", tmp_path, *_words(name))


def test_validating_takes_no_config(start, tmp_path):
    with pytest.raises(ConfigError, match=r"Leave --config\.data\.crop out"):
        start("--validate", tmp_path, overrides=["--config.data.crop=64"])


@pytest.mark.parametrize(
    "name", ["clean", "degraded", "baseline", "json", "save_images", "compare"]
)
@pytest.mark.parametrize("served", ["dnd", "sidd_benchmark"])
def test_what_a_server_scores_has_no_scores_here(start, served, name):
    option = _words(name)[0]
    match = f"{option} is for what is scored here; only its server can score {served}"
    with pytest.raises(ConfigError, match=match):
        start(
            *("--protocol", served, "--data", "one", "--checkpoint", "rgb"),
            *_words(name),
        )


def test_what_is_scored_beside_a_submission_may_have_them(start):
    """The command goes on to look for the folders."""
    for name in "json", "save_images":
        with pytest.raises(ConfigError, match="awgn_rgb_25 needs folders of images"):
            start(
                *("--protocol", "dnd", "awgn_rgb_25", "--data", "dnd=one"),
                *("--checkpoint", "rgb", *_words(name)),
            )


@pytest.mark.parametrize("name", ["clean", "degraded"])
def test_patterns_need_a_folder(run, name):
    option = _words(name)[0]
    match = f"{option} is a pattern of images in --data DIR, which is missing"
    with pytest.raises(ConfigError, match=match):
        run(*_words(name))


def test_about_needs_its_protocol(run):
    with pytest.raises(ConfigError, match="--about is for the protocol sidd_benchmark"):
        run("--data", "one", *_words("about"))


PAIRS = {"clean": "*_clean.png", "degraded": "*_noisy.png", "sigma_255": 0.0}
JPEG = {"jpeg_quality": 20, "sigma_255": 0.0}


@pytest.mark.parametrize(
    ("data", "words", "overrides", "match"),
    [
        ({}, [], "data.crop=64", r"data\.crop would change no score here. Leave it"),
        ({}, [], "data.flips=False", "data.flips would change no score"),
        ({}, [], "data.sigma_range_255=0,55", "data.sigma_range_255 would change no"),
        ({}, [], "data.clip=True", r"images it is --config\.evaluation\.clip\.$"),
        ({}, [], "data.round=True", r"images it is --config\.evaluation\.round\.$"),
        ({}, [], "data.root=x", "data.root would .* The images are those of --data"),
        ({}, [], "data.held_out=x", "data.held_out .* images are those of --data"),
        ({}, [], "data.gray=y data.validation_root=x", "data.validation_root would"),
        (JPEG, [], "evaluation.noise_seed=3", "evaluation.noise_seed would change no"),
        (PAIRS, [], "evaluation.clip=True", "evaluation.clip would change no score"),
        (
            {},
            ["--clean", "*_clean.png", "--degraded", "*_noisy.png"],
            "data.sigma_255=50",
            "data.sigma_255 would change no score",
        ),
        (
            PAIRS,
            ["--clean", "*_c*.png"],
            "data.clean=x*.png",
            "data.clean would change",
        ),
    ],
)
def test_changes_without_effect_are_refused(
    tmp_path, run, data, words, overrides, match
):
    changes = [f"--config.{change}" for change in overrides.split()]
    with pytest.raises(ConfigError, match=match):
        run(*("--data", tmp_path, *words), data=DataConfig(**data), overrides=changes)


@pytest.mark.parametrize(
    ("data", "overrides"),
    [
        ({}, "data.crop=256"),  # as it is
        ({}, "data.sigma_255=0 data.jpeg_quality=10"),
        (
            {"sigma_range_255": (0.0, 55.0)},
            "data.sigma_255=0 data.sigma_range_255= data.jpeg_quality=10 data.gray=y",
        ),
        ({}, "evaluation.clip=True evaluation.round=True data.cache_gib=1"),
        ({"clip": True}, "data.sigma_255=0 data.clip=False data.jpeg_quality=10"),
    ],
)
def test_changes_with_an_effect_are_made(tmp_path, run, data, overrides):
    write_png(tmp_path / "one.png", np.full((16, 16, 1), 99, np.uint8))
    changes = [f"--config.{change}" for change in overrides.split()]
    run("--data", tmp_path, data=DataConfig(**data), overrides=changes)
    assert (tmp_path / "run" / "eval" / "results.md").exists()


def test_the_images_of_the_run_may_be_others(tmp_path, run):
    for name in "a.png", "b.png", "c.png":
        write_png(tmp_path / name, np.full((16, 16, 1), 99, np.uint8))
    overrides = [f"--config.data.root={tmp_path}", "--config.data.held_out=c"]
    run(data=DataConfig(held_out=("b",)), overrides=overrides)
    text = (tmp_path / "run" / "eval" / "results.md").read_text()
    assert "| c |" in text and "| b |" not in text
    with pytest.raises(ConfigError, match=r"data\.validation_clean would change no"):
        run(
            data=DataConfig(root=str(tmp_path), held_out=("b",)),
            overrides=["--config.data.validation_clean=x*"],
        )


@pytest.mark.parametrize("given", [True, False])
def test_records_have_a_file_of_their_own(tmp_path, run, given):
    (tmp_path / "one").mkdir()
    write_png(tmp_path / "one" / "a.png", np.zeros((16, 16, 1), np.uint8))
    place = tmp_path / "run" / "eval"
    words = ["--json", place / "results.json", *(["--out", place] if given else [])]
    with pytest.raises(ConfigError, match=r"results\.json is a file of --out. Give"):
        run("--data", tmp_path / "one", *words)
    assert not place.exists()
