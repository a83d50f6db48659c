"""deform_conv2d against the golden files: outputs and all gradients, on all paths."""

from typing import Any

import jax
import numpy as np
import pytest

from danet_jax.ops import chunks
from tests import golden_files, tolerances
from tests.golden_files import Golden, to_nhwc
from tests.ops.deform_cases import QUICK, gradients, pairs

NAMES = golden_files.of_kind("deform_conv2d")
Results = tuple[Any, dict[str, Any]]


def ours(golden: Golden, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Torch's arrays by our names and in our layouts."""
    groups, taps = golden.meta["offset_groups"], np.prod(golden.meta["kernel"])
    split = {
        "x": lambda a: to_nhwc(a),
        "offset": lambda a: a.reshape(len(a), groups, taps, 2, *a.shape[2:]),
        "mask": lambda a: a.reshape(len(a), groups, taps, *a.shape[2:]),
        "weight": lambda a: a.transpose(2, 3, 1, 0),
        "bias": lambda a: a,
    }
    found = {name: f(arrays[name]) for name, f in split.items() if name in arrays}
    found["offsets"] = found.pop("offset").transpose(0, 4, 5, 1, 2, 3)
    found["kernel"] = found.pop("weight")
    if "mask" in found:
        found["mask"] = found["mask"].transpose(0, 3, 4, 1, 2)
    return found


def options(golden: Golden) -> dict[str, tuple[int, int]]:
    names = ("stride", "padding", "dilation")
    return {name: tuple(golden.meta[name]) for name in names}


def cotangent(golden: Golden) -> np.ndarray:
    return to_nhwc(golden.arrays["cotangent"])


def compare(golden: Golden, results: Results) -> None:
    expected = (
        to_nhwc(golden.arrays["output"]),
        ours(golden, golden.below("grad")),
    )
    table = {"output": tolerances.OUTPUT}
    table |= dict.fromkeys(("x", "offsets", "mask"), tolerances.INPUT_GRADIENT)
    table |= dict.fromkeys(("kernel", "bias"), tolerances.PARAMETER_GRADIENT)
    for name, actual, wanted in pairs(results, expected):
        assert actual.dtype == np.float32, name
        tolerances.assert_near(actual, wanted, table[name])


@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str) -> None:
    golden = golden_files.load(name)
    run = jax.jit(gradients(**options(golden)), compiler_options=QUICK)
    compare(golden, run(ours(golden, golden.arrays), cotangent(golden)))


@pytest.mark.parametrize("name", NAMES)
def test_golden_as_on_accelerators(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other branch's constants, run here: one chunk, barriers for conditionals."""
    monkeypatch.setattr(chunks, "CPU", chunks.ACCELERATOR)
    golden = golden_files.load(name)
    inputs = ours(golden, golden.arrays), cotangent(golden)
    lowered = jax.jit(gradients(**options(golden))).lower(*inputs)
    assert "stablehlo.while" not in lowered.as_text()
    compare(golden, lowered.compile(QUICK)(*inputs))


@pytest.mark.parametrize("name", ["deform_conv_3x3_stride2", "deform_conv_plain"])
def test_golden_under_vmap(name: str) -> None:
    """One image at a time; the kernel and bias are those of all."""
    golden = golden_files.load(name)
    arrays = ours(golden, golden.arrays)
    axes = {key: None if key in ("kernel", "bias") else 0 for key in arrays}
    stacked = {k: a if axes[k] is None else a[:, None] for k, a in arrays.items()}
    run = jax.vmap(gradients(**options(golden)), in_axes=(axes, 0))
    jitted = jax.jit(run, compiler_options=QUICK)
    output, grads = jitted(stacked, cotangent(golden)[:, None])
    whole = {k: g.sum(0) if axes[k] is None else g[:, 0] for k, g in grads.items()}
    compare(golden, (output[:, 0], whole))


def test_golden_without_jit() -> None:
    golden = golden_files.load("deform_conv_3x3")
    run = gradients(**options(golden))
    compare(golden, run(ours(golden, golden.arrays), cotangent(golden)))
