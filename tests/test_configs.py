import ast
import dataclasses
import re
import shlex
from pathlib import Path

import jax
import pytest
from flax import nnx

from danet_jax.cli import train as command
from danet_jax.cli.main import main
from danet_jax.config import (
    DIV2K,
    SIDD_MEDIUM,
    VARIANTS,
    EvaluationConfig,
    TrainConfig,
    load_config,
)
from danet_jax.models import DANet
from danet_jax.training import TrainResult

ROOT = Path(__file__).parents[1]
PATHS = sorted(path.relative_to(ROOT) for path in ROOT.glob("configs/**/*.py"))
FULL = [path for path in PATHS if path.stem not in ("quickstart", "polyu")]
SIGMAS = (15, 25, 50, 75)
SETS = {
    "gray": ("Set12", "BSD68", "Urban100"),
    "rgb": ("Kodak24", "CBSD68", "Urban100"),
}


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def _docstring(path):
    return ast.get_docstring(ast.parse(path.read_text()))


def _scores(path):
    """PSNR and SSIM by test set, as a docstring states them."""
    rows = re.findall(r"^    (\w+) +(\d\d\.\d\d) / (0\.\d+)$", _docstring(path), re.M)
    return {name: (float(psnr), float(ssim)) for name, psnr, ssim in rows}


def test_all_experiments_are_there():
    images = [f"awgn_{kind}_{sigma}" for kind in ("gray", "rgb") for sigma in SIGMAS]
    names = [*images, "sidd"]
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
    assert config.evaluation == EvaluationConfig()
    assert config.distributed == "off"
    assert (config.data.crop, config.data.interval) == (256, 130)
    assert (config.data.flips, config.data.jitter) == (True, False)
    assert (config.data.root, config.data.held_out) == ("", ())


@pytest.mark.parametrize("path", FULL, ids=str)
def test_each_config_is_what_its_name_says(path):
    config, small = load_config(path), path.parent.name == "danet_s"
    channels = 1 if "gray" in path.stem else 3
    variant = VARIANTS["danet_s" if small else "danet"]
    assert config.model == dataclasses.replace(variant, channels=channels)
    if path.stem == "sidd":
        assert config.data == SIDD_MEDIUM
    else:
        sigma = float(path.stem.rpartition("_")[2])
        assert config.data == dataclasses.replace(DIV2K, sigma_255=sigma)


@pytest.mark.parametrize("path", FULL, ids=str)
def test_the_docstring_names_the_row_of_the_paper(path):
    title, small = _docstring(path).splitlines()[0], path.parent.name == "danet_s"
    assert title.startswith("DANet-S on " if small else "DANet on ")
    assert ("knowledge distillation" in _docstring(path)) == small
    if path.stem == "sidd":
        assert "Table 4" in title
        assert set(_scores(path)) == {"SIDD", "DND"}
        return
    _, kind, sigma = path.stem.split("_")
    assert {"gray": "on gray images", "rgb": "on RGB images"}[kind] in title
    assert f"Gaussian noise of sigma {sigma}: " in title
    assert {"gray": "Table 2", "rgb": "Table 3"}[kind] in title
    assert tuple(_scores(path)) == SETS[kind]


@pytest.mark.parametrize("kind", ["gray", "rgb"])
@pytest.mark.parametrize("folder", [Path("configs"), Path("configs/danet_s")], ids=str)
def test_more_noise_lowers_the_published_scores(folder, kind):
    tables = [_scores(folder / f"awgn_{kind}_{sigma}.py") for sigma in SIGMAS]
    for name in SETS[kind]:
        psnr, ssim = zip(*(table[name] for table in tables), strict=True)
        assert list(psnr) == sorted(psnr, reverse=True)
        assert list(ssim) == sorted(ssim, reverse=True)


def test_quickstart_is_small():
    path = Path("configs/quickstart.py")
    config = load_config(path)
    network = nnx.eval_shape(lambda: DANet(config.model, rngs=nnx.Rngs(0)))
    leaves = jax.tree.leaves(nnx.state(network, nnx.Param))
    share = 23_401_504 / sum(leaf.size for leaf in leaves)  # DANet has as many
    assert f"an {round(share)}th of DANet's parameters" in _docstring(path)
    pixels = config.train.steps * config.train.batch_size * config.data.crop**2
    assert pixels < 40e6  # minutes on two CPU cores
    assert config.train.steps % config.train.validate_every == 0
