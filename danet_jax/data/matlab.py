"""MATLAB's .mat files: version 5 (to which "-v7" belongs) by SciPy, 7.3 by h5py.

Arrays have MATLAB's shape, whichever the version: a picture is [H, W, C]. Text is a
``str``, a cell an object array, and a struct, or an array of structs, a dictionary of
fields, each an object array with one entry for each struct.
"""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from danet_jax.atomic import replace_bytes
from danet_jax.checks import ConfigError, DataError

_HDF5 = b"\x89HDF\r\n\x1a\n"
_USER_BLOCK = 512  # bytes before it, in which MATLAB names itself


def read_mat(path: Path, *names: str) -> dict[str, Any]:
    """Reads variables of a .mat file of any version that MATLAB writes today.

    Args:
        path: the file.
        names: the variables to read; all must be there.
    Returns:
        The variables by name. Numbers are in the file's type and not always contiguous.
    Raises:
        DataError: no such file, not a .mat file, a corrupt one, or one that lacks a
            variable.
        ConfigError: a version 7.3, and h5py is not installed.
    Source: MathWorks, MAT-file versions; 7.3 is HDF5 with its axes reversed, text as
        16-bit numbers, and cells and arrays of structs as references.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(_USER_BLOCK + len(_HDF5))
        hdf5 = head.startswith(_HDF5) or head[_USER_BLOCK:] == _HDF5
        found = _read_hdf5(path, names) if hdf5 else _read_5(path, names)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file.") from error
    except ConfigError:
        raise
    except Exception as error:  # readers of broken files raise errors of any kind
        raise DataError(
            f"{path}: must be a .mat file; it is corrupt or of another kind "
            f"({type(error).__name__}: {error}). Download or copy it anew."
        ) from error
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(f'{path}: must hold the variable "{missing[0]}"; it does not.')
    return found


def write_mat(path: Path, variables: Mapping[str, Any]) -> None:
    """Writes a .mat file of version 5, compressed; its folder must exist.

    Args:
        path: file to write or replace; no half file is left.
        variables: by name: arrays, text, numbers, object arrays as cells, dictionaries
            as structs.
    Raises:
        DataError: the file cannot be written.
    """
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, dict(variables), do_compression=True)
    try:
        replace_bytes(path, buffer.getbuffer())
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror}).") from error


def cell(values: Iterable[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Returns values, in the order of rows, as an object array: a cell of MATLAB."""
    entries = list(values)
    array = np.empty(len(entries), object)
    for index, value in enumerate(entries):  # at once, equal arrays would be unpacked
        array[index] = value
    return array.reshape(shape)


def check_cell(path: Path, name: str, value: Any, shape: tuple[int, ...]) -> None:
    """Raises DataError unless a value of a .mat file is a cell of a shape."""
    fits = isinstance(value, np.ndarray) and value.dtype.hasobject
    if not fits or value.shape != shape:
        rule = f"{name} must be a cell of {_times(shape)}"
        raise DataError(f"{path}: {rule}; got {_words(value)}.")


def check_array(
    path: Path, name: str, value: Any, shape: tuple[int | str, ...], *classes: str
) -> None:
    """Raises DataError unless a value of a .mat file is an array of numbers.

    Args:
        path: the file, for the message.
        name: the variable, for the message.
        value: what was read.
        shape: sizes of the axes; a str stands for any size.
        classes: what MATLAB may call the type, such as "uint8" or "single"; if none are
            given, any type of numbers will do.
    """
    found = getattr(value, "shape", ())
    fits = len(found) == len(shape) and all(
        isinstance(want, str) or want == have
        for want, have in zip(shape, found, strict=True)
    )
    kinds = getattr(getattr(value, "dtype", None), "kind", "")
    known = _class(value) in classes if classes else kinds and kinds in "fiu"
    if not fits or not known:
        rule = f"{name} must be {_times(shape)} of {' or '.join(classes) or 'numbers'}"
        raise DataError(f"{path}: {rule}; got {_words(value)}.")


def _class(value: Any) -> str:
    """What MATLAB calls the type of a value."""
    kind = str(getattr(value, "dtype", type(value).__name__))
    names = {"float32": "single", "float64": "double", "object": "cell"}
    return (names | {"str": "char", "dict": "struct"}).get(kind, kind)


def _times(shape: tuple[int | str, ...]) -> str:
    return "x".join(map(str, shape))


def _words(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"{_times(shape)} of {_class(value)}" if shape else _class(value)


def _read_5(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    found = scipy.io.loadmat(path, variable_names=names)
    return {name: _plain(found[name]) for name in names if name in found}


def _plain(value: np.ndarray) -> Any:
    if value.dtype.names:
        return {
            name: cell(map(_plain, value[name].ravel()), (value.size,))
            for name in value.dtype.names
        }
    if value.dtype == object:
        return cell(map(_plain, value.ravel()), value.shape)
    if value.dtype.kind == "U":
        return "\n".join(value.ravel().tolist())
    return value


def _read_hdf5(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    try:
        import h5py
    except ImportError as error:
        raise ConfigError(
            f"{path}: is of MATLAB's version 7.3, which h5py reads: pip install h5py."
        ) from error
    with h5py.File(path, "r") as file:
        return {name: _item(file, file[name]) for name in names if name in file}


def _item(file: Any, item: Any) -> Any:
    """A group or data set as what MATLAB has stored in it."""
    if hasattr(item, "keys"):  # a group, which is a struct
        return {name: _field(file, item[name]) for name in item}
    kind = item.attrs.get("MATLAB_class", b"")
    if item.dtype.hasobject:
        return _references(file, item)
    if "MATLAB_empty" in item.attrs:
        return "" if kind == b"char" else np.zeros(tuple(item[()]))
    data = item[()]
    if kind == b"char":
        return "".join(map(chr, np.ravel(data)))
    return np.asarray(data).T


def _field(file: Any, item: Any) -> np.ndarray:
    # In an array of structs a field refers to its values, as a cell does, but is none.
    group = hasattr(item, "keys")
    if not group and item.dtype.hasobject and "MATLAB_class" not in item.attrs:
        return _references(file, item).ravel()
    return cell([_item(file, item)], (1,))


def _references(file: Any, item: Any) -> np.ndarray:
    references = np.asarray(item[()]).T
    values = [_item(file, file[reference]) for reference in references.ravel()]
    return cell(values, references.shape)
