"""Files of PyTorch: what it saved is read, and what is written it can load."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from danet_jax import from_torch, to_torch
from danet_jax.checks import WeightsError
from danet_jax.interop import read_state_dict, write_state_dict
from tests.interop.test_weights import assert_same_bits
from tests.models.networks import PLAIN, random_state

torch = pytest.importorskip("torch")


def tensors() -> dict[str, Any]:
    return {name: torch.tensor(a) for name, a in random_state(PLAIN).items()}


@pytest.mark.parametrize("suffix", [".pth", ".pt"])
def test_there_and_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    state = random_state(PLAIN)
    write_state_dict(path, to_torch(from_torch(state, PLAIN)))
    loaded = torch.load(path, weights_only=True)
    assert_same_bits({name: t.numpy() for name, t in loaded.items()}, state)
    assert_same_bits(read_state_dict(path), state)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": state},
        lambda state: {"state_dict": state, "optimizer": {"step": 3}, "epoch": 7},
        lambda state: {"model": state, "epoch": 7},
        lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
        lambda state: {"net": {f"module.{name}": t for name, t in state.items()}},
        lambda state: {n: torch.nn.Parameter(t) for n, t in state.items()},
        lambda state: {name: tensor.double() for name, tensor in state.items()},
    ],
    ids=["state_dict", "script", "model", "module", "both", "parameters", "double"],
)
def test_what_training_scripts_save(tmp_path: Path, wrap: Any) -> None:
    path = tmp_path / "weights.pth"
    torch.save(wrap(tensors()), path)
    assert_same_bits(read_state_dict(path), random_state(PLAIN))


def test_half_precision(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    half = {name: tensor.bfloat16() for name, tensor in tensors().items()}
    torch.save(half, path)
    expected = {name: tensor.float().numpy() for name, tensor in half.items()}
    assert_same_bits(read_state_dict(path), expected)
    assert_same_bits(to_torch(from_torch(half, PLAIN)), expected)


def test_tensors_are_taken_and_not_shared() -> None:
    state = {n: torch.nn.Parameter(t) for n, t in tensors().items()}
    model = from_torch(state, PLAIN)
    with torch.no_grad():
        for tensor in state.values():
            tensor.zero_()
    assert_same_bits(to_torch(model), random_state(PLAIN))


def test_integers_are_no_weights(tmp_path: Path) -> None:
    name = "encoder.0.stage.blocks.0.conv1.bias"
    state = tensors() | {name: torch.zeros(4, dtype=torch.int64)}
    match = f"1 not floating point arrays \\({name} is .*int64 "
    with pytest.raises(WeightsError, match=match):
        from_torch(state, PLAIN)
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match=match):
        from_torch(read_state_dict(tmp_path / "weights.pth"), PLAIN)


@pytest.mark.parametrize(
    "content",
    [
        3,
        [1, 2],
        "text",
        {"epoch": 3},
        {0: np.float64(1)},
        {"a": {"b": 1}},
        {"params": {}, "params_ema": {}},
    ],
    ids=str,
)
def test_files_that_hold_no_state_dict(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    with pytest.raises(WeightsError, match=r"weights\.pth: (must hold|torch cannot)"):
        read_state_dict(path)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(torch.nn.Linear(1, 1), path)
    with pytest.raises(WeightsError, match="torch cannot read it"):
        read_state_dict(path)


@pytest.mark.parametrize("keep", [0, 10, 500, -1])
def test_truncated_files(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "weights.pth"
    torch.save(tensors(), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"weights\.pth: torch cannot read it"):
        read_state_dict(path)
