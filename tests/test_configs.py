import argparse
import ast
import dataclasses
import re
import shlex
from pathlib import Path

import jax
import pytest
from flax import nnx

from danet_jax.cli import prepare
from danet_jax.cli import train as command
from danet_jax.cli.main import main
from danet_jax.config import (
    DIV2K_GRAY,
    DIV2K_RGB,
    SIDD_MEDIUM,
    VARIANTS,
    DataConfig,
    EvaluationConfig,
    TrainConfig,
    div2k_jpeg,
    load_config,
    realsr,
)
from danet_jax.data.pairing import match_pairs
from danet_jax.evaluation.protocols import protocol_of
from danet_jax.evaluation.tables import UNSTATED, published
from danet_jax.models import DANet
from danet_jax.training import TrainResult

ROOT = Path(__file__).parents[1]
PATHS = sorted(path.relative_to(ROOT) for path in ROOT.glob("configs/**/*.py"))
SMALL = [path for path in PATHS if "small" in path.parts or path.stem == "quickstart"]
OTHERS = [path for path in PATHS if path.parent.name in ("distill", "ablation")]
FULL = [path for path in PATHS if path not in {*SMALL, *OTHERS}]
SIGMAS = (15, 25, 50, 75)
QUALITIES = (10, 20, 30, 40)
SCALES = (2, 3, 4)
SETS = {
    "gray": ("Set12", "BSD68", "Urban100"),
    "rgb": ("Kodak24", "CBSD68", "Urban100"),
}
FEWER_PARAMETERS = "an 85th of DANet's parameters"


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def _docstring(path):
    return ast.get_docstring(ast.parse(path.read_text()))


def _printed(path):
    """PSNR and SSIM by test set, as a docstring states them."""
    rows = re.findall(r"^    (\w+) +(\S+) / (\S+)$", _docstring(path), re.M)
    return {name: (psnr, ssim) for name, psnr, ssim in rows}


def _scores(path):
    """The same as numbers."""
    return {name: tuple(map(float, pair)) for name, pair in _printed(path).items()}


def test_all_experiments_are_there():
    images = [f"awgn_{kind}_{sigma}" for kind in ("gray", "rgb") for sigma in SIGMAS]
    names = [*images, "sidd", "awgn_gray_blind", "awgn_rgb_blind"]
    names += [f"jpeg_{quality}" for quality in QUALITIES]
    names += [f"realsr_x{scale}" for scale in SCALES]
    expected = {f"{name}.py" for name in names} | {
        f"danet_s/{name}.py" for name in names
    }
    assert {path.relative_to("configs").as_posix() for path in FULL} == expected


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_the_name_is_the_path(path):
    expected = "_".join(path.relative_to("configs").with_suffix("").parts)
    assert load_config(path).name == expected


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_the_command_of_the_docstring(path, monkeypatch):
    (line,) = re.findall(r"^    python (train.py .*)$", _docstring(path), re.M)
    script, *words = shlex.split(line)
    calls = []

    def train(config, workdir):
        calls.append((config, workdir))
        return TrainResult(0, 1, None)

    monkeypatch.setattr(command, "train", train)
    assert main([script.removesuffix(".py"), *words]) == 0
    config = load_config(path)
    data = dataclasses.replace(config.data, root="DIR")
    expected = dataclasses.replace(config, data=data)
    assert calls == [(expected, Path("runs") / config.name)]


@pytest.mark.parametrize("path", FULL, ids=str)
def test_the_settings_are_those_of_the_paper(path):
    config = load_config(path)
    assert config.train == TrainConfig()  # see tests/config/test_experiment.py
    channel = "y" if "realsr" in path.stem else "all"
    assert config.evaluation == EvaluationConfig(channel=channel)
    assert config.distributed == "off"
    assert (config.data.crop, config.data.interval) == (256, 130)
    assert (config.data.flips, config.data.jitter) == (True, False)
    assert (config.data.root, config.data.held_out) == ("", ())


@pytest.mark.parametrize("path", FULL, ids=str)
def test_each_config_is_what_its_name_says(path):
    config, small = load_config(path), path.parent.name == "danet_s"
    task, *rest = path.stem.split("_")
    gray = task == "jpeg" or "gray" in rest
    variant = VARIANTS["danet_s" if small else "danet"]
    assert config.model == dataclasses.replace(variant, channels=1 if gray else 3)
    number = re.sub(r"\D", "", path.stem)
    usual = DIV2K_GRAY if gray else DIV2K_RGB
    if "blind" in rest:
        assert config.data == dataclasses.replace(usual, sigma_range_255=(0.0, 55.0))
    elif task == "awgn":
        assert config.data == dataclasses.replace(usual, sigma_255=float(number))
    elif task == "jpeg":
        assert config.data == div2k_jpeg(int(number))
    else:
        assert config.data == (realsr(int(number)) if number else SIDD_MEDIUM)


@pytest.mark.parametrize("path", FULL, ids=str)
def test_the_preparation_fits_the_config(path):
    """What the docstring and the message for those without data tell to type."""
    config = load_config(path)
    (line,) = re.findall(r"^    python (prepare\.py .*)$", _docstring(path), re.M)
    (told,) = re.findall(r"danet (prepare .* --out OUT)\.", config.data.source)
    parser = argparse.ArgumentParser()
    prepare.add_arguments(parser)
    scale = re.search(r"/Train/(\d)/", config.data.clean)
    for words in line, told:
        arguments = parser.parse_args(shlex.split(words)[1:])
        assert arguments.channels == config.model.channels
        assert arguments.gray == config.data.gray
        assert (arguments.crop, arguments.interval) == (256, 130)
        assert arguments.scale == (int(scale[1]) if scale else None)


@pytest.mark.parametrize("path", FULL, ids=str)
def test_the_docstring_names_the_row_of_the_paper(path):
    title, small = _docstring(path).splitlines()[0], path.parent.name == "danet_s"
    assert title.startswith("DANet-S on " if small else "DANet on ")
    assert ("knowledge distillation" in _docstring(path)) == small
    task, *rest = path.stem.split("_")
    if "blind" in rest:
        assert "No experiment of the paper" in _docstring(path)
    elif task == "awgn":
        kind, sigma = rest
        assert {"gray": "on gray images", "rgb": "on RGB images"}[kind] in title
        assert f"Gaussian noise of sigma {sigma}: " in title
        assert {"gray": "Table 2", "rgb": "Table 3"}[kind] in title
        assert tuple(_scores(path)) == SETS[kind]
    elif task == "jpeg":
        assert f"quality {rest[0]}: Table 5" in title
        assert tuple(_scores(path)) == ("Classic5", "LIVE1")
    elif task == "realsr":
        assert f"scale {rest[0][1:]}: Table 6" in title
        assert tuple(_scores(path)) == ("RealSR",)
    else:
        assert "Table 4" in title
        assert set(_scores(path)) == {"SIDD", "DND"}


@pytest.mark.parametrize("path", FULL, ids=str)
def test_the_figures_are_those_of_the_tables(path):
    """Docstrings and the tables of ``danet eval`` tell the same, digit by digit."""
    method = "DANet-S" if path.parent.name == "danet_s" else "DANet"
    name = path.stem.replace("_x", "_")
    protocols = (UNSTATED, "dnd") if name == "sidd" else (name,)
    expected = {
        entry.images: (f"{entry.psnr:.2f}", f"{entry.ssim:.{entry.ssim_places}f}")
        for entry in published()
        if entry.method == method and entry.protocol in protocols
    }
    assert bool(expected) == ("blind" not in name)
    assert _printed(path) == expected


@pytest.mark.parametrize("kind", ["gray", "rgb"])
@pytest.mark.parametrize("folder", [Path("configs"), Path("configs/danet_s")], ids=str)
def test_more_noise_lowers_the_published_scores(folder, kind):
    tables = [_scores(folder / f"awgn_{kind}_{sigma}.py") for sigma in SIGMAS]
    for name in SETS[kind]:
        psnr, ssim = zip(*(table[name] for table in tables), strict=True)
        assert list(psnr) == sorted(psnr, reverse=True)
        assert list(ssim) == sorted(ssim, reverse=True)


@pytest.mark.parametrize("folder", [Path("configs"), Path("configs/danet_s")], ids=str)
def test_harder_tasks_have_lower_published_scores(folder):
    jpeg = [_scores(folder / f"jpeg_{quality}.py") for quality in QUALITIES]
    for name in "Classic5", "LIVE1":
        columns = list(zip(*(table[name] for table in jpeg), strict=True))
        assert columns == [tuple(sorted(column)) for column in columns]
    realsr = [_scores(folder / f"realsr_x{scale}.py")["RealSR"] for scale in SCALES]
    psnr = [scores[0] for scores in realsr]
    assert psnr == sorted(psnr, reverse=True)


def test_all_tasks_have_a_small_sibling():
    assert {path.stem for path in SMALL} == {
        *("ablation", "distill"),
        *("quickstart", "awgn_gray_25", "awgn_gray_blind", "awgn_rgb_blind"),
        *(f"jpeg_{quality}" for quality in (*QUALITIES, "blind")),
        *(f"realsr_x{scale}" for scale in SCALES),
        *("sidd", "polyu", "city100"),
    }


def _of_the_task(config):
    """What decides about the task, neither size nor speed."""
    names = "crop", "interval", "jitter", "source"
    usual = {name: getattr(DataConfig(), name) for name in names}
    data = dataclasses.replace(config.data, **usual)
    return data, config.model.channels, config.evaluation


SIBLINGS = [path for path in SMALL if Path("configs", path.name) in FULL]


def test_most_small_ones_have_a_large_sibling():
    assert len(SIBLINGS) == 3 + len(QUALITIES) + len(SCALES) + 1


@pytest.mark.parametrize("path", SIBLINGS, ids=str)
def test_small_ones_have_the_task_of_their_large_sibling(path):
    small, large = load_config(path), load_config(Path("configs", path.name))
    assert _of_the_task(small) == _of_the_task(large)
    assert protocol_of(small) == protocol_of(large)


@pytest.mark.parametrize("path", SMALL, ids=str)
def test_small_ones_say_how_to_get_images(path):
    config, text = load_config(path), _docstring(path)
    parser = argparse.ArgumentParser()
    prepare.add_arguments(parser)
    told = re.findall(r"danet (prepare .* --out OUT)\.", config.data.source)
    for words in *told, *re.findall(r"^    python (prepare\.py .*)$", text, re.M):
        arguments = parser.parse_args(shlex.split(words)[1:])
        assert arguments.channels == config.model.channels
        assert arguments.crop >= config.data.crop
    assert told or "DIR is " in text or path.stem == "quickstart"
    assert "DIR is " in config.data.source


def test_pairs_of_both_sizes_of_sidd():
    data = load_config("configs/small/sidd.py").data
    names = [
        f"Data/{scene}/{number}{kind}_SRGB_010.PNG"
        for scene, number in (("0001_S6", ""), ("0002_GP", "0002_"))
        for kind in ("GT", "NOISY")
    ]
    pairs = match_pairs(names, clean=data.clean, degraded=data.degraded)
    assert pairs == [(names[0], names[1]), (names[2], names[3])]


@pytest.mark.parametrize(
    "path", [p for p in SMALL if p.stem not in ("ablation", "distill")], ids=str
)
def test_small_ones_take_minutes(path):
    config = load_config(path)
    network = nnx.eval_shape(lambda: DANet(config.model, rngs=nnx.Rngs(0)))
    leaves = jax.tree.leaves(nnx.state(network, nnx.Param))
    share = 23_401_504 / sum(leaf.size for leaf in leaves)  # DANet has as many
    if FEWER_PARAMETERS in _docstring(path):
        assert f"an {round(share)}th of DANet's parameters" == FEWER_PARAMETERS
    assert share > 80
    pixels = config.train.steps * config.train.batch_size * config.data.crop**2
    assert pixels < 60e6  # minutes on two CPU cores
    assert config.train.steps % config.train.validate_every == 0
