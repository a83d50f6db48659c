"""Memory of DANet's training step by option: what the forward pass keeps.

    python -m benchmarks.memory --out benchmarks/results

Traced, not run: the bytes that the backward pass finds, batch 12 of 256x256 on one
device. To these come parameters, gradient and Adam's two moments (4 bytes each), and
the working memory of one layer. The CPU's own figure for the temporaries of a compiled
step at batch 1 of 64x64 stands beside; it keeps no bfloat16, but converts it.
"""

import argparse
import itertools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.timing import write
from danet_jax.config import VARIANTS, ExperimentConfig, override
from danet_jax.models import abstract_danet
from danet_jax.models.complexity import feature_bytes
from danet_jax.training import devices
from danet_jax.training.step import make_train_step, new_state

BATCH, SIDE = 12, 256
COLUMNS = [
    *("network", "dtype", "remat", "accumulate", "kept features GB", "state GB"),
    "CPU temporaries MB (1x64x64)",
]


def row(name: str, dtype: str, remat: bool, accumulate: int) -> dict[str, Any]:
    """One line of the table."""
    model = abstract_danet(VARIANTS[name], dtype=jnp.dtype(dtype), remat=remat)
    part = (BATCH // accumulate, SIDE, SIDE, 1)
    kept = feature_bytes(model, jax.ShapeDtypeStruct(part, jnp.float32))
    parameters = sum(leaf.size for leaf in jax.tree.leaves(_params(name)))
    temporaries = None
    if accumulate == 1 and name == "danet":
        temporaries = _compiled(name, dtype, remat) / 1e6
    return {
        "network": name,
        "dtype": dtype,
        "remat": remat,
        "accumulate": accumulate,
        "kept features GB": kept / 1e9,
        "state GB": 16 * parameters / 1e9,
        "CPU temporaries MB (1x64x64)": temporaries,
    }


def _params(name: str) -> Any:
    from flax import nnx

    return nnx.as_pure(nnx.state(abstract_danet(VARIANTS[name]), nnx.Param))


def _compiled(name: str, dtype: str, remat: bool) -> int:
    config = override(
        ExperimentConfig(name="memory", model=VARIANTS[name]),
        {
            "train.batch_size": 1,
            "data.crop": 64,
            "train.dtype": dtype,
            "train.remat": remat,
        },
    )
    mesh = devices.make_mesh(1)
    graphdef, state = new_state(config, 10)
    batch = devices.split_batch({"clean": np.zeros((1, 64, 64, 1), np.uint8)}, mesh)
    step = make_train_step(graphdef, config, 10, mesh)
    compiled = step.lower(devices.replicate(state, mesh), batch).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def main() -> None:
    """Traces all combinations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = itertools.product(
        ("danet", "danet_s"), ("float32", "bfloat16"), (False, True), (1, 4)
    )
    write("memory", parser.parse_args().out, [row(*o) for o in options], COLUMNS)


if __name__ == "__main__":
    main()
