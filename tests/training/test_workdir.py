"""A working directory belongs to one experiment once something was saved there."""

import dataclasses
import json
from pathlib import Path

import pytest

from danet_jax.checks import CheckpointError
from danet_jax.config import (
    DistillationConfig,
    ExperimentConfig,
    from_dict,
    override,
)
from danet_jax.training.workdir import check_owner, claimed, is_complete, run_and_step

BASE = ExperimentConfig()


def save_something(workdir: Path) -> None:
    (workdir / "checkpoints" / "7").mkdir(parents=True)


def claim(workdir: Path, config: ExperimentConfig) -> None:
    with claimed(workdir, config):
        pass


def stored(workdir: Path) -> ExperimentConfig:
    return from_dict(
        ExperimentConfig, json.loads((workdir / "config.json").read_text())
    )


def stored_steps(workdir: Path) -> int:
    return json.loads((workdir / "config.json").read_text())["train"]["steps"]


def test_the_config_is_stored(tmp_path: Path) -> None:
    claim(tmp_path / "new" / "run", BASE)
    assert stored(tmp_path / "new" / "run") == BASE
    assert [path.name for path in (tmp_path / "new" / "run").iterdir()] == [
        "config.json"
    ]


def test_what_computes_nothing_may_change(tmp_path: Path) -> None:
    claim(tmp_path, BASE)
    save_something(tmp_path)
    changed = override(BASE, {"data.root": "elsewhere", "train.log_every": 7})
    claim(tmp_path, changed)
    assert stored(tmp_path) == changed


def test_what_computes_nothing_may_change_in_stage_one_too(tmp_path: Path) -> None:
    base = DistillationConfig()
    claim(tmp_path, base)
    save_something(tmp_path)
    check_owner(tmp_path, override(base, {"teacher.train.log_every": 7}))
    with pytest.raises(CheckpointError, match=r"teacher\.train\.seed was 0, now 7\. "):
        check_owner(tmp_path, override(base, {"teacher.train.seed": 7}))


def test_other_differences_are_all_named(tmp_path: Path) -> None:
    claim(tmp_path, BASE)
    save_something(tmp_path)
    changed = override(BASE, {"data.crop": 64, "model.widths": (8, 8, 8, 8)})
    match = (
        r"another config: data\.crop was 256, now 64; model\.widths was \[64, 128, "
        r"160, 256\], now \[8, 8, 8, 8\]\. Give another --workdir"
    )
    for check in check_owner, claim:
        with pytest.raises(CheckpointError, match=match):
            check(tmp_path, changed)
    assert stored(tmp_path) == BASE


def test_a_run_older_than_a_field_had_its_default(tmp_path: Path) -> None:
    claim(tmp_path, BASE)
    save_something(tmp_path)
    path = tmp_path / "config.json"
    values = json.loads(path.read_text())
    del values["train"]["accumulate"]
    path.write_text(json.dumps(values))
    claim(tmp_path, BASE)
    path.write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match=r"train\.accumulate was 1, now 2"):
        claim(tmp_path, override(BASE, {"train.accumulate": 2}))


def test_a_check_leaves_no_trace(tmp_path: Path) -> None:
    check_owner(tmp_path / "new", BASE)
    assert list(tmp_path.iterdir()) == []


def test_before_anything_is_saved_all_may_change(tmp_path: Path) -> None:
    claim(tmp_path, BASE)
    (tmp_path / "checkpoints" / "7.orbax-checkpoint-tmp").mkdir(parents=True)
    changed = dataclasses.replace(BASE, name="other")
    claim(tmp_path, changed)
    assert stored(tmp_path) == changed


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_run_without_its_config(tmp_path: Path, text: str | None) -> None:
    save_something(tmp_path)
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"config\.json: .*cannot be read"):
        claim(tmp_path, BASE)


def test_two_processes_do_not_meet(tmp_path: Path) -> None:
    with claimed(tmp_path, BASE):
        match = (
            "another process trains here now. Wait for it, or give another --workdir"
        )
        with pytest.raises(CheckpointError, match=match):
            claim(tmp_path, dataclasses.replace(BASE, name="other"))
    assert stored(tmp_path) == BASE
    claim(tmp_path, BASE)


def test_a_killed_process_keeps_nobody_out(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    claim(tmp_path, BASE)


def test_epochs_are_told_in_steps_once_they_are_known(tmp_path: Path) -> None:
    claim(tmp_path, override(BASE, {"train.steps": 8000}))
    save_something(tmp_path)
    check_owner(tmp_path, BASE)  # the images are not open yet
    match = r"train\.steps was 8000, now 7900\. .*where epochs count, also the images"
    with pytest.raises(CheckpointError, match=match):
        claim(tmp_path, override(BASE, {"train.steps": 7900}))


def test_a_run_that_was_begun_in_epochs_is_not_given_other_steps(
    tmp_path: Path,
) -> None:
    """Older versions stored what was typed, 0, and not what the epochs amount to."""
    base = DistillationConfig()
    claim(tmp_path, base)
    save_something(tmp_path)
    check_owner(tmp_path, base)
    typed = {"train.steps": 500}, {"teacher.train.steps": 500}
    for changes in typed:
        with pytest.raises(CheckpointError, match=r"train\.steps was 0, now 500\. "):
            check_owner(tmp_path, override(base, changes))
    claim(tmp_path, override(base, {"train.steps": 8000}))  # resolved
    assert stored_steps(tmp_path) == 8000


def test_a_complete_run(tmp_path: Path) -> None:
    assert not is_complete(tmp_path)
    claim(tmp_path, override(BASE, {"train.steps": 9}))
    assert not is_complete(tmp_path)
    save_something(tmp_path)
    assert not is_complete(tmp_path)
    (tmp_path / "checkpoints" / "9").mkdir()
    assert is_complete(tmp_path)


def test_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(CheckpointError, match="run: cannot be written"):
        claim(tmp_path / "run", BASE)


def test_the_run_of_a_checkpoint() -> None:
    run = Path("runs/x")
    assert run_and_step(run) == (run, None)
    assert run_and_step(run / "checkpoints" / "20") == (run, 20)
    assert run_and_step(run / "20") == (run / "20", None)
