"""One side of ``benchmarks.network``, in a process of its own: a job in, JSON out.

PyTorch's threads slow whatever else computes in their process; two sides in one process
would measure that. Arguments: SIDE (jax, plain, torch, torch_channels_last), NETWORK,
WORK (inference or step), HEIGHT, WIDTH, BATCH, REPEATS. "plain" is JAX with the
convolutions and gradients of ``lax`` alone.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from danet_jax.config import VARIANTS, DANetConfig

NETWORKS = {
    **VARIANTS,
    # SMALL of danet_jax.config has these widths, but a single block instead of seven.
    "small_deep": DANetConfig(
        widths=(16, 32, 48),
        encoder_blocks=(2, 2, 1),
        decoder_blocks=(1, 1),
        offset_width=8,
        offset_groups=2,
    ),
}
STEPS = 1000


class Job(NamedTuple):
    """What one process measures."""

    network: str
    work: str
    height: int
    width: int
    batch: int
    repeats: int


def state_dict(config: DANetConfig) -> dict[str, np.ndarray]:
    """Parameters by torch's names, the same on both sides; no kernel is zero.

    An untrained network samples at whole pixels; this one moves by about a pixel.
    """
    from flax import nnx

    from danet_jax import to_torch
    from danet_jax.models import DANet

    state = to_torch(DANet(config, rngs=nnx.Rngs(0)))
    random = np.random.default_rng(0)
    for name, array in state.items():
        if name.endswith("weight") and not array.any():
            scale = 0.5 / np.sqrt(array[0].size)
            state[name] = scale * random.standard_normal(array.shape, np.float32)
    return state


def images(job: Job, channels: int) -> np.ndarray:
    """Clean images in [0, 1], [N, H, W, channels]; smooth, of 8 bits."""
    rows, columns = np.mgrid[: job.height, : job.width]
    wave = np.sin(rows / 9.0) * np.cos(columns / 13.0)
    image = np.round(127 + 100 * wave).astype(np.float32) / 255
    return np.broadcast_to(
        image[None, :, :, None], (job.batch, job.height, job.width, channels)
    ).copy()


def timed(run: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Medians of the wall and CPU time of a call, in seconds."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {"wall": median(walls), "cpu": median(cpus), "fastest": min(walls)}


def jax_side(job: Job, *, plain: bool) -> dict[str, Any]:
    """Time to trace, to compile and to run, and memory, of the JAX network."""
    import jax

    from danet_jax import from_torch
    from danet_jax.models import layers
    from danet_jax.ops import conv

    if plain:
        layers.conv2d = conv._plain
    config = NETWORKS[job.network]
    model = from_torch(state_dict(config), config)
    began = time.perf_counter()
    make = _jax_inference if job.work == "inference" else _jax_step
    jitted, arguments, advance = make(job, model)
    traced = jitted.trace(*arguments)
    lowered = traced.lower()
    tracing = time.perf_counter() - began
    compiled = lowered.compile()
    compiling = time.perf_counter() - began - tracing
    held = list(arguments)

    def run() -> Any:
        out = jax.block_until_ready(compiled(*held))
        return advance(held, out)

    value = run()
    return {
        "trace_and_lower": tracing,
        "compile": compiling,
        "first_call": time.perf_counter() - began,
        "temporaries_mb": compiled.memory_analysis().temp_size_in_bytes / 1e6,
        "value": value,
        **timed(run, job.repeats),
    }


def _jax_inference(job: Job, model: Any) -> Any:
    import jax
    import jax.numpy as jnp
    from flax import nnx

    graphdef, params = nnx.split(model, nnx.Param)
    x = jnp.asarray(images(job, model.config.channels))
    jitted = jax.jit(lambda params, x: nnx.merge(graphdef, params)(x))
    return jitted, (nnx.as_pure(params), x), lambda _, out: float(out.mean())


def _jax_step(job: Job, model: Any) -> Any:
    from flax import nnx

    from danet_jax.config import ExperimentConfig, override
    from danet_jax.training import devices
    from danet_jax.training.step import make_train_step, new_state

    config = override(
        ExperimentConfig(name="benchmark", model=model.config),
        {
            "train.batch_size": job.batch,
            "data.crop": job.height,
            "data.sigma_255": 1e-3,
        },
    )
    mesh = devices.make_mesh(job.batch)
    graphdef, state = new_state(config, STEPS)
    params = nnx.as_pure(nnx.state(model, nnx.Param))
    state = devices.replicate(state._replace(params=params), mesh)
    clean = np.round(255 * images(job, model.config.channels)).astype(np.uint8)
    batch = devices.split_batch({"clean": clean}, mesh)

    def advance(held: list[Any], out: Any) -> float:
        held[0] = out[0]
        return float(out[1]["loss"])

    return make_train_step(graphdef, config, STEPS, mesh), (state, batch), advance


def torch_side(job: Job, *, channels_last: bool) -> dict[str, Any]:
    """Time and memory of the PyTorch network of ``tests/reference``."""
    import torch

    from tests.reference.torch_danet import DANet

    config = NETWORKS[job.network]
    network = DANet(config)
    state = {name: torch.tensor(a) for name, a in state_dict(config).items()}
    network.load_state_dict(state)
    x = torch.tensor(images(job, config.channels).transpose(0, 3, 1, 2).copy())
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)

    def infer() -> float:
        with torch.no_grad():
            return float(network(x).mean())

    def step() -> float:
        optimizer.zero_grad()
        loss = ((network(x) - x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    run = infer if job.work == "inference" else step
    began = time.perf_counter()
    value = run()
    first = time.perf_counter() - began
    return {"first_call": first, "value": value, **timed(run, job.repeats)}


def main() -> None:
    """Does one job and prints what was measured."""
    side, network, work, *numbers = sys.argv[1:]
    job = Job(network, work, *map(int, numbers))
    if side in ("jax", "plain"):
        result = jax_side(job, plain=side == "plain")
    else:
        result = torch_side(job, channels_last=side == "torch_channels_last")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({**result, "peak_mb": peak * 1024 / 1e6}))


if __name__ == "__main__":
    main()
