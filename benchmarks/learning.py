"""PSNR against training time: the quickstart's network in JAX and in PyTorch.

    python -m benchmarks.learning --train BSDS432 --test Set12 --minutes 10

Gray images, sigma 25. Both sides start from the same parameters, see the same batches
with the same noise, use Adam at the same rates, and train one after the other, each in
a process of its own with all cores. The clock runs while they train, compiling
included, and stands still while they are tested.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.network_sides import state_dict
from benchmarks.timing import write
from danet_jax.config import SMALL, DataConfig
from danet_jax.data.pipeline import training_batches
from danet_jax.data.sources import open_folder, open_training
from danet_jax.evaluation.evaluate import evaluate
from danet_jax.evaluation.protocols import awgn

SIGMA = 25.0
RATE = 1e-3
BATCH = 8
HELD_OUT = ("12003", "302003")  # shown on Set12 too
COLUMNS = ["side", "minutes", "steps", "steps a minute", "PSNR dB"]

Step = Callable[[np.ndarray, np.ndarray], float]
Restore = Callable[[np.ndarray], np.ndarray]


def batches(folder: Path, steps: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Noisy and clean patches [8, 48, 48, 1] in [0, 1], equal for both sides."""
    data = DataConfig(
        root=str(folder), crop=48, interval=32, jitter=True, held_out=HELD_OUT
    )
    images = open_training(data, 1)
    random = np.random.default_rng(0)
    for batch in training_batches(
        images, data, batch_size=BATCH, seed=0, start_step=0, steps=steps
    ):
        clean = batch["clean"].astype(np.float32) / 255
        noise = random.standard_normal(clean.shape, np.float32)
        yield clean + SIGMA / 255 * noise, clean


def jax_side() -> tuple[Step, Restore]:
    """The step and the network in JAX."""
    import jax
    import jax.numpy as jnp
    import optax
    from flax import nnx

    from danet_jax import from_torch
    from danet_jax.training.step import l2_loss

    graphdef, params = nnx.split(from_torch(state_dict(SMALL), SMALL), nnx.Param)
    optimizer = optax.adam(RATE)
    state = nnx.as_pure(params), optimizer.init(nnx.as_pure(params))

    def step(state: Any, degraded: jax.Array, clean: jax.Array) -> Any:
        def loss(params: Any) -> jax.Array:
            return l2_loss(nnx.merge(graphdef, params)(degraded), clean)

        value, grads = jax.value_and_grad(loss)(state[0])
        updates, moments = optimizer.update(grads, state[1], state[0])
        return (optax.apply_updates(state[0], updates), moments), value

    compiled = jax.jit(step, donate_argnums=0)
    forward = jax.jit(lambda params, x: nnx.merge(graphdef, params)(x))

    def train(degraded: np.ndarray, clean: np.ndarray) -> float:
        nonlocal state
        state, value = compiled(state, degraded, clean)
        return float(value)

    return train, lambda x: np.asarray(forward(state[0], jnp.asarray(x)))


def torch_side() -> tuple[Step, Restore]:
    """The same in PyTorch."""
    import torch

    from tests.reference.torch_danet import DANet

    network = DANet(SMALL)
    start = {name: torch.tensor(array) for name, array in state_dict(SMALL).items()}
    network.load_state_dict(start)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)

    def nchw(x: np.ndarray) -> torch.Tensor:
        return torch.tensor(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))

    def train(degraded: np.ndarray, clean: np.ndarray) -> float:
        optimizer.zero_grad()
        loss = ((network(nchw(degraded)) - nchw(clean)) ** 2).mean()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    def restore(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(nchw(x)).numpy().transpose(0, 2, 3, 1)

    return train, restore


def run_side(side: str, arguments: argparse.Namespace) -> None:
    """Trains one side and prints a line of JSON for each test."""
    images = open_folder(arguments.test, 1, cache_gib=1.0)
    train, restore = jax_side() if side == "jax" else torch_side()
    trained, tests = 0.0, 0
    stream = enumerate(batches(arguments.train, 10**6), 1)
    while trained < 60 * arguments.minutes:
        step, batch = next(stream)
        began = time.perf_counter()
        train(*batch)
        trained += time.perf_counter() - began
        if trained >= 60 * arguments.minutes * (tests + 1) / arguments.tests:
            tests += 1
            scores = evaluate(restore, images, awgn(1, SIGMA))
            line = {"side": side, "minutes": trained / 60, "steps": step}
            print(
                json.dumps({**line, "PSNR dB": scores.mean.psnr_restored}), flush=True
            )


def picture(rows: list[dict[str, Any]], path: Path) -> None:
    """PSNR against minutes, a line a side."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 3.6), layout="constrained")
    for side, label in ("jax", "danet_jax"), ("torch", "PyTorch"):
        points = [
            (row["minutes"], row["PSNR dB"]) for row in rows if row["side"] == side
        ]
        axes.plot(*zip(*points, strict=True), marker="o", label=label)
    axes.set_xlabel("minutes of training on 2 cores, compiling included")
    axes.set_ylabel("PSNR on Set12 at sigma 25, dB")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Trains both sides, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--train", type=Path, required=True)
    add("--test", type=Path, required=True)
    add("--minutes", type=float, default=10.0)
    add("--tests", type=int, default=8)
    add("--out", type=Path, default=Path("benchmarks/results"))
    add("--side", choices=["jax", "torch"], help="one side alone, as JSON lines")
    arguments = parser.parse_args()
    if arguments.side:
        run_side(arguments.side, arguments)
        return
    rows: list[dict[str, Any]] = []
    for side in "jax", "torch":
        words = [sys.executable, "-m", "benchmarks.learning", "--side", side]
        for name in "train", "test", "minutes", "tests":
            words += [f"--{name}", str(getattr(arguments, name))]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        rows += [json.loads(line) for line in done.stdout.splitlines() if line]
    for row in rows:
        row["steps a minute"] = row["steps"] / row["minutes"]
    write("learning", arguments.out, rows, COLUMNS)
    picture(rows, arguments.out / "learning.png")


if __name__ == "__main__":
    main()
