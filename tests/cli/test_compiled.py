"""The persistent compilation cache."""

import os
from pathlib import Path

import jax
import pytest

from danet_jax.cli.compiled import VARIABLE, keep_compiled
from danet_jax.cli.main import main

OPTION = "jax_compilation_cache_dir"
SECONDS = "jax_persistent_cache_min_compile_time_secs"


@pytest.fixture
def unset(monkeypatch, tmp_path: Path):
    """No cache is chosen, and the user's folder is an empty one."""
    before = getattr(jax.config, OPTION)
    seconds = getattr(jax.config, SECONDS)
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv(SECONDS.upper(), raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jax.config.update(OPTION, None)
    jax.config.update(SECONDS, 1.0)
    yield tmp_path / "danet_jax"
    jax.config.update(OPTION, before)
    jax.config.update(SECONDS, seconds)


def test_it_is_on_by_default(unset: Path) -> None:
    assert main(["complexity", "--network", "danet_s", "--size", "8x8"]) == 0
    [folder] = unset.iterdir()
    assert getattr(jax.config, OPTION) == str(folder)
    assert getattr(jax.config, SECONDS) == 0


def test_what_is_too_small_to_keep_is_the_users_choice(unset, monkeypatch) -> None:
    monkeypatch.setenv(SECONDS.upper(), "3")
    keep_compiled()
    assert unset.exists()
    assert getattr(jax.config, SECONDS) == 1.0  # left as it was


@pytest.mark.parametrize("chosen", ["", "elsewhere"])
def test_the_user_decides(unset: Path, chosen: str, monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, chosen)
    keep_compiled()
    assert not unset.exists()
    assert getattr(jax.config, OPTION) is None


@pytest.mark.skipif(os.name == "nt", reason="paths of another kind")
def test_a_home_that_cannot_be_written_is_no_error(unset: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    keep_compiled()
    assert getattr(jax.config, OPTION) is None


def test_a_user_without_a_home_is_no_error(unset: Path, monkeypatch) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", home)
    keep_compiled()
    assert getattr(jax.config, OPTION) is None
