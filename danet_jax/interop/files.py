"""State dicts on disk: .npz and .safetensors without torch, .pth with it."""

import io
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from danet_jax.atomic import replacing
from danet_jax.checks import WeightsError

KINDS = ".npz, .safetensors, .pth or .pt"


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """Reads a state dict as NumPy arrays by torch's names.

    Args:
        path: a .npz or .safetensors file, or a .pth or .pt file if torch is installed.
            The latter is read with ``weights_only=True`` and may be nested one level:
            {"state_dict": ...}, or another name if it holds the only dict. A leading
            "module." that all names have is dropped.
    Raises:
        FileNotFoundError: no such file.
        WeightsError: another kind of file, an unreadable one, or torch is missing.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of weights.")
    readers: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
        ".npz": _read_npz,
        ".safetensors": load_file,
        ".pth": _read_torch,
        ".pt": _read_torch,
    }
    if path.suffix not in readers:
        raise WeightsError(_another_kind(path))
    errors = (OSError, ValueError, EOFError, SafetensorError, KeyError)
    try:
        state = readers[path.suffix](path)
    except WeightsError:
        raise
    except (*errors, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise WeightsError(f"{path}: cannot be read as weights: {error}") from error
    if state and all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): value for name, value in state.items()}
    return state


def write_state_dict(path: str | Path, state_dict: Mapping[str, np.ndarray]) -> None:
    """Writes a state dict as .npz, .safetensors, or, if torch is installed, .pth.

    Args:
        path: file to write or replace; its folder must exist.
        state_dict: arrays by torch's names, as ``to_torch`` returns them.
    Raises:
        FileNotFoundError: no such folder.
        OSError: the disk refuses the file.
        WeightsError: another kind of file, or torch is missing.
    """
    path = Path(path)
    writers: dict[str, Callable[[Path, dict[str, Any]], None]] = {
        ".npz": _write_npz,
        ".safetensors": _write_safetensors,
        ".pth": _write_torch,
        ".pt": _write_torch,
    }
    if path.suffix not in writers:
        raise WeightsError(_another_kind(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: no such folder to write weights to.")
    # safetensors takes memory as it lies, whatever the strides.
    arrays = {name: np.ascontiguousarray(array) for name, array in state_dict.items()}
    with replacing(path) as partial:
        writers[path.suffix](partial, arrays)


def _another_kind(path: Path) -> str:
    return f"{path}: weights must be {KINDS}; got {path.suffix!r}."


def _write_safetensors(path: Path, arrays: dict[str, Any]) -> None:
    # save_file() would rename a file of its own to the path, over a device, too; let
    # nobody else read it; and raise no OSError where the disk refuses.
    path.write_bytes(save(arrays))


def _write_npz(path: Path, arrays: dict[str, Any]) -> None:
    np.savez(path, allow_pickle=False, **arrays)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    # From memory: np.load leaves a file open if it turns out not to be a zip.
    with io.BytesIO(path.read_bytes()) as memory:
        content = np.load(memory, allow_pickle=False)
        if not isinstance(content, np.lib.npyio.NpzFile):
            raise WeightsError(f"{path}: holds a single array, not a state dict.")
        with content:
            arrays = {name: content[name] for name in content.files}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):  # another file in the zip
            raise WeightsError(f"{path}: holds {name!r}, which is no array.")
    return arrays


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    torch = _torch(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of many types: RuntimeError, UnpicklingError, ...
        raise WeightsError(f"{path}: torch cannot read it: {error}") from error
    state = _state_dict_in(content)
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor)
        for name, value in state.items()
    ):
        raise WeightsError(f"{path}: must hold a state dict of tensors.")
    tensors = {name: tensor.detach() for name, tensor in state.items()}
    return {
        # NumPy knows no bfloat16.
        name: (tensor.float() if tensor.is_floating_point() else tensor).numpy()
        for name, tensor in tensors.items()
    }


def _state_dict_in(content: Any) -> Any:
    """What a training script wrapped: "state_dict", or else the only dict inside."""
    if not isinstance(content, Mapping):
        return content
    if "state_dict" in content:
        return content["state_dict"]
    inner = [value for value in content.values() if isinstance(value, Mapping)]
    return inner[0] if len(inner) == 1 else content


def _write_torch(path: Path, arrays: dict[str, np.ndarray]) -> None:
    torch = _torch(path)
    # torch refuses to share memory that it may not write to.
    tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    torch.save(tensors, path)


def _torch(path: Path) -> Any:
    try:
        import torch
    except ImportError as error:
        raise WeightsError(
            f"{path}: reading and writing {path.suffix} needs PyTorch: "
            'pip install "danet_jax[torch]", or convert the file to .safetensors.'
        ) from error
    return torch
