"""``danet restore --skip-existing``: what is missing is restored, and nothing else."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from flax import nnx
from PIL import Image

from danet_jax.cli import networks
from danet_jax.cli.main import main
from danet_jax.config import DANetConfig, ExperimentConfig
from danet_jax.models import DANet

ROOT = Path(__file__).parents[2]
GRAY = DANetConfig(
    widths=(2, 2),
    encoder_blocks=(0, 0),
    decoder_blocks=(0,),
    block="conv",
    recurrent_offsets=False,
)
# Kills itself after the second result was written, before it got its name.
KILLED = """
import os, signal, sys
from pathlib import Path
from tests.cli import test_restore_again as tests

written, replace = [], Path.replace

def replace_or_die(path, target):
    written.append(path)
    if len(written) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(path, target)

Path.replace = replace_or_die
tests.networks.load_experiment = tests.experiment
tests.main(sys.argv[1:])
"""


def experiment(_path: Path) -> tuple[ExperimentConfig, DANet]:
    """An untrained network, which returns its input exactly."""
    return ExperimentConfig(model=GRAY), DANet(GRAY, rngs=nnx.Rngs(0))


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A folder of four images, each of one shade; the network is untrained."""
    monkeypatch.setattr(networks, "load_experiment", experiment)
    for shade, name in enumerate(("a.png", "b.png", "c/a.png", "d.png")):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((7, 9), shade, np.uint8)).save(path)
    return tmp_path / "photos"


def command(photos: Path, *words: str) -> list[str]:
    return ["restore", str(photos), "--checkpoint", "x", *words]


def shades(out: Path) -> dict[str, int]:
    found = {}
    for path in sorted(p for p in out.rglob("*") if p.is_file()):
        if not path.name.endswith(".compare.png"):
            with Image.open(path) as file:
                found[str(path.relative_to(out))] = file.getpixel((0, 0))
    return found


ALL = {"a.png": 0, "b.png": 1, "c/a.png": 2, "d.png": 3}


def test_a_killed_run_is_finished(photos, tmp_path, capsys):
    out = tmp_path / "photos_restored"
    words = [sys.executable, "-c", KILLED, *command(photos)]
    killed = subprocess.run(words, cwd=ROOT, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert shades(out) == {".b.png.part.png": 1, "a.png": 0}
    assert main(command(photos)) == 2
    shown = capsys.readouterr().err
    assert "one of 1 such results" in shown
    assert "or --skip-existing to go on with what is missing" in shown
    time = (out / "a.png").stat().st_mtime_ns
    assert main(command(photos, "--skip-existing")) == 0
    said = f"{photos} -> {out}; 1 of 4 were there already\n"
    assert capsys.readouterr().out == said
    assert shades(out) == ALL
    assert (out / "a.png").stat().st_mtime_ns == time


def test_nothing_is_loaded_where_nothing_is_missing(photos, monkeypatch, capsys):
    assert main(command(photos, "--skip-existing")) == 0
    monkeypatch.setattr(networks, "load_experiment", lambda _: pytest.fail("loaded"))
    capsys.readouterr()
    assert main(command(photos, "--skip-existing")) == 0
    shown = capsys.readouterr()
    assert shown.out.endswith("; 4 of 4 were there already\n")
    assert shown.err == ""


def test_what_exists_is_left_alone_whatever_it_is(photos, tmp_path):
    out = tmp_path / "photos_restored"
    (out / "c").mkdir(parents=True)
    Image.new("L", (1, 1), 77).save(out / "c" / "a.png")
    assert main(command(photos, "--skip-existing")) == 0
    assert shades(out) == ALL | {"c/a.png": 77}


def test_comparisons_may_be_what_is_missing(photos, tmp_path, capsys):
    out = tmp_path / "photos_restored"
    assert main(command(photos)) == 0
    (out / "b.png").unlink()
    Image.new("L", (1, 1), 77).save(out / "d.png")
    capsys.readouterr()
    assert main(command(photos, "--skip-existing", "--compare")) == 0
    assert capsys.readouterr().out.endswith("; 0 of 4 were there already\n")
    assert shades(out) == ALL | {"d.png": 77}
    assert len(list(out.rglob("*.compare.png"))) == 4


def test_parts_stay_what_they_were(photos, tmp_path, capsys):
    out = tmp_path / "photos_restored"
    assert main(command(photos, "--shard", "1/2")) == 0
    assert shades(out) == {"a.png": 0, "c/a.png": 2}
    capsys.readouterr()
    assert main(command(photos, "--shard", "2/2", "--skip-existing")) == 0
    part = "(part 2 of 2: 2 of 4 images); 0 of 2 were there already\n"
    assert capsys.readouterr().out.endswith(part)
    assert shades(out) == ALL


def test_a_single_file(photos, capsys):
    words = command(photos / "a.png", "--skip-existing")
    for there in 0, 1:
        assert main(words) == 0
        assert capsys.readouterr().out.endswith(f"; {there} of 1 were there already\n")


def test_it_excludes_overwriting_and_inputs_stay(photos, capsys):
    assert main(command(photos, "--skip-existing", "--overwrite")) == 2
    assert "not allowed with argument" in capsys.readouterr().err
    assert main(command(photos, "--skip-existing", "--out", str(photos))) == 2
    assert "is an input, which is never overwritten" in capsys.readouterr().err
