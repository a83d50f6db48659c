from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danet_jax.checks import ConfigError
from danet_jax.cli.jobs import compared, parse_shard, plan, share_of, unfinished


@given(st.integers(0, 40), st.integers(1, 9))
def test_shares_are_disjoint_and_complete(images, count):
    jobs = [(Path(f"{i}"), Path(f"out/{i}")) for i in range(images)]
    shares = [share_of(jobs, (number, count)) for number in range(1, count + 1)]
    assert sorted(job for share in shares for job in share) == sorted(jobs)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_parts_by_hand():
    assert parse_shard("1/1") == (1, 1)
    assert parse_shard("3/4", {"SLURM_PROCID": "0", "SLURM_NTASKS": "2"}) == (3, 4)


@pytest.mark.parametrize(
    ("environment", "shard"),
    [
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, (1, 4)),
        ({"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4"}, (4, 4)),
        ({"JAX_PROCESS_ID": "1", "JAX_NUM_PROCESSES": "2"}, (2, 2)),
        (
            {"SLURM_PROCID": "0", "SLURM_NTASKS": "1"}
            | {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "8"},
            (2, 8),
        ),
        ({"JAX_PROCESS_ID": "1", "SLURM_PROCID": "2", "SLURM_NTASKS": "3"}, (3, 3)),
    ],
)
def test_parts_by_the_number_of_the_process(environment, shard):
    assert parse_shard("auto", environment) == shard


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "1/0", "a/4", "1/4/2", "-1/4"])
def test_parts_that_are_none(text):
    match = rf'"--shard" must be I/N with I from 1 to N, or auto; got {text}\.$'
    with pytest.raises(ConfigError, match=match):
        parse_shard(text, {})


def test_processes_without_a_number():
    with pytest.raises(ConfigError, match=r"auto finds no process number; .*SLURM_PR"):
        parse_shard("auto", {"SLURM_NTASKS": "4"})
    wrong = {"SLURM_PROCID": "4", "SLURM_NTASKS": "4"}
    with pytest.raises(ConfigError, match=r"I from 1 to N, .* got 5/4 from the envir"):
        parse_shard("auto", wrong)


def test_pictures_beside_results_are_no_inputs(tmp_path):
    names = "a.png", "a.png.compare.png", "a_restored.png", "b.compare.png"
    for name in (*names, "a_restored.png.compare.png"):
        (tmp_path / name).touch()
    _, jobs = plan(tmp_path, None)
    assert [source.name for source, _ in jobs] == ["a.png", "b.compare.png"]


def test_what_is_unfinished(tmp_path):
    jobs = [(Path(name), tmp_path / name) for name in ("a.png", "b.png", "c.png")]
    (tmp_path / "a.png").touch()
    (tmp_path / "b.png").touch()
    compared(tmp_path / "b.png").touch()
    (tmp_path / ".c.png.part.png").touch()  # of a process that was killed
    assert unfinished(jobs, compare=False) == jobs[2:]
    assert unfinished(jobs, compare=True) == [jobs[0], jobs[2]]
