"""State dicts on disk: what is written is read again, and what cannot be is said."""

import builtins
import io
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load, save_file

from danet_jax import from_torch, to_torch
from danet_jax.checks import WeightsError
from danet_jax.interop import read_state_dict, write_state_dict
from tests.interop.test_weights import assert_same_bits
from tests.models.networks import PLAIN, random_state

FREE = [".npz", ".safetensors"]  # without torch
ARRAYS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b.c": np.float32([np.nan]),
}


@pytest.mark.parametrize("suffix", FREE)
def test_a_network_on_disk(tmp_path: Path, suffix: str) -> None:
    state = random_state(PLAIN)
    path = tmp_path / f"weights{suffix}"
    write_state_dict(path, to_torch(from_torch(state, PLAIN)))
    read = read_state_dict(str(path))
    assert_same_bits(read, state)
    assert_same_bits(to_torch(from_torch(read, PLAIN)), state)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", FREE)
def test_arrays_that_are_not_contiguous(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    write_state_dict(path, {"a": ARRAYS["a"].T, "b": ARRAYS["a"][:, ::2]})
    read = read_state_dict(path)
    np.testing.assert_array_equal(read["a"], ARRAYS["a"].T)
    np.testing.assert_array_equal(read["b"], ARRAYS["a"][:, ::2])


@pytest.mark.parametrize("suffix", FREE)
def test_files_are_replaced_and_do_not_change_what_was_read(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"weights{suffix}"
    write_state_dict(path, ARRAYS)
    read = read_state_dict(path)
    write_state_dict(path, {"a": np.zeros((2, 3), np.float32)})
    assert_same_bits(read, ARRAYS)
    assert read_state_dict(path).keys() == {"a"}


def test_bfloat16_in_safetensors(tmp_path: Path) -> None:
    state = {n: a.astype(ml_dtypes.bfloat16) for n, a in random_state(PLAIN).items()}
    save_file(state, tmp_path / "half.safetensors")
    model = from_torch(read_state_dict(tmp_path / "half.safetensors"), PLAIN)
    expected = {name: array.astype(np.float32) for name, array in state.items()}
    assert_same_bits(to_torch(model), expected)


@pytest.mark.parametrize("suffix", FREE)
def test_a_prefix_of_all_names_is_dropped(tmp_path: Path, suffix: str) -> None:
    """Torch's DataParallel writes it."""
    path = tmp_path / f"weights{suffix}"
    write_state_dict(path, {f"module.{name}": a for name, a in ARRAYS.items()})
    assert_same_bits(read_state_dict(path), ARRAYS)
    write_state_dict(path, {"module.a": ARRAYS["a"], "b": ARRAYS["b.c"]})
    assert read_state_dict(path).keys() == {"module.a", "b"}
    write_state_dict(path, {})
    assert read_state_dict(path) == {}


@pytest.mark.parametrize("name", ["none.npz", "none.pth", "folder"])
def test_no_such_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileNotFoundError, match=f"{name}: no such file of weights"):
        read_state_dict(tmp_path / name)


@pytest.mark.parametrize("name", ["weights.ckpt", "weights", "weights.npy"])
def test_another_kind_of_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    match = r"must be \.npz, \.safetensors, \.pth or \.pt; got '(\.ckpt|\.npy|)'"
    with pytest.raises(WeightsError, match=match):
        write_state_dict(path, ARRAYS)
    assert not path.exists()
    path.write_bytes(b"")
    with pytest.raises(WeightsError, match=match):
        read_state_dict(path)


@pytest.mark.parametrize("suffix", [*FREE, ".pth"])
def test_no_such_folder(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(FileNotFoundError, match="none: no such folder"):
        write_state_dict(tmp_path / "none" / f"weights{suffix}", ARRAYS)


@pytest.mark.parametrize("suffix", FREE)
@pytest.mark.parametrize("keep", [0, 10, 60, -1])
def test_truncated_files(tmp_path: Path, suffix: str, keep: int) -> None:
    path = tmp_path / f"weights{suffix}"
    write_state_dict(path, ARRAYS)
    path.write_bytes(path.read_bytes()[:keep])
    match = re.escape(f"{path}: cannot be read as weights: ") + "."
    with pytest.raises(WeightsError, match=match):
        read_state_dict(path)


def zipped(name: str, content: bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as file:
        file.writestr(name, content)
    return memory.getvalue()


def saved(save: Any, *arguments: Any, **arrays: Any) -> bytes:
    memory = io.BytesIO()
    save(memory, *arguments, **arrays)
    return memory.getvalue()


@pytest.mark.parametrize(
    "content, match",
    [
        (saved(np.save, ARRAYS["a"]), "holds a single array, not a state dict"),
        (saved(np.savez, a=np.array([{}])), "cannot be read .*allow_pickle=False"),
        (zipped("readme.txt", b"hello"), "holds 'readme.txt', which is no array"),
        (b"not a zip file at all", "cannot be read as weights"),
        (zipped("a.npy", b"\x93NUMPY\x01\x00"), "cannot be read as weights"),
    ],
    ids=["npy", "pickle", "text", "garbage", "header"],
)
def test_npz_files_of_something_else(
    tmp_path: Path, content: bytes, match: str
) -> None:
    path = tmp_path / "weights.npz"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=match):
        read_state_dict(path)


@pytest.mark.parametrize("compress", [False, True])
def test_npz_files_with_a_damaged_middle(tmp_path: Path, compress: bool) -> None:
    save = np.savez_compressed if compress else np.savez
    array = np.random.default_rng(0).normal(size=1000)
    content = bytearray(saved(save, a=array))
    content[500:600] = bytes(100)
    path = tmp_path / "weights.npz"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        read_state_dict(path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    write_state_dict(path, ARRAYS)
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        write_state_dict(path, {"a": np.full(3, None)})
    assert_same_bits(read_state_dict(path), ARRAYS)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", FREE)
def test_a_write_that_is_cut_short_leaves_the_old_file(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new file is written beside the old one, and then takes its place at once."""
    path = tmp_path / f"weights{suffix}"
    write_state_dict(path, ARRAYS)

    def full(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        write_state_dict(path, {"a": np.zeros(3, np.float32)})
    assert_same_bits(read_state_dict(path), ARRAYS)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", FREE)
def test_what_the_disk_refuses_is_an_os_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / ("n" * 260 + suffix)
    with pytest.raises(OSError, match="File name too long"):
        write_state_dict(path, ARRAYS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", FREE)
def test_weights_may_be_read_by_whom_the_process_allows(
    tmp_path: Path, suffix: str
) -> None:
    before = os.umask(0o027)
    try:
        write_state_dict(tmp_path / f"weights{suffix}", ARRAYS)
    finally:
        os.umask(before)
    assert (tmp_path / f"weights{suffix}").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_weights_into_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe.safetensors"
    os.mkfifo(path)
    end = os.open(path, os.O_RDWR)  # so that neither side waits for the other
    try:
        write_state_dict(path, ARRAYS)
        assert path.is_fifo()
        assert_same_bits(load(os.read(end, 2**16)), ARRAYS)
    finally:
        os.close(end)


@pytest.mark.parametrize("suffix", [".pth", ".pt"])
def test_torch_is_missing(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without_torch(name: str, *arguments: Any) -> Any:
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'")
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without_torch)
    path = tmp_path / f"weights{suffix}"
    match = rf"{suffix} needs PyTorch: pip install .*torch.*, or convert"
    with pytest.raises(WeightsError, match=match):
        write_state_dict(path, ARRAYS)
    assert list(tmp_path.iterdir()) == []
    path.write_bytes(b"anything")
    with pytest.raises(WeightsError, match=match):
        read_state_dict(path)
