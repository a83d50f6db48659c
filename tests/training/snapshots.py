"""Reading the files of a run without the code that wrote them."""

from pathlib import Path
from typing import Any

import orbax.checkpoint as ocp


def steps_saved(workdir: Path) -> list[int]:
    """The steps of the finished checkpoints."""
    folders = workdir.joinpath("checkpoints").glob("*")
    return sorted(int(folder.name) for folder in folders if folder.name.isdigit())


def latest_state(workdir: Path, *, missing_ok: bool = False) -> dict[str, Any]:
    """The arrays of the newest checkpoint: step, params, opt_state and ema."""
    steps = steps_saved(workdir)
    if not steps and missing_ok:
        return {}
    folder = workdir.absolute() / "checkpoints" / str(steps[-1])
    state: dict[str, Any] = {"step": steps[-1]}
    with ocp.StandardCheckpointer() as checkpointer:
        for name in "params", "opt_state", "ema":
            if (folder / name).is_dir():
                state[name] = checkpointer.restore(folder / name)
    return state
