"""``danet visualize``."""

import dataclasses
import re

import numpy as np
import pytest
from flax import nnx
from PIL import Image

from danet_jax.cli import visualize as command
from danet_jax.cli.main import main
from danet_jax.config import ExperimentConfig
from danet_jax.models import DANet
from tests.figures import records
from tests.figures.records import SIZE, TINY

DEFORM = dataclasses.replace(
    TINY, block="deform", recurrent_offsets=False, wavelet=False
)
NETWORKS = {
    "tiny": TINY,
    "other": TINY,
    "deform": DEFORM,
    "plain": dataclasses.replace(DEFORM, block="conv"),
    "rgb": dataclasses.replace(TINY, channels=3),
}


@pytest.fixture(autouse=True)
def networks(monkeypatch):
    """Untrained networks named by their directories; they return their input."""

    def load(path):
        config = NETWORKS[path.name]
        return ExperimentConfig(model=config), DANet(config, rngs=nnx.Rngs(0))

    monkeypatch.setattr(command, "load_experiment", load)


@pytest.fixture
def asked(monkeypatch):
    """Records made up in no time; returns the options that they were asked with."""
    options = []

    def recorded(model, degraded, **asked):
        options.append(asked)
        made = records.record(20, 24)
        return made if model.config.block == "adeb" else made._replace(attention=())

    monkeypatch.setattr(command, "record", recorded)
    return options


@pytest.fixture
def image(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, SIZE, np.uint8)
    path = tmp_path / "picture.png"
    Image.fromarray(pixels).save(path)
    return path


def _run(image, *words, checkpoints=("runs/tiny",)):
    out = image.parent / "out"
    fixed = ["--checkpoint", *checkpoints, "--image", str(image), "--out", str(out)]
    return main(["visualize", *fixed, *words]), out


def test_all_figures_of_one_network(image, capsys) -> None:
    status, out = _run(image)
    assert status == 0
    names = [
        "attention.png",
        "field.html",
        "offset_feature.png",
        "sampling.png",
        "wavelets.png",
    ]
    assert sorted(path.name for path in out.iterdir()) == names
    shown = capsys.readouterr()
    assert all(name in shown.out for name in names)
    page = (out / "field.html").read_text(encoding="utf-8")
    assert "<title>Where tiny looks</title>" in page
    assert 'class="about">picture.png</p>' in page
    for label in "edge", "corner", "texture", "flat":
        assert f'"label":"{label}"' in page


def test_two_networks_with_noise_and_a_point(image, asked, capsys) -> None:
    words = ["--sigma", "25", "--point", "12,9", "--layers", "1", "--group", "1"]
    status, out = _run(image, *words, checkpoints=("runs/tiny", "runs/deform"))
    assert status == 0
    assert asked == [{"layers": 1, "group": 1}] * 2
    assert {path.name for path in out.iterdir()} == {
        "attention_tiny.png",
        "field_deform.html",
        "field_tiny.html",
        "offset_feature.png",
        "sampling.png",
        "wavelets_deform.png",
        "wavelets_tiny.png",
    }
    assert capsys.readouterr().err == (
        'deform: blocks "deform" have no attention to draw.\n'
    )
    page = (out / "field_tiny.html").read_text(encoding="utf-8")
    assert "picture.png with noise of sigma 25" in page
    assert '"points":[{"x":12,"y":9,"label":"12,9"}]' in page


def test_offsets_that_have_left_the_image_are_told(image, monkeypatch, capsys) -> None:
    made = records.record(20, 24)._replace(outside={"a": 0.1, "b": 0.9})
    monkeypatch.setattr(command, "record", lambda *_, **__: made)
    assert _run(image)[0] == 0
    said = capsys.readouterr().err
    assert said.startswith("tiny: Deformable convolutions sample outside the image: b")
    assert said.count("\n") == 1


def test_the_noise_is_that_of_the_protocols(image) -> None:
    with Image.open(image) as file:
        clean = np.asarray(file)[..., None] / 255
    np.random.seed(0)
    expected = clean + np.random.normal(0, 10 / 255, clean.shape)
    arguments = command.argparse.Namespace(image=image, sigma=10.0)
    shown = command._read(arguments, 1)
    np.testing.assert_allclose(shown.pixels, expected, atol=1e-6)


def test_runs_of_one_name_are_told_apart(image, asked) -> None:
    status, out = _run(image, "--layers", "1", checkpoints=("a/tiny", "b/tiny"))
    assert status == 0
    assert {path.name for path in out.glob("*.html")} == {
        "field_a_tiny.html",
        "field_b_tiny.html",
    }


def test_runs_whose_names_differ_in_marks_alone_are_told_apart(
    image, asked, monkeypatch
) -> None:
    for name in "lr=1", "lr_1":
        monkeypatch.setitem(NETWORKS, name, TINY)
    status, out = _run(image, "--layers", "1", checkpoints=("lr=1", "lr_1"))
    assert status == 0
    for start in "field", "attention", "wavelets":
        found = sorted(path.stem for path in out.glob(f"{start}_*"))
        assert found == [f"{start}_lr_1_1", f"{start}_lr_1_2"]


@pytest.mark.parametrize(
    ("checkpoints", "words", "match"),
    [
        (["tiny"], ["--point", "25,3"], "lie in the image, 0,0 to 24,19; got 25,3"),
        (["tiny"], ["--point", "3,20"], "lie in the image, .* got 3,20"),
        (["tiny"], ["--point", "3,-2"], "lie in the image, .* got 3,-2"),
        (["tiny"], ["--point", "-1,3", "2,2"], "lie in the image, .* got -1,3"),
        (["tiny"], ["--point", "-1.5,2"], "X,Y in whole pixels, .*got -1.5,2"),
        (["tiny"], ["--point=-1,3"], "lie in the image, .* got -1,3"),
        (["tiny"], ["--point", "3"], "X,Y in whole pixels, e.g. 40,25; got 3"),
        (["tiny"], ["--point", "1.5,2"], "X,Y in whole pixels, .*got 1.5,2"),
        (["tiny"], ["--layers", "0"], "--layers must lie in 1 to 4; got 0"),
        (["tiny"], ["--layers", "5"], "got 5. tiny has 4 deformable convolutions"),
        (["tiny", "deform"], ["--layers", "2"], "1 to 1; got 2. deform has 1 def"),
        (["tiny"], ["--group", "2"], '"group" must lie in 0 to 1; got 2'),
        (["plain"], [], 'plain has no deformable convolutions .block "conv".*atten'),
        (["tiny", "rgb"], [], r"one kind of image; got tiny \(gray\), rgb \(colour\)"),
        (["tiny"], ["--sigma", "-1"], "--sigma must be 0 or more; got -1"),
        (["tiny"], ["--sigma", "nan"], "--sigma must be 0 or more; got nan"),
        (["tiny"], ["--config.x=1"], "has no configuration to change"),
        (["tiny"], ["--image", "no.png"], "no.png: no such file"),
        (["tiny"], ["--image", __file__], "unreadable or not an image"),
    ],
)
def test_bad_input_is_one_line(checkpoints, words, match, image, capsys) -> None:
    status, out = _run(image, *words, checkpoints=[f"runs/{c}" for c in checkpoints])
    shown = capsys.readouterr()
    assert status == 2
    assert re.search(match, shown.err), shown.err
    assert shown.err.count("\n") == 1
    assert not list(out.glob("*.png"))


def test_too_small_an_image(image, capsys) -> None:
    Image.new("L", (11, 10)).save(image)
    assert _run(image)[0] == 2  # 2 + 2 + 1 pixels each way
    assert "at least 11x11 pixels for --layers 3; got 11x10" in capsys.readouterr().err
    Image.new("L", (3, 1)).save(image)
    assert _run(image, "--layers", "1")[0] == 2
    assert "at least 3x3 pixels for --layers 1; got 3x1" in capsys.readouterr().err


def test_a_network_must_be_named(image, capsys) -> None:
    assert main(["visualize", "--image", str(image), "--out", "x"]) == 2
    assert "--checkpoint --task is required" in capsys.readouterr().err
