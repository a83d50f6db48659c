"""deform_conv2d against torchvision's, live: outputs and gradients of all inputs."""

import jax
import numpy as np
import pytest

from tests.golden_files import to_nchw, to_nhwc
from tests.ops.deform_cases import CASES, KINDS, QUICK, Arrays, Case, gradients, pairs
from tests.tolerances import assert_near

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")

# Both sides round in float32.
RELATIVE = 5e-6

SHAPES = CASES | {
    "tail": Case((1, 41, 59, 4), 2, 3, padding=(1, 1)),
    "dilated": Case((2, 9, 8, 15), 3, 4, (3, 3), (1, 1), (2, 2), (2, 2)),
}


def torchvisions(arrays: Arrays, cotangent: np.ndarray, case: Case) -> tuple:
    """Output and gradients in our layouts and names."""
    n, out = case.image[0], case.out

    def channels(a: np.ndarray) -> np.ndarray:
        return to_nchw(a.reshape(n, *out, -1))

    there = {
        "x": to_nchw,
        "offsets": channels,
        "mask": channels,
        "kernel": lambda a: a.transpose(3, 2, 0, 1),
        "bias": lambda a: a,
    }
    tensors = {
        name: torch.tensor(there[name](array).copy(), requires_grad=True)
        for name, array in arrays.items()
    }
    output = torchvision.ops.deform_conv2d(
        tensors["x"],
        tensors["offsets"],
        tensors["kernel"],
        tensors.get("bias"),
        mask=tensors.get("mask"),
        **case.options,
    )
    output.backward(torch.tensor(to_nchw(cotangent).copy()))
    grads = {name: tensor.grad.numpy() for name, tensor in tensors.items()}
    back = {name: to_nhwc(g) for name, g in grads.items() if g.ndim == 4}
    back["kernel"] = grads["kernel"].transpose(2, 3, 1, 0)
    back = {k: g.reshape(arrays[k].shape) for k, g in (grads | back).items()}
    return to_nhwc(output.detach().numpy()), back


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("given", ["all", "no mask", "no bias"])
def test_equal_to_torchvision(name: str, given: str) -> None:
    case = SHAPES[name]
    run = jax.jit(gradients(**case.options), compiler_options=QUICK)
    for seed, kind in enumerate(KINDS):
        arrays = case.arrays(seed, kind, np.float32)
        arrays.pop(given.removeprefix("no "), None)
        cotangent = case.cotangent(seed, np.float32)
        expected = torchvisions(arrays, cotangent, case)
        for _, actual, wanted in pairs(run(arrays, cotangent), expected):
            assert_near(actual, wanted, RELATIVE)
