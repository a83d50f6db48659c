"""Miniature .mat files as MATLAB writes them, of both kinds, for tests."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io

VERSIONS = "5", "7.3"
_HEADER = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 ."
_CLASSES = {"float32": "single", "float64": "double", "bool": "logical"}


def write(path: Path, version: str, **variables: Any) -> Path:
    """Writes variables: arrays, text, object arrays (cells), dicts (structs).

    A dict whose values are object arrays of one dimension is an array of structs.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if version == "5":
        named = {name: _of_5(value) for name, value in variables.items()}
        scipy.io.savemat(path, named, do_compression=True)
        return path
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            _add(file, file, name, value)
    with path.open("r+b") as file:
        file.write(_HEADER.ljust(116) + bytes(8) + b"\x00\x02IM")
    return path


def _of_5(value: Any) -> Any:
    if not _structs(value):
        return value
    count = len(next(iter(value.values())))
    array = np.empty((1, count), [(name, object) for name in value])
    for name, entries in value.items():
        for index, entry in enumerate(entries):
            array[name][0, index] = entry
    return array


def _structs(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(entry, np.ndarray) and entry.dtype == object and entry.ndim == 1
        for entry in value.values()
    )


def _add(file: h5py.File, group: h5py.Group, name: str, value: Any) -> None:
    if isinstance(value, dict):
        struct = group.create_group(name)
        struct.attrs["MATLAB_class"] = np.bytes_("struct")
        for field, entry in value.items():
            if _structs(value):  # references without a class, as many rows as structs
                struct[field] = _references(file, entry.reshape(-1, 1))
            else:
                _add(file, struct, field, entry)
        return
    if isinstance(value, str):
        kind = "char"
        numbers = np.array([[ord(letter)] for letter in value], np.uint16)
        stored = numbers if value else np.array([0, 0], np.uint64)
        data = group.create_dataset(name, data=stored)
        if not value:
            data.attrs["MATLAB_empty"] = np.uint8(1)
    elif np.asarray(value).dtype == object:
        kind = "cell"
        data = group.create_dataset(name, data=_references(file, value))
    else:
        array = np.atleast_2d(np.asarray(value))
        kind = _CLASSES.get(str(array.dtype), str(array.dtype))
        stored = array.astype(np.uint8) if kind == "logical" else array
        data = group.create_dataset(name, data=stored.T)
    data.attrs["MATLAB_class"] = np.bytes_(kind)


def _references(file: h5py.File, values: np.ndarray) -> np.ndarray:
    """References to values that are put aside, in HDF5's order of axes."""
    references = np.empty(values.T.size, h5py.ref_dtype)
    for index, value in enumerate(values.T.ravel()):
        name = f"#refs#/{len(file.get('#refs#', ())):04d}"
        _add(file, file, name, value)
        references[index] = file[name].ref
    return references.reshape(values.T.shape)
