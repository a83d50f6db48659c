"""Fair timing on shared machines: sides in alternation, medians, ratios."""

import json
import math
import os
import platform
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

TURN = 0.2  # least seconds of a turn
_LOAD = os.getloadavg()[0]  # of others: this process has not computed yet


class Time(NamedTuple):
    """Medians over the turns, in seconds a call."""

    wall: float
    cpu: float  # of all threads of the process


def interleaved(
    sides: Mapping[str, Callable[[], Any]], repeats: int, turn: float = TURN
) -> dict[str, Time]:
    """Lets the sides take turns; a turn is an untimed call, and then timed ones.

    So many that the turn takes a while: right after the other side's work, caches,
    threads and memory are not yet a side's own, and its first calls are slower.

    Args:
        sides: by name; a call returns when its work is done.
        repeats: turns of each side.
        turn: least seconds of a turn.
    """
    calls: dict[str, int] = {}
    for name, run in sides.items():
        run()
        began = time.perf_counter()
        run()
        took = time.perf_counter() - began
        calls[name] = max(math.ceil(turn / took), 1)
    walls: dict[str, list[float]] = {name: [] for name in sides}
    cpus: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, run in sides.items():
            run()
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(calls[name]):
                run()
            cpus[name].append((time.process_time() - cpu) / calls[name])
            walls[name].append((time.perf_counter() - wall) / calls[name])
    return {name: Time(median(walls[name]), median(cpus[name])) for name in sides}


def machine() -> dict[str, Any]:
    """What the figures depend on: processor, cores, versions."""
    versions = {}
    for package in ("jax", "jaxlib", "flax", "torch", "torchvision"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "processor": platform.machine(),
        "instructions": _instructions(),
        "cores": len(os.sched_getaffinity(0)),
        "load_at_start": round(_LOAD, 1),
        **versions,
    }


def write(name: str, out: Path, rows: list[dict[str, Any]], columns: list[str]) -> None:
    """Prints a Markdown table, and writes it and JSON as OUT/NAME.md and .json."""
    out.mkdir(parents=True, exist_ok=True)
    about = machine()
    facts = ", ".join(f"{key} {value}" for key, value in about.items())
    lines = [
        f"| {' | '.join(columns)} |",
        "|" + "---|" * len(columns),
        *(f"| {' | '.join(_cell(row.get(c)) for c in columns)} |" for row in rows),
    ]
    text = "\n".join([*lines, "", f"Measured on: {facts}.", ""])
    print(text)
    (out / f"{name}.md").write_text(text, encoding="utf-8")
    document = {"machine": about, "rows": rows}
    (out / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _instructions() -> str:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return "unknown"
    known = ("avx512f", "avx2", "asimd")
    return next((name for name in known if name in flags), "none of " + str(known))
