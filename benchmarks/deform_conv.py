"""deform_conv2d against torchvision's: time, CPU time, and temporary memory.

    python -m benchmarks.deform_conv --out benchmarks/results

Both sides get the same arrays and must agree before they are timed.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torchvision.ops import deform_conv2d as torch_deform_conv2d

from benchmarks.timing import interleaved, write
from danet_jax import deform_conv2d

TOLERANCE = 2e-5  # of the largest value
COLUMNS = [
    *("case", "pass", "torchvision ms", "ours ms", "ratio", "ratio of CPU time"),
    "temporaries MB",
]


class Case(NamedTuple):
    """3x3 taps, stride 1, as many outputs as inputs."""

    n: int
    height: int
    width: int
    channels: int
    groups: int
    gradients: bool = True

    def __str__(self) -> str:
        return (
            f"{self.n}x{self.height}x{self.width}, C={self.channels}, G={self.groups}"
        )


CASES = [
    Case(1, 256, 256, 64, 8),
    Case(2, 64, 64, 128, 8),
    Case(2, 32, 32, 256, 8),
    Case(8, 64, 64, 16, 2),
    Case(8, 64, 64, 32, 4),
    Case(1, 320, 480, 64, 8, gradients=False),
]


def arrays(case: Case) -> list[np.ndarray]:
    """x, offsets from N(0, 2), mask, kernel and cotangent, in our layout."""
    random = np.random.default_rng(0)
    n, height, width, channels, groups, _ = case
    grid = (n, height, width, groups, 9)
    shapes = [
        (n, height, width, channels),
        (*grid, 2),
        grid,
        (3, 3, channels, channels),
        (n, height, width, channels),
    ]
    x, offsets, mask, kernel, g = (random.standard_normal(s) for s in shapes)
    mask = 1 / (1 + np.exp(-mask))
    kernel = kernel / np.sqrt(9 * channels)
    return [a.astype(np.float32) for a in (x, 2 * offsets, mask, kernel, g)]


def ours(case: Case, backward: bool) -> tuple[Callable[[], Any], int]:
    """The compiled call, and its temporaries in bytes."""
    *inputs, g = map(jnp.asarray, arrays(case))

    def forward(x: Any, offsets: Any, mask: Any, kernel: Any) -> jax.Array:
        return deform_conv2d(x, offsets, mask, kernel, padding=1)

    def both(inputs: Any, g: jax.Array) -> Any:
        y, pull = jax.vjp(forward, *inputs)
        return y, *pull(g)

    if backward:
        compiled = jax.jit(both).lower(inputs, g).compile()
        run = lambda: jax.block_until_ready(compiled(inputs, g))  # noqa: E731
    else:
        compiled = jax.jit(forward).lower(*inputs).compile()
        run = lambda: jax.block_until_ready(compiled(*inputs))  # noqa: E731
    return run, compiled.memory_analysis().temp_size_in_bytes


def theirs(case: Case, backward: bool) -> Callable[[], Any]:
    """The same by torchvision; results are returned in its own layout."""
    x, offsets, mask, kernel, g = arrays(case)
    flat = (case.n, case.height, case.width, -1)
    nchw = [a.reshape(flat).transpose(0, 3, 1, 2) for a in (x, offsets, mask, g)]
    x_, offsets_, mask_, g_ = (torch.tensor(np.ascontiguousarray(a)) for a in nchw)
    weight = torch.tensor(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))
    leaves = [x_, offsets_, mask_, weight]

    def run() -> Any:
        if not backward:
            with torch.no_grad():
                return (_call(leaves),)
        for leaf in leaves:
            leaf.requires_grad_()
        y = _call(leaves)
        return (y.detach(), *torch.autograd.grad(y, leaves, g_))

    return run


def _call(leaves: list[torch.Tensor]) -> torch.Tensor:
    x, offsets, mask, weight = leaves
    return torch_deform_conv2d(x, offsets, weight, padding=1, mask=mask)


def check(case: Case, here: Any, there: Any) -> None:
    """Fails unless both computed the same."""
    flat = (case.n, case.height, case.width, -1)
    for position, (a, b) in enumerate(zip(here, there, strict=True)):
        axes = (2, 3, 1, 0) if position == 4 else (0, 2, 3, 1)
        expected = b.numpy().transpose(axes)
        actual = np.asarray(a).reshape(expected.shape if position == 4 else flat)
        error = np.abs(actual - expected).max() / np.abs(expected).max()
        assert error < TOLERANCE, f"{case}: array {position} differs by {error:.1e}"


def measure(case: Case, backward: bool, repeats: int) -> dict[str, Any]:
    """One row of the table."""
    run, temporaries = ours(case, backward)
    other = theirs(case, backward)
    results = run()
    check(case, results if backward else (results,), other())
    times = interleaved({"ours": run, "theirs": other}, repeats)
    here, there = times["ours"], times["theirs"]
    return {
        "case": str(case),
        "pass": "forward and backward" if backward else "forward",
        "torchvision ms": 1e3 * there.wall,
        "ours ms": 1e3 * here.wall,
        "ratio": there.wall / here.wall,
        "ratio of CPU time": there.cpu / here.cpu,
        "temporaries MB": temporaries / 1e6,
    }


def main() -> None:
    """Measures all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    rows = [
        measure(case, backward, arguments.repeats)
        for case in CASES
        for backward in (False, True)
        if case.gradients or not backward
    ]
    write("deform_conv", arguments.out, rows, COLUMNS)


if __name__ == "__main__":
    main()
