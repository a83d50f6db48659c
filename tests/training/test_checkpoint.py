"""Which checkpoints stay, what they hold, and how broken ones are refused."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from danet_jax.checks import CheckpointError
from danet_jax.config import ExperimentConfig
from danet_jax.training import load_experiment
from danet_jax.training.checkpoint import Checkpoints
from danet_jax.training.step import TrainState, new_state
from tests.training.conftest import ROOT
from tests.training.snapshots import steps_saved

Tiny = Callable[..., ExperimentConfig]


def state(step: int, size: int = 3, *, ema: bool = False) -> TrainState:
    params = {"kernel": jnp.full(size, float(step))}
    moments = {"mu": jnp.full(size, -float(step)), "count": jnp.int32(step)}
    average = {"kernel": jnp.full(size, 0.5)} if ema else None
    return TrainState(jnp.int32(step), params, moments, average)


@pytest.fixture
def save(tiny: Tiny, tmp_path: Path) -> Callable[..., None]:
    """Saves steps 1, 2, ... with these PSNRs."""

    def save(*psnrs_db: float | None, ema: bool = False) -> None:
        with Checkpoints(tmp_path, tiny()) as checkpoints:
            for step, psnr_db in enumerate(psnrs_db, 1):
                checkpoints.save(state(step, ema=ema), psnr_db)

    return save


@pytest.mark.parametrize(
    ("psnrs_db", "kept", "best"),
    [
        ((30.0, 31.0, 29.0, 28.0, 27.0), [2, 4, 5], 2),
        ((30.0, None, 29.0, None, None), [1, 4, 5], 1),
        ((float("nan"), 29.0, None, None), [2, 3, 4], 2),
        ((None, None, None, 28.0), [3, 4], 4),
    ],
)
def test_the_latest_two_and_the_best_stay(save, tiny, tmp_path, psnrs_db, kept, best):
    save(*psnrs_db)
    assert steps_saved(tmp_path) == kept
    for config in None, tiny():
        with Checkpoints(tmp_path, config) as checkpoints:
            assert checkpoints.latest == kept[-1]
            assert checkpoints.best == best


def test_without_validation_the_newest_is_the_best(save, tmp_path: Path) -> None:
    save(None, None, None)
    with Checkpoints(tmp_path) as checkpoints:
        assert (checkpoints.best, checkpoints.latest) == (3, 3)


@pytest.mark.parametrize("ema", [False, True])
def test_everything_comes_back(save, tiny, tmp_path, ema: bool) -> None:
    save(None, None, ema=ema)
    with Checkpoints(tmp_path, tiny()) as checkpoints:
        found = checkpoints.resume(state(0, ema=ema))
        assert checkpoints.config_of(2) == tiny()
    jax.tree.map(np.testing.assert_array_equal, found, state(2, ema=ema))
    dtypes = jax.tree.map(lambda leaf: leaf.dtype, found)
    assert dtypes == jax.tree.map(lambda leaf: leaf.dtype, state(2, ema=ema))


def test_saving_does_not_ask_for_a_cluster_s_signals(save, tmp_path, monkeypatch):
    """By the step: the call at which all hosts stop would be far away, or past."""
    asked: list[int] = []
    ask = "jax.experimental.multihost_utils.reached_preemption_sync_point"
    monkeypatch.setattr(ask, asked.append)
    save(None, 30.0)
    assert not asked


def test_nothing_to_resume(tiny: Tiny, tmp_path: Path) -> None:
    with Checkpoints(tmp_path, tiny()) as checkpoints:
        given = state(0)
        assert checkpoints.latest is None
        assert checkpoints.resume(given) is given


def test_unfinished_ones_do_not_count(save, tiny, tmp_path: Path) -> None:
    save(None, None)
    unfinished = tmp_path / "checkpoints" / "3.orbax-checkpoint-tmp"
    shutil.copytree(tmp_path / "checkpoints" / "2", unfinished)
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.latest == 2
    assert unfinished.exists()  # another process may be writing it
    with Checkpoints(tmp_path, tiny()) as checkpoints:
        assert checkpoints.latest == 2
        checkpoints.save(state(3), None)
    assert not unfinished.exists()
    assert steps_saved(tmp_path) == [2, 3]


@pytest.mark.parametrize("item", ["params", "opt_state"])
@pytest.mark.parametrize("step", [1, 2])
def test_an_incomplete_one_is_named(save, tiny, tmp_path, item: str, step: int) -> None:
    save(*[None] * step)
    shutil.rmtree(tmp_path / "checkpoints" / str(step) / item)
    repair = {1: "Restore its files from", 2: "Without this folder the one before is"}
    match = rf"checkpoints/{step}: the checkpoint is incomplete.*{repair[step]}"
    with (
        Checkpoints(tmp_path, tiny()) as checkpoints,
        pytest.raises(CheckpointError, match=match),
    ):
        checkpoints.resume(state(0))


def test_metrics_that_cannot_be_read(save, tmp_path: Path) -> None:
    save(30.0)
    (tmp_path / "checkpoints" / "1" / "metrics" / "metrics").write_text('{"psnr')
    with pytest.raises(CheckpointError, match=r"a checkpoint's metrics cannot be read"):
        Checkpoints(tmp_path)


@pytest.fixture
def run(tiny: Tiny, tmp_path: Path) -> Path:
    """The directory of a run with one checkpoint, of a whole network."""
    random, (_, new) = np.random.RandomState(0), new_state(tiny(), 6)
    # An untrained network's zeros would be compressed to nothing.
    ema = jax.tree.map(lambda leaf: jnp.float32(random.rand(*leaf.shape)), new.ema)
    with Checkpoints(tmp_path / "run", tiny()) as checkpoints:
        checkpoints.save(new._replace(ema=ema), None)
    return tmp_path / "run"


def test_a_step_that_is_not_there_and_one_without_its_config(run: Path) -> None:
    match = r"checkpoints/7: no .*; there are 0\. Give one of these, or the run\."
    with pytest.raises(CheckpointError, match=match):
        load_experiment(run / "checkpoints" / "7")
    shutil.rmtree(run / "checkpoints" / "0" / "config")
    with pytest.raises(CheckpointError, match=r"checkpoints/0: .*lacks its config"):
        load_experiment(run)


def test_loading_warns_of_nothing(run: Path, tiny: Tiny, caplog) -> None:
    before = sorted(run.rglob("*"))
    for path in run, run / "checkpoints" / "0":
        assert load_experiment(path)[0] == tiny()
    assert (caplog.text, sorted(run.rglob("*"))) == ("", before)


def test_lack_of_memory_is_no_damage(save, tiny: Tiny, tmp_path, monkeypatch) -> None:
    save(30.0)

    def refuse(*_: object, **__: object) -> None:
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    with Checkpoints(tmp_path, tiny()) as checkpoints:
        monkeypatch.setattr(checkpoints._manager, "restore", refuse)
        with pytest.raises(jax.errors.JaxRuntimeError, match="EXHAUSTED"):
            checkpoints.resume(state(0))


def test_a_checkpoint_is_given_its_score(save, tiny: Tiny, tmp_path) -> None:
    save(30.0, None)
    with Checkpoints(tmp_path, tiny()) as checkpoints:
        assert not checkpoints.unscored(1)
        assert checkpoints.unscored(2)
        checkpoints.score(2, 31.0)
        assert (checkpoints.best, checkpoints.unscored(2)) == (2, False)
    with Checkpoints(tmp_path) as checkpoints:
        assert (checkpoints.best, checkpoints.unscored(2)) == (2, False)
        assert int(checkpoints.resume(state(0)).params["kernel"][0]) == 2


@pytest.mark.parametrize(
    ("pattern", "size", "text"),
    [
        ("ema/d/*", None, "NOT_FOUND"),
        ("ema/d/*", 50, "not valid for value of size 50"),
        ("ema/ocdbt.process_0/d/*", 50, "not valid for value of size 50"),
    ],
)
def test_a_damaged_one_is_one_line_at_the_command_line(
    run: Path, photographs: Path, pattern: str, size: int | None, text: str
) -> None:
    for path in run.joinpath("checkpoints", "0").glob(pattern):
        if size is None:
            path.unlink()
        else:
            os.truncate(path, size)
    image = photographs / "test" / "3.png"
    words = [ROOT / "restore.py", image, "--checkpoint", run, "--out", run / "a.png"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{run}/checkpoints/0: the checkpoint is incomplete")
    assert text in done.stderr
    assert "tensorstore_spec" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_one_of_another_network_is_refused(save, tiny, tmp_path: Path) -> None:
    save(None)
    with (
        Checkpoints(tmp_path, tiny()) as checkpoints,
        pytest.raises(CheckpointError, match="incomplete or of another network"),
    ):
        checkpoints.read(1, {"params": state(0, size=4).params})


def test_too_little_space(save, tiny, tmp_path: Path, monkeypatch) -> None:
    save(None)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**19))
    match = r"0\.5 of 1\.0 MiB are free.*disk is full; make room.*that of step 1"
    with (
        Checkpoints(tmp_path, tiny()) as checkpoints,
        pytest.raises(CheckpointError, match=match),
    ):
        checkpoints.save(state(2), None)
    assert steps_saved(tmp_path) == [1]


def test_a_disk_that_fills_up(save, tiny, tmp_path: Path, monkeypatch) -> None:
    save(None)
    with Checkpoints(tmp_path, tiny()) as checkpoints:

        def full() -> None:
            raise ValueError("RESOURCE_EXHAUSTED: write: No space left on device")

        monkeypatch.setattr(checkpoints._manager, "wait_until_finished", full)
        match = r"could not be written .*The disk is full; make room.*that of step 1"
        with pytest.raises(CheckpointError, match=match):
            checkpoints.wait()
        monkeypatch.undo()
    assert steps_saved(tmp_path) == [1]


def test_an_error_on_its_way_is_not_buried(tiny: Tiny, tmp_path, monkeypatch) -> None:
    """By that of a save in the background, which the same full disk has stopped."""

    def full() -> None:
        raise ValueError("RESOURCE_EXHAUSTED: write: No space left on device")

    with (
        pytest.raises(CheckpointError, match="one line"),
        Checkpoints(tmp_path, tiny()) as checkpoints,
    ):
        monkeypatch.setattr(checkpoints._manager, "wait_until_finished", full)
        raise CheckpointError("one line")


def test_no_checkpoint_to_load(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"no checkpoint here. Give the --workdir"
    ):
        load_experiment(tmp_path / "missing")
    with Checkpoints(tmp_path, tiny()):
        pass
    with pytest.raises(CheckpointError, match="no checkpoint was finished here yet"):
        load_experiment(tmp_path)
    match = r"checkpoints/7: no checkpoint of this step; there are none\."
    with pytest.raises(CheckpointError, match=match):
        load_experiment(tmp_path / "checkpoints" / "7")
