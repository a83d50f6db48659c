"""The same networks in PyTorch and here: outputs and all gradients."""

import json
from typing import Any

import numpy as np
import pytest

from danet_jax import DANetConfig, from_torch, to_torch
from tests import golden_files, tolerances
from tests.golden_files import to_nchw
from tests.interop.test_weights import SMALL, assert_same_bits
from tests.models.networks import image, random_state
from tests.models.running import Arrays, Results, run

torch = pytest.importorskip("torch")

from tests.reference.torch_danet import DANet as TorchDANet  # noqa: E402
from tests.reference.torch_deform_conv import deform_conv2d  # noqa: E402


def torchs(
    config: DANetConfig, state: Arrays, x: np.ndarray, cotangent: np.ndarray
) -> Results:
    """What the reference computes, in float64."""
    network = TorchDANet(config).double()
    network.load_state_dict({name: torch.tensor(a) for name, a in state.items()})
    image = torch.tensor(x).double().requires_grad_()
    restored = network(image)
    restored.backward(torch.tensor(cotangent).double())
    grads = {name: p.grad.numpy() for name, p in network.named_parameters()}
    return Results([restored.detach().numpy()], [image.grad.numpy()], grads)


@pytest.mark.parametrize("name", SMALL)
def test_outputs_and_gradients(name: str) -> None:
    config = SMALL[name]
    state = random_state(config, seed=1)
    x = to_nchw(np.asarray(image(config, 9, 14, seed=1)))
    cotangent = np.random.default_rng(2).normal(size=x.shape).astype(np.float32)
    expected = torchs(config, state, x, cotangent)
    actual = run(from_torch(state, config), [x], [cotangent])
    tolerances.assert_near(actual.outputs[0], expected.outputs[0], tolerances.OUTPUT)
    tolerances.assert_near(
        actual.inputs[0], expected.inputs[0], tolerances.INPUT_GRADIENT
    )
    assert actual.parameters.keys() == expected.parameters.keys()
    for parameter, gradient in actual.parameters.items():
        wanted = expected.parameters[parameter]
        assert wanted.any(), parameter
        tolerances.assert_near(gradient, wanted, tolerances.of_parameter(parameter))


@pytest.mark.parametrize("name", SMALL)
def test_state_dicts_of_the_reference_fit(name: str) -> None:
    """And the other way round: strictly, with every name."""
    network = TorchDANet(SMALL[name])
    model = from_torch(network.state_dict(), SMALL[name])
    state = to_torch(model)
    assert_same_bits(state, {n: t.numpy() for n, t in network.state_dict().items()})
    network.load_state_dict({n: torch.tensor(a) for n, a in state.items()})


def test_the_reference_starts_as_we_do() -> None:
    x = torch.rand(2, 3, 7, 10)
    with torch.no_grad():
        restored = TorchDANet(SMALL["RGB"])(x)
    assert torch.equal(restored, x)


def test_plain_deformable_convolution_is_torchvisions() -> None:
    """So that the reference means the same with and without torchvision."""
    torchvision = pytest.importorskip("torchvision")
    for name in golden_files.of_kind("deform_conv2d"):
        golden = golden_files.load(name)
        given = {
            n: torch.tensor(golden.arrays[n]).double()
            for n in ("offset", "weight", "bias", "mask")
            if n in golden.arrays
        }
        options = {n: tuple(golden.meta[n]) for n in ("stride", "padding", "dilation")}
        x = torch.tensor(golden.arrays["x"]).double()
        ours = deform_conv2d(x, **given, **options)
        theirs = torchvision.ops.deform_conv2d(x, **given, **options)
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def make_goldens() -> Any:
    pytest.importorskip("torchvision")
    from tests.reference import make_goldens

    return make_goldens


def test_every_golden_file_has_one_maker() -> None:
    """The second group of tests/golden/README.md: those that the script writes."""
    names = {path.stem for path in golden_files.FOLDER.glob("*.npz")}
    text = (golden_files.FOLDER / "README.md").read_text(encoding="utf-8")
    first = text.split("## Where")[1].split("**`tests/reference")[0]
    others = {name for name in names if f"`{name}`" in first}
    assert set(make_goldens().all_cases()) == names - others


@pytest.mark.parametrize(
    "name", ["deform_conv_stride3", "haar_inverse", "adeb_one_pixel", "ablation_unet"]
)
def test_golden_files_can_be_made_again(name: str, tmp_path: Any) -> None:
    """With other versions of torch to rounding; with those in meta to the byte."""
    script, golden = make_goldens(), golden_files.load(name)
    make, seed, case = script.all_cases()[name]
    meta, arrays = make(seed, case)
    script.write(tmp_path / "again.npz", {**meta, "seed": seed}, arrays)
    with np.load(tmp_path / "again.npz") as file:
        again = json.loads(str(file["meta"]))
        versions = {"torch", "torchvision"}
        assert {k: v for k, v in again.items() if k not in versions} == {
            k: v for k, v in golden.meta.items() if k not in versions
        }
        assert set(file.files) == set(golden.arrays) | {"meta"}
        for key, array in golden.arrays.items():
            tolerances.assert_near(file[key], array, 1e-6)
