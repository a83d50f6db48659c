"""Changing, parsing and loading configurations: typed, strict, and with one wording."""

import dataclasses
import difflib
import importlib.util
import traceback
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from danet_jax.checks import ConfigError, UserError
from danet_jax.config.distillation import DistillationConfig
from danet_jax.config.experiment import ExperimentConfig
from danet_jax.config.fields import parse

T = TypeVar("T")
PREFIX = "--config."


def override(config: T, changes: Mapping[str, Any]) -> T:
    """Returns a copy of a config with some fields, named by dotted paths, replaced.

    Args:
        config: a config dataclass; it is left as it is.
        changes: {"train.batch_size": 4, ...}; all are applied before any is validated,
            so that fields which belong together can change together. A whole group,
            {"data": DIV2K}, is replaced before its fields are.
    Raises:
        ConfigError: an unknown field, a value of another type, or an impossible
            combination.
    Example:
        >>> from danet_jax.config import ExperimentConfig
        >>> override(ExperimentConfig(), {"train.batch_size": 4}).train.batch_size
        4
    """
    known = _fields(type(config))
    for path, value in changes.items():
        if path not in known:
            raise ConfigError(_unknown(path, known))
        if _is_group(known[path]) and not isinstance(value, known[path]):
            raise ConfigError(
                f"{path} is a group of fields; set one of {_members(path, known)}."
            )
    return _rebuilt(config, changes)


def parse_overrides(config: T, arguments: Sequence[str]) -> T:
    """Applies command line arguments ``--config.PATH=VALUE`` to a config.

    VALUE is read as the field's type: 4, 1e-4, True, text, or 16,32,48 for a tuple. Of
    two values for one field the last counts, as is usual at the command line.

    Raises:
        ConfigError: an argument of another form, an unknown field, or a wrong type.
    """
    known = _fields(type(config))
    changes: dict[str, Any] = {}
    for argument in arguments:
        path, equals, text = argument.partition("=")
        if not path.startswith(PREFIX):
            raise ConfigError(
                f"command line: unknown argument {argument!r}. "
                "Fields are set as --config.train.batch_size=4."
            )
        path = path.removeprefix(PREFIX)
        single = path in known and not _is_group(known[path])
        if single and not equals:
            raise ConfigError(
                f"command line: {argument} lacks a value; write {argument}=VALUE."
            )
        changes[path] = parse(known[path], text) if single else text
    try:
        return override(config, changes)
    except ConfigError as error:
        raise ConfigError(f"command line: {error}") from error


def from_dict(cls: type[T], values: Mapping[str, Any], *, where: str = "config") -> T:
    """Builds a config dataclass from nested dicts, as ``asdict`` makes them.

    Args:
        cls: the dataclass.
        values: its fields; those left out keep their defaults.
        where: what to name in errors, e.g. the file that holds the values.
    Raises:
        ConfigError: unknown fields, wrong types or impossible combinations.
    """
    if not isinstance(values, Mapping):
        got = type(values).__name__
        raise ConfigError(f"{where}: must hold fields by name; got {got}.")
    try:
        return override(cls(), flat(values))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def experiment_from_dict(
    values: Mapping[str, Any], *, where: str = "config"
) -> ExperimentConfig:
    """Builds an experiment from nested dicts: a distillation if it has a teacher.

    Raises:
        ConfigError: as ``from_dict``.
    """
    distilled = isinstance(values, Mapping) and "teacher" in values
    kind = DistillationConfig if distilled else ExperimentConfig
    return from_dict(kind, values, where=where)


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values by dotted paths: {"train": {"steps": 4}} as {"train.steps": 4}."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{path}": inner for path, inner in flat(value).items()}
        else:
            found[name] = value
    return found


def load_config(path: str | Path) -> ExperimentConfig:
    """Returns what ``get_config()`` of a Python file returns.

    Raises:
        ConfigError: no such file, no ``get_config`` in it, another return type, or any
            error in the file, with its line.
    """
    path = Path(path)
    if not path.is_file():
        folder, what = path.parent, "no such config. Beside it"
        if path.is_dir():
            folder, what = path, "is a folder. Give one of its files"
        files = ", ".join(sorted(map(str, folder.glob("*.py"))))
        raise ConfigError(f"{path}: {what}: {files or 'none'}.")
    spec = importlib.util.spec_from_file_location(f"config_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: a config must be a Python file, *.py.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        if not hasattr(module, "get_config"):
            raise ConfigError("a config must define get_config().")
        config = module.get_config()
    except UserError as error:
        raise ConfigError(f"{path}: {error}") from error
    except Exception as error:  # whatever a file of the user's may raise
        what = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{path}: {_line(error, module)}{what}.") from error
    if not isinstance(config, ExperimentConfig):
        got = type(config).__name__
        raise ConfigError(
            f"{path}: get_config() must return ExperimentConfig; got {got}."
        )
    return config


def _rebuilt(config: T, changes: Mapping[str, Any]) -> T:
    own: dict[str, Any] = {}
    inner: dict[str, dict[str, Any]] = {}
    for path, value in changes.items():
        name, _, rest = path.partition(".")
        if rest:
            inner.setdefault(name, {})[rest] = value
        else:
            own[name] = value
    for name, some in inner.items():
        own[name] = _rebuilt(own.get(name, getattr(config, name)), some)
    return dataclasses.replace(typing.cast(Any, config), **own)


def _fields(kind: type, prefix: str = "") -> dict[str, Any]:
    """The types of all fields and groups of fields, by dotted paths."""
    fields: dict[str, Any] = {}
    for name, hint in typing.get_type_hints(kind).items():
        fields[prefix + name] = hint
        if _is_group(hint):
            fields |= _fields(hint, f"{prefix}{name}.")
    return fields


def _is_group(hint: Any) -> bool:
    return dataclasses.is_dataclass(hint)


def _members(group: str, known: Mapping[str, Any]) -> str:
    return ", ".join(path for path in known if path.rpartition(".")[0] == group)


def _unknown(path: str, known: Mapping[str, Any]) -> str:
    group, _, last = path.rpartition(".")
    while group and not _is_group(known.get(group)):
        group = group.rpartition(".")[0]
    # By the last name alone: "batch_size" and "data.batch_sise" mean train.batch_size.
    # Of several the one in the same group is meant, else the first, not a teacher's.
    fields = [name for name in known if not _is_group(known[name])]
    names = {name.rpartition(".")[2]: name for name in reversed(fields)}
    names |= {n.rpartition(".")[2]: n for n in fields if n.rpartition(".")[0] == group}
    near = difflib.get_close_matches(last, names, n=1)
    hint = f"Did you mean {names[near[0]]}? " if near else ""
    return f"unknown field {path}. {hint}Known: {_members(group, known)}."


def _line(error: Exception, module: ModuleType) -> str:
    """Where in a config file an error arose; a syntax error says so itself."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == module.__file__]
    return f"line {lines[-1]}: " if lines else ""
