"""DANet against its PyTorch twin: inference, training steps, compile time, memory.

    python -m benchmarks.network --out benchmarks/results [--networks danet]

Every figure comes from a process of its own (``network_sides``), the sides in turn; of
PyTorch's two memory formats the faster one counts. Both sides must return the same.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.network_sides import NETWORKS, Job
from benchmarks.timing import interleaved, write
from danet_jax.models.complexity import complexity

SIDES = ("jax", "plain", "torch", "torch_channels_last")
JOBS = [
    Job("small_deep", "step", 64, 64, 8, 9),
    Job("small_deep", "inference", 320, 480, 1, 5),
    Job("danet_s", "inference", 320, 480, 1, 2),
    Job("danet_s", "step", 128, 128, 1, 3),
    Job("danet", "inference", 320, 480, 1, 2),
    Job("danet", "step", 128, 128, 1, 3),
    Job("danet", "step", 128, 128, 4, 1),
]
COLUMNS = [
    *("job", "ours s", "lax.conv s", "PyTorch s", "PyTorch / ours", "lax.conv / ours"),
    *("time of the MACs s", "ours MB", "PyTorch MB"),
]
START_COLUMNS = [
    "job",
    "cache",
    "set up and trace s",
    "compile s",
    "to the end of the first s",
]
SCALE_COLUMNS = ["network", "side", "seconds", "seconds a megapixel"]


def run_side(side: str, job: Job, **environment: str) -> dict[str, Any]:
    """What one process prints."""
    words = [sys.executable, "-m", "benchmarks.network_sides", side, *map(str, job)]
    done = subprocess.run(
        words, env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def product_rate() -> float:
    """Multiply-adds a second of a large matrix product, all cores."""
    a, b = jnp.ones((16384, 576)), jnp.ones((576, 64))
    product = jax.jit(jnp.matmul)
    once = interleaved({"product": lambda: product(a, b).block_until_ready()}, 25)
    return 16384 * 576 * 64 / once["product"].wall


def compare(job: Job, rounds: int, sides: tuple[str, ...]) -> dict[str, Any]:
    """One row: all sides on one job."""
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    rates = []
    with tempfile.TemporaryDirectory() as cache:
        for _ in range(rounds):
            for side in sides:
                runs[side].append(run_side(side, job, JAX_COMPILATION_CACHE_DIR=cache))
            rates.append(product_rate())
    values = [run["value"] for several in runs.values() for run in several]
    assert max(values) - min(values) < 1e-4 * max(map(abs, values)), values
    walls = {side: median(run["wall"] for run in runs[side]) for side in sides}
    peaks = {side: min(run["peak_mb"] for run in runs[side]) for side in sides}
    theirs = min((side for side in sides if "torch" in side), key=lambda s: walls[s])
    macs = job.batch * complexity(NETWORKS[job.network], job.height, job.width).macs
    return {
        "job": f"{job.network}, {job.work}, {job.batch}x{job.width}x{job.height}",
        "ours s": walls["jax"],
        "lax.conv s": walls["plain"],
        "PyTorch s": walls[theirs],
        "PyTorch / ours": walls[theirs] / walls["jax"],
        "lax.conv / ours": walls["plain"] / walls["jax"],
        "time of the MACs s": macs * (3 if job.work == "step" else 1) / median(rates),
        "ours MB": peaks["jax"],
        "PyTorch MB": peaks[theirs],
        "runs": runs,
        "multiply-adds a second": median(rates),
    }


def starts(job: Job) -> list[dict[str, Any]]:
    """Time to the end of the first call, without and with the compilation cache."""
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        for state in ("cold", "warm"):
            run = run_side(
                "jax",
                job._replace(repeats=1),
                JAX_COMPILATION_CACHE_DIR=cache,
                JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",  # as danet sets it
            )
            rows.append(
                {
                    "job": f"{job.network}, {job.work}",
                    "cache": state,
                    "set up and trace s": run["trace_and_lower"],
                    "compile s": run["compile"],
                    "to the end of the first s": run["first_call"],
                }
            )
    return rows


def scaling(network: str, sizes: list[int], repeats: int) -> list[dict[str, Any]]:
    """Inference against image size."""
    rows = []
    for side in sizes:
        run = run_side("jax", Job(network, "inference", side, side, 1, repeats))
        rows.append(
            {
                "network": network,
                "side": side,
                "seconds": run["wall"],
                "seconds a megapixel": 1e6 * run["wall"] / side**2,
            }
        )
    return rows


def main() -> None:
    """Measures what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--out", type=Path, default=Path("benchmarks/results"))
    add("--rounds", type=int, default=1)
    parts = ["compare", "starts", "scaling"]
    networks = ["small_deep", "danet_s", "danet"]
    add("--only", nargs="+", choices=parts, default=parts)
    add("--networks", nargs="+", choices=networks, default=networks)
    arguments = parser.parse_args()
    jobs = [job for job in JOBS if job.network in arguments.networks]
    rows: list[dict[str, Any]] = []
    if "compare" in arguments.only:
        for job in jobs:
            rows.append(compare(job, arguments.rounds, SIDES))
            write("network", arguments.out, rows, COLUMNS)
    if "starts" in arguments.only:
        steps = [job for job in jobs if job.work == "step" and job.batch != 4]
        rows = [row for job in steps for row in starts(job)]
        write("start", arguments.out, rows, START_COLUMNS)
    if "scaling" in arguments.only:
        rows = scaling("small_deep", [64, 128, 256, 512, 1024], 5)
        if "danet" in arguments.networks:
            rows += scaling("danet", [256, 512, 1024], 1)
        write("scaling", arguments.out, rows, SCALE_COLUMNS)


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    print(f"{time.perf_counter() - started:.0f} seconds in all.", file=sys.stderr)
