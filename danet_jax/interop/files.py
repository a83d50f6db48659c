"""State dicts on disk: .npz and .safetensors without torch, .pth with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from danet_jax.checks import WeightsError

KINDS = ".npz, .safetensors, .pth or .pt"


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """Reads a state dict as NumPy arrays by torch's names.

    Args:
        path: a .npz or .safetensors file, or a .pth or .pt file if torch is installed;
            the latter is read with ``weights_only=True`` and may be nested one level, as
            {"state_dict": ...}. A leading "module." of all names is dropped.
    Raises:
        FileNotFoundError: no such file.
        WeightsError: another kind of file, an unreadable one, or torch is missing.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of weights.")
    readers = {
        ".npz": _read_npz,
        ".safetensors": load_file,
        ".pth": _read_torch,
        ".pt": _read_torch,
    }
    if path.suffix not in readers:
        raise WeightsError(f"{path}: weights must be {KINDS}; got {path.suffix!r}.")
    try:
        state = readers[path.suffix](path)
    except (OSError, ValueError, EOFError, SafetensorError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path}: cannot be read as weights: {error}.") from error
    if state and all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): value for name, value in state.items()}
    return state


def write_state_dict(path: str | Path, state_dict: Mapping[str, np.ndarray]) -> None:
    """Writes a state dict as .npz, .safetensors, or, if torch is installed, .pth.

    Raises:
        WeightsError: another kind of file, or torch is missing.
    """
    path = Path(path)
    if path.suffix == ".npz":
        np.savez(path, **state_dict)
    elif path.suffix == ".safetensors":
        save_file(dict(state_dict), path)
    elif path.suffix in (".pth", ".pt"):
        torch = _torch(path)
        tensors = {n: torch.from_numpy(np.array(a)) for n, a in state_dict.items()}
        torch.save(tensors, path)
    else:
        raise WeightsError(f"{path}: weights must be {KINDS}; got {path.suffix!r}.")


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    torch = _torch(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (
        Exception
    ) as error:  # torch raises RuntimeError, UnpicklingError, KeyError...
        raise WeightsError(f"{path}: torch cannot read it: {error}") from error
    if isinstance(content, Mapping):
        inner = [value for value in content.values() if isinstance(value, Mapping)]
        content = inner[0] if len(inner) == 1 else content
    if not isinstance(content, Mapping) or not all(
        isinstance(value, torch.Tensor) for value in content.values()
    ):
        raise WeightsError(f"{path}: must hold a state dict of tensors.")
    return {name: tensor.float().numpy() for name, tensor in content.items()}


def _torch(path: Path) -> Any:
    try:
        import torch
    except ImportError as error:
        raise WeightsError(
            f"{path}: reading and writing {path.suffix} needs PyTorch: "
            'pip install "danet_jax[torch]", or convert the file to .safetensors.'
        ) from error
    return torch
