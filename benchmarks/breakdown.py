"""Where the time of a training step goes, by the part of the network it belongs to.

    python -m benchmarks.breakdown --network danet --crop 128 --batch 1

A trace of three steps by ``jax.profiler``; each operation of the compiled program is
given to the file of this package that it was traced in. Times are summed over threads.
"""

import argparse
import collections
import re
import tempfile
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks.network_sides import NETWORKS
from benchmarks.timing import write
from danet_jax.config import ExperimentConfig, override
from danet_jax.models import layers
from danet_jax.ops import conv
from danet_jax.training import devices
from danet_jax.training.step import make_train_step, new_state

STEPS = 3
PARTS = {  # the innermost of these files decides
    "conv.py": "plain convolutions",
    "deform_conv.py": "deformable convolutions",
    "sampling.py": "deformable convolutions",
    "chunks.py": "deformable convolutions",
    "attention.py": "attention",
    "wavelet.py": "wavelets, resampling",
    "resize.py": "wavelets, resampling",
    "layers.py": "biases and 1x1 convolutions",
    "offset.py": "activations, splits, sums",
    "blocks.py": "activations, splits, sums",
    "danet.py": "activations, splits, sums",
    "stage.py": "activations, splits, sums",
}
# Of a loop or a condition only what is inside counts.
CONTAINERS = ("while", "conditional", "call")
COLUMNS = ["part", "forward ms", "backward ms", "share %"]


def run_steps(network: str, crop: int, batch: int) -> tuple[str, Any]:
    """The text of the compiled step, and the trace of some calls of it."""
    config = override(
        ExperimentConfig(name="breakdown", model=NETWORKS[network]),
        {"train.batch_size": batch, "data.crop": crop},
    )
    mesh = devices.make_mesh(batch)
    graphdef, state = new_state(config, 100)
    state = devices.replicate(state, mesh)
    clean = np.random.default_rng(0).integers(0, 255, (batch, crop, crop, 1), np.uint8)
    images = devices.split_batch({"clean": clean}, mesh)
    step = make_train_step(graphdef, config, 100, mesh).lower(state, images).compile()
    state, metrics = step(state, images)
    jax.block_until_ready(metrics)
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            for _ in range(STEPS):
                state, metrics = step(state, images)
                jax.block_until_ready(metrics)
        [path] = Path(folder).glob("**/*.xplane.pb")
        return step.as_text(), jax.profiler.ProfileData.from_file(str(path))


def places(text: str) -> dict[str, tuple[str, str]]:
    """The part and the direction of each instruction of a compiled program."""
    names, frames = _table(text, "FileNames"), _table(text, "StackFrames")
    files = _table(text, "FileLocations")

    def part(frame: int) -> str:
        while frame:
            entry = _numbers(frames[frame])
            location = _numbers(files[entry["file_location_id"]])
            file = names[location["file_name_id"]].strip('"').rsplit("/", 1)[-1]
            if file in PARTS:
                return PARTS[file]
            parent = entry.get("parent_frame_id", 0)
            frame = 0 if parent == frame else parent
        return "optimiser and the rest"

    pattern = r'%?([\w.\-]+) = [^\n]*?op_name="([^"]*)"(?: stack_frame_id=(\d+))?'
    return {
        name: (
            part(int(frame or 0)),
            "backward ms" if "transpose(" in operation else "forward ms",
        )
        for name, operation, frame in re.findall(pattern, text)
        if not name.startswith(CONTAINERS)
    }


def _table(text: str, name: str) -> dict[int, str]:
    found = re.search(rf"{name}\n((?:\d+ .*\n)+)", text)
    rows = (line.split(" ", 1) for line in found[1].splitlines()) if found else ()
    return {int(number): value for number, value in rows}


def _numbers(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", text)}


def main() -> None:
    """Prints and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--network", choices=list(NETWORKS), default="small_deep")
    add("--crop", type=int, default=64)
    add("--batch", type=int, default=8)
    add("--plain", action="store_true", help="with the convolutions of lax")
    add("--out", type=Path, default=Path("benchmarks/results"))
    arguments = parser.parse_args()
    if arguments.plain:
        layers.conv2d = conv._plain
    text, trace = run_steps(arguments.network, arguments.crop, arguments.batch)
    where = places(text)
    sums: dict[str, collections.Counter[str]] = collections.defaultdict(
        collections.Counter
    )
    for plane in trace.planes:
        for line in plane.lines:
            for event in line.events:
                if event.name in where:
                    part, direction = where[event.name]
                    sums[part][direction] += event.duration_ns / STEPS / 1e6
    total = sum(counter.total() for counter in sums.values())
    rows = [
        {"part": part, **counter, "share %": 100 * counter.total() / total}
        for part, counter in sorted(sums.items(), key=lambda item: -item[1].total())
    ]
    form = "plain" if arguments.plain else "ours"
    write(f"breakdown_{arguments.network}_{form}", arguments.out, rows, COLUMNS)


if __name__ == "__main__":
    main()
