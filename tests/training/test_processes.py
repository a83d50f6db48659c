"""Trainings in processes of their own: many devices, two hosts, and sudden ends."""

import contextlib
import json
import random
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from tests.training.conftest import Trainings
from tests.training.snapshots import latest_state, steps_saved

PATIENCE = 300  # seconds, of which a busy machine takes many


def losses(workdir: Path) -> list[float]:
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return [row["loss"] for row in rows if row["kind"] == "train"]


def assert_equal(actual: Any, expected: Any) -> None:
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


def await_records(process: subprocess.Popen[str], workdir: Path, count: int) -> None:
    """Waits until a run has recorded so many lines."""
    path, until = workdir / "metrics.jsonl", time.monotonic() + PATIENCE
    while not path.exists() or path.read_text().count("\n") < count:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until, "the training does not get on"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def uninterrupted(
    trainings: Trainings, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The directory of a run that nothing stopped."""
    workdir = tmp_path_factory.mktemp("uninterrupted")
    shown = trainings.run(workdir)
    assert "Stopped" not in shown
    return workdir


def test_eight_devices_train_as_one(
    trainings: Trainings, uninterrupted: Path, tmp_path: Path
) -> None:
    flags = "--xla_force_host_platform_device_count=8"
    assert "8 cpu device(s)" in trainings.run(tmp_path, XLA_FLAGS=flags)
    np.testing.assert_allclose(losses(tmp_path), losses(uninterrupted), rtol=1e-5)


def test_sigterm_saves_and_a_new_process_resumes(
    trainings: Trainings, uninterrupted: Path, tmp_path: Path
) -> None:
    # Only the signal has a reason to save before the last step.
    rhythm = ("train.save_every=1000", "train.validate_every=1000")
    process = trainings.start(tmp_path, "train.steps=6", *rhythm)
    await_records(process, tmp_path, 1)
    process.send_signal(signal.SIGTERM)
    _, shown = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, shown
    stops = [int(step) for step in re.findall(r"Stopped after step (\d)", shown)]
    [stopped] = stops or [6]  # the signal may come after the last step
    assert steps_saved(tmp_path) == [stopped]
    trainings.run(tmp_path, *rhythm)
    assert_equal(latest_state(tmp_path), latest_state(uninterrupted))


def test_kill_at_any_moment_loses_only_what_was_not_saved(
    trainings: Trainings, uninterrupted: Path, tmp_path: Path
) -> None:
    chance = random.Random(0)
    # A checkpoint at each step: nearly every moment is one of saving.
    rhythm = ("train.save_every=1", "train.validate_every=1000")
    for records in 1, 3, 4:
        process = trainings.start(tmp_path, *rhythm)
        await_records(process, tmp_path, records)
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        process.communicate()
        recorded = (tmp_path / "metrics.jsonl").read_text().count("\n")
        # A save waits for the one before: that of the last record may not have begun,
        # that of the record before not have ended, but all earlier ones have.
        assert max(steps_saved(tmp_path), default=0) >= recorded - 2
        latest_state(tmp_path, missing_ok=True)
    trainings.run(tmp_path, *rhythm)
    assert_equal(latest_state(tmp_path), latest_state(uninterrupted))
    assert not list(tmp_path.glob("checkpoints/*tmp*"))
    assert losses(tmp_path) == losses(uninterrupted)


def free_job() -> int:
    """A job of Open MPI, from which JAX derives a free port: 61440 + job / 4096."""
    for number in random.SystemRandom().sample(range(4096), 100):
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", 61440 + number))
            return number * 4096
    pytest.fail("no free port")


def start_pair(
    trainings: Trainings, workdir: Path, *overrides: str
) -> list[subprocess.Popen[str]]:
    """Two processes of one training, as mpirun of Open MPI would start them."""
    shared = {
        "OMPI_MCA_orte_hnp_uri": f"{free_job()}.0;tcp://127.0.0.1:1",
        "OMPI_COMM_WORLD_SIZE": "2",
        "OMPI_COMM_WORLD_LOCAL_SIZE": "1",  # as if each had a host of its own
    }
    return [
        trainings.start(
            workdir,
            "distributed=auto",
            *overrides,
            OMPI_COMM_WORLD_RANK=str(rank),
            OMPI_COMM_WORLD_LOCAL_RANK="0",
            # Of its own: JAX warns of an entry that another process is just writing.
            JAX_COMPILATION_CACHE_DIR=str(workdir.with_name(f"compiled_by_{rank}")),
            **shared,
        )
        for rank in range(2)
    ]


def finish(pair: list[subprocess.Popen[str]]) -> list[str]:
    until = time.monotonic() + PATIENCE
    while any(process.poll() is None for process in pair):
        if time.monotonic() > until:
            for process in pair:
                process.kill()
        time.sleep(0.1)
    shown = [process.communicate()[1] for process in pair]
    assert [process.returncode for process in pair] == [0, 0], "\n".join(shown)
    return shown


def test_two_processes_train_save_and_resume_as_one(
    trainings: Trainings, tmp_path: Path
) -> None:
    # Of plain convolutions: it compiles sooner, and all that is special stays.
    plain = ("model.block=conv", "model.recurrent_offsets=False")
    alone, together = tmp_path / "alone", tmp_path / "together"
    trainings.run(alone, *plain)
    pair = start_pair(trainings, together, *plain)
    await_records(pair[0], together, 1)
    pair[1].send_signal(signal.SIGTERM)  # one of them is enough
    shown = finish(pair)
    assert ("Stopped" in shown[0]) == (steps_saved(together)[-1] < 6)
    assert "2 cpu device(s)" in shown[0] and "device(s)" not in shown[1]
    finish(start_pair(trainings, together, *plain))
    assert steps_saved(together)[-1] == 6
    np.testing.assert_allclose(losses(together), losses(alone), rtol=1e-5)
    # One process can take over what two have begun.
    assert "all 6 steps are done" in trainings.run(together, *plain)
