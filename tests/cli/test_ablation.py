"""``danet ablation``."""

from pathlib import Path

import jax
import numpy as np
import pytest

from danet_jax.cli import ablation as command
from danet_jax.cli.main import main
from danet_jax.data.images import write_png

TINY = Path(__file__).parents[1] / "training" / "tiny.py"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("images")
    rows, columns = np.mgrid[:16, :16]
    write_png(root / "a.png", (8 * rows + columns).astype(np.uint8)[..., None])
    return root


def test_a_table_of_one_row(images: Path, tmp_path: Path, capsys) -> None:
    words = ["ablation", "--config", str(TINY), "--workdir", str(tmp_path / "runs")]
    words += ["--data", str(images), "--variants", "unet"]
    words += [f"--config.data.root={images}", "--config.train.steps=1"]
    assert main([*words, "--config.train.batch_size=1"]) == 0
    table = capsys.readouterr().out
    assert table == (tmp_path / "runs" / "ablation.md").read_text()
    assert table.splitlines()[2].startswith("| U-Net | ")


def test_only_the_first_process_writes_the_table(
    images: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(command, "run_study", lambda *_, **__: True)
    monkeypatch.setattr(command, "outcomes_of", lambda *_: pytest.fail("a second one"))
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    words = ["ablation", "--config", str(TINY), "--workdir", str(tmp_path / "runs")]
    assert main([*words, "--data", str(images)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--seeds", "1", "1"], "--seeds must differ; got [1, 1]"),
        (["--variants", "unit"], "no variant unit of tiny"),
        (["--config.data.validation_root="], "no test images. Name folders: --data"),
    ],
)
def test_bad_input_is_one_line(
    images: Path, tmp_path: Path, words: list[str], match: str, capsys
) -> None:
    usual = ["ablation", "--config", str(TINY), "--workdir", str(tmp_path / "runs")]
    usual += [f"--config.data.{name}={images}" for name in ("root", "validation_root")]
    assert main([*usual, *words]) == 2
    shown = capsys.readouterr().err
    assert match in shown
    assert shown.count("\n") == 1
    assert not (tmp_path / "runs").exists()
