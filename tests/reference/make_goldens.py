"""Write the golden files of `golden_cases` with the PyTorch reference.

    python -m tests.reference.make_goldens --out DIR [--only NAME ...]

Inputs and parameters are float32, all arithmetic is float64, results are stored as
float32. Torchvision is required: its deformable convolution is what the files hold.
The format is described in `tests/golden/README.md`.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
import torchvision
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from .golden_cases import DEFORM_CONV, HAAR_INVERSE, NETWORKS, PARTS, Case
from .torch_blocks import Block, ChannelAttention, OffsetBranch, idwt2
from .torch_danet import DANet, DANetConfig

Arrays = dict[str, Tensor]
Make = Callable[[int, Case], tuple[Case, Arrays]]

CLEARANCE = 0.1  # least distance of an offset from whole pixels
SWAY = 0.25  # most by which features move an offset away from its bias


class Draw:
    """Random tensors in float64 whose values are float32 numbers."""

    def __init__(self, seed: int):
        self.generator = np.random.default_rng(seed)

    def tensor(self, values: np.ndarray) -> Tensor:
        """Round to what a golden file stores."""
        return torch.from_numpy(values.astype(np.float32)).double()

    def normal(self, shape: tuple[int, ...], std: float = 1, mean: float = 0) -> Tensor:
        """Normal numbers."""
        return self.tensor(self.generator.normal(mean, std, shape))

    def uniform(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        """Uniform numbers in [low, high)."""
        return self.tensor(self.generator.uniform(low, high, shape))

    def offsets(self, shape: tuple[int, ...], reach: int, spread: float) -> Tensor:
        """Offsets within `reach` pixels, at most `spread` from half a pixel."""
        whole = self.generator.integers(-reach, reach, shape)
        part = self.generator.uniform(0.5 - spread, 0.5 + spread, shape)
        return self.tensor(whole + part)


def deform_conv_case(seed: int, case: Case) -> tuple[Case, Arrays]:
    """Meta and arrays of one call of `deform_conv2d`."""
    draw = Draw(seed)
    meta = {
        "kind": "deform_conv2d",
        "stride": case.get("stride", (1, 1)),
        "padding": case.get("padding", (1, 1)),
        "dilation": case.get("dilation", (1, 1)),
        "offset_groups": case.get("groups", 2),
        "kernel": case.get("kernel", (3, 3)),
    }
    inputs = deform_conv_inputs(draw, case, meta)
    output = deform_conv2d(
        inputs["x"],
        inputs["offset"],
        inputs["weight"],
        inputs.get("bias"),
        mask=inputs.get("mask"),
        **{name: meta[name] for name in ("stride", "padding", "dilation")},
    )
    cotangent = draw.normal(output.shape)
    gradients = torch.autograd.grad(output, list(inputs.values()), cotangent)
    arrays = {**inputs, "cotangent": cotangent, "output": output}
    arrays |= {f"grad/{n}": g for n, g in zip(inputs, gradients, strict=True)}
    return meta, arrays


def deform_conv_inputs(draw: Draw, case: Case, meta: Case) -> dict[str, Tensor]:
    """Random arguments of `deform_conv2d`, without a mask or a bias where not asked."""
    n, channels, *size = case["x"]
    taps = meta["kernel"][0] * meta["kernel"][1]
    slots = meta["offset_groups"] * taps
    out = output_size(size, meta)

    offset_shape = (n, 2 * slots, *out)
    weight_shape = (case["outputs"], channels, *meta["kernel"])
    inputs = {
        "x": draw.normal(case["x"]),
        "offset": draw.offsets(offset_shape, case.get("reach", 2), 0.5 - CLEARANCE),
        "weight": draw.normal(weight_shape, (channels * taps) ** -0.5),
    }
    if case.get("whole"):
        inputs["offset"].floor_()[0] = 0
    if case.get("mask", True):
        inputs["mask"] = draw.uniform((n, slots, *out), 0.1, 0.9)
    if case.get("bias", True):
        inputs["bias"] = draw.normal((case["outputs"],))
    return {name: tensor.requires_grad_() for name, tensor in inputs.items()}


def output_size(size: Sequence[int], meta: Case) -> tuple[int, ...]:
    """Height and width of a convolution's output."""
    return tuple(
        (size[i] + 2 * meta["padding"][i] - meta["dilation"][i] * (kernel - 1) - 1)
        // meta["stride"][i]
        + 1
        for i, kernel in enumerate(meta["kernel"])
    )


def haar_inverse_case(seed: int, case: Case) -> tuple[Case, Arrays]:
    """Meta and arrays of the inverse Haar transform."""
    bands = Draw(seed).normal(case["x"])
    return {"kind": "haar_inverse"}, {"x": bands, "idwt2": idwt2(bands)}


def part_case(seed: int, case: Case) -> tuple[Case, Arrays]:
    """Meta and arrays of an attention module or a block."""
    draw = Draw(seed)
    size = case.get("size", (5, 6))
    meta = {"kind": case["kind"], "width": case["width"]}
    inputs = [draw.normal((2, case["width"], *size))]
    if case["kind"] == "channel_attention":
        module: nn.Module = ChannelAttention(case["width"])
    else:
        recurrent, carried = case.get("recurrent", False), case.get("carried", False)
        meta |= {"offset_width": 4, "offset_groups": 2}
        meta |= {"recurrent": recurrent, "carried": carried}
        module = Block(case["width"], 4, 2, case["kind"], recurrent, carried)
        if carried:
            inputs.append(draw.normal((2, 4, *size)))
    return meta, module_arrays(draw, module, inputs)


def network_case(seed: int, case: Case) -> tuple[Case, Arrays]:
    """Meta and arrays of a whole network."""
    draw = Draw(seed)
    fields = {name: value for name, value in case.items() if name != "image"}
    config = DANetConfig(**{"offset_width": 3, "offset_groups": 2, **fields})
    n, height, width = case["image"]
    image = draw.uniform((n, config.channels, height, width), 0, 1)
    arrays = module_arrays(draw, DANet(config), [image])
    return {"kind": "network", "config": asdict(config)}, arrays


def module_arrays(draw: Draw, module: nn.Module, inputs: list[Tensor]) -> Arrays:
    """Inputs, parameters, outputs, cotangents and gradients of a module."""
    module.double()
    randomise(draw, module)
    for branch in module.modules():
        if isinstance(branch, OffsetBranch):
            branch.predict.register_forward_pre_hook(limit_sway)

    inputs = [x.requires_grad_() for x in inputs]
    outputs = module(*inputs)
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    cotangents = [draw.normal(output.shape) for output in outputs]
    state = dict(module.named_parameters())
    gradients = torch.autograd.grad(outputs, [*inputs, *state.values()], cotangents)

    arrays: Arrays = {f"input/{i}": x for i, x in enumerate(inputs)}
    arrays |= {f"output/{i}": y for i, y in enumerate(outputs)}
    arrays |= {f"cotangent/{i}": y for i, y in enumerate(cotangents)}
    arrays |= {f"state/{name}": parameter for name, parameter in state.items()}
    names = [*(f"input/{i}" for i in range(len(inputs))), *state]
    arrays |= {f"grad/{n}": g for n, g in zip(names, gradients, strict=True)}
    return arrays


@torch.no_grad()
def randomise(draw: Draw, module: nn.Module) -> None:
    """Give every parameter a random value under which every gradient is alive."""
    for name, layer in module.named_modules():
        if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            continue
        fan_in = layer.in_channels * layer.weight[0, 0].numel()
        if isinstance(layer, nn.ConvTranspose2d):
            fan_in = layer.in_channels
        scale = {"conv2": 0.25, "merge": 0.5}.get(name.split(".")[-1], 1.0)
        std = scale * (2 / fan_in) ** 0.5
        layer.weight.copy_(draw.normal(layer.weight.shape, std))
        # Channel attention's few hidden units must not all be cut off by its ReLU.
        mean = 1.0 if name.endswith("reduce") else 0.0
        layer.bias.copy_(draw.normal(layer.bias.shape, 0.1, mean))
        if name.endswith("predict"):
            layer.bias.copy_(draw.offsets(layer.bias.shape, 2, 0.5 - CLEARANCE - SWAY))


@torch.no_grad()
def limit_sway(predict: nn.Conv2d, inputs: tuple[Tensor]) -> None:
    """Scale a prediction's kernels so that no offset comes near a whole pixel.

    At a whole pixel the gradient jumps, and rounding could choose the other side.
    """
    sway = F.conv2d(inputs[0], predict.weight, padding=1).abs().max()
    predict.weight.mul_(SWAY / sway)
    predict.weight.copy_(predict.weight.float())


def write(path: Path, meta: Case, arrays: Arrays) -> None:
    """Store one case after a check that each gradient is alive and finite."""
    stored = {
        name: array.detach().numpy().astype(np.float32)
        for name, array in arrays.items()
    }
    for name, array in stored.items():
        if not np.isfinite(array).all() or not array.any():
            raise ValueError(f"{path.name}: {name} is zero or not finite")
    versions = {
        "torch": torch.__version__.split("+")[0],
        "torchvision": torchvision.__version__.split("+")[0],
    }
    np.savez_compressed(path, meta=np.array(json.dumps(meta | versions)), **stored)


def all_cases() -> dict[str, tuple[Make, int, Case]]:
    """Each file's name with the function, the seed and the sizes that make it."""
    tables: tuple[tuple[Make, dict[str, Case]], ...] = (
        (haar_inverse_case, HAAR_INVERSE),
        (deform_conv_case, DEFORM_CONV),
        (part_case, PARTS),
        (network_case, NETWORKS),
    )
    return {
        name: (make, 1000 + 100 * number + i, case)
        for number, (make, table) in enumerate(tables)
        for i, (name, case) in enumerate(table.items())
    }


def main() -> None:
    """Command line."""
    cases = all_cases()
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the files")
    parser.add_argument("--only", nargs="+", choices=cases, metavar="NAME")
    arguments = parser.parse_args()

    torch.set_num_threads(1)  # sums in a fixed order: the files are reproducible
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.only or cases:
        make, seed, case = cases[name]
        meta, arrays = make(seed, case)
        path = arguments.out / f"{name}.npz"
        write(path, {**meta, "seed": seed}, arrays)
        print(f"{path} {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
