"""Changing, parsing and loading configurations: typed, strict, and with one wording."""

import ast
import dataclasses
import difflib
import importlib.util
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from danet_jax.checks import ConfigError

T = TypeVar("T")
PREFIX = "--config."


def override(config: T, changes: Mapping[str, Any], *, where: str = "config") -> T:
    """Returns a copy of a config with some fields, named by dotted paths, replaced.

    Args:
        config: a config dataclass; it is left as it is.
        changes: {"train.batch_size": 4, ...}; all are applied before any is validated,
            so that fields which belong together can change together.
        where: what to name in errors, e.g. the file that asks for the changes.
    Raises:
        ConfigError: an unknown field, a value of another type, or an impossible
            combination.
    Example:
        >>> from danet_jax.config import ExperimentConfig
        >>> override(ExperimentConfig(), {"train.batch_size": 4}).train.batch_size
        4
    """
    nested: dict[str, Any] = {}
    for path, value in changes.items():
        level = nested
        *parents, name = path.split(".")
        for parent in parents:
            level = level.setdefault(parent, {})
        level[name] = value
    return _replace(config, nested, where, "")


def parse_overrides(config: T, arguments: Sequence[str]) -> T:
    """Applies command line arguments ``--config.PATH=VALUE`` to a config.

    VALUE is read as the field's type: 4, 1e-4, True, text, or 16,32,48 for a tuple.

    Raises:
        ConfigError: an argument of another form, an unknown field, or a wrong type.
    """
    changes: dict[str, Any] = {}
    for argument in arguments:
        path, equals, text = argument.partition("=")
        if not path.startswith(PREFIX) or not equals:
            raise ConfigError(
                f"command line: cannot read {argument!r}. "
                "Fields are set as --config.train.batch_size=4."
            )
        path = path.removeprefix(PREFIX)
        changes[path] = _parse(_type_at(config, path), text, path)
    return override(config, changes, where="command line")


def from_dict(cls: type[T], values: Mapping[str, Any], *, where: str = "config") -> T:
    """Builds a config dataclass from nested dicts, as ``dataclasses.asdict`` makes them.

    Raises:
        ConfigError: unknown fields, wrong types or impossible combinations.
    """
    return _replace(cls(), values, where, "")


def load_config(path: str | Path) -> Any:
    """Returns what ``get_config()`` of a Python file returns: an ExperimentConfig.

    Raises:
        ConfigError: no such file, no ``get_config`` in it, or another return type.
    """
    from danet_jax.config.experiment import ExperimentConfig

    path = Path(path)
    if not path.is_file():
        near = sorted(str(p) for p in path.parent.glob("*.py")) or ["none"]
        raise ConfigError(f"{path}: no such config. Beside it: {', '.join(near)}.")
    spec = importlib.util.spec_from_file_location(f"config_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: a config must be a Python file.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise ConfigError(f"{path}: line {error.lineno}: {error.msg}.") from error
    if not hasattr(module, "get_config"):
        raise ConfigError(f"{path}: a config must define get_config().")
    config = module.get_config()
    if not isinstance(config, ExperimentConfig):
        got = type(config).__name__
        raise ConfigError(
            f"{path}: get_config() must return ExperimentConfig; got {got}."
        )
    return config


def _replace(config: Any, values: Mapping[str, Any], where: str, prefix: str) -> Any:
    hints = typing.get_type_hints(type(config))
    changes = {}
    for name, value in values.items():
        hint = _field(hints, name, where, prefix)
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, Mapping) and not isinstance(value, hint):
                raise ConfigError(
                    f"{where}: {prefix}{name} is a group of fields; set one of them, "
                    f"e.g. {prefix}{name}.{dataclasses.fields(hint)[0].name}."
                )
            if isinstance(value, Mapping):
                value = _replace(
                    getattr(config, name), value, where, f"{prefix}{name}."
                )
        else:
            value = _checked(hint, value, where, prefix + name)
        changes[name] = value
    try:
        return dataclasses.replace(config, **changes)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _field(hints: Mapping[str, Any], name: str, where: str, prefix: str) -> Any:
    if name in hints:
        return hints[name]
    near = difflib.get_close_matches(name, hints, n=1, cutoff=0.5)
    hint = f"Did you mean {prefix}{near[0]}? " if near else ""
    raise ConfigError(
        f"{where}: unknown field {prefix}{name}. {hint}Known: {', '.join(hints)}."
    )


def _type_at(config: Any, path: str) -> Any:
    prefix, kind = "", type(config)
    for name in path.split("."):
        if not dataclasses.is_dataclass(kind):
            raise ConfigError(
                f"command line: {prefix.rstrip('.')} has no fields; got {path}."
            )
        kind = _field(typing.get_type_hints(kind), name, "command line", prefix)
        prefix += name + "."
    return kind


def _checked(hint: Any, value: Any, where: str, path: str) -> Any:
    """The value in the form of its type, or ConfigError."""
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, tuple | list):
        item = typing.get_args(hint)[0]
        return tuple(
            _checked(item, v, where, f"{path}[{i}]") for i, v in enumerate(value)
        )
    if origin is Literal:
        fits = value in typing.get_args(hint)
    elif hint is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        value = float(value) if fits else value
    elif hint is int:
        fits = isinstance(value, int) and not isinstance(value, bool)
    else:
        fits = origin is None and isinstance(value, hint)
    if not fits:
        raise ConfigError(f"{where}: {path} must be {_words(hint)}; got {value!r}.")
    return value


def _parse(hint: Any, text: str, path: str) -> Any:
    """A command line's text as the value of a type; unreadable text is kept as it is."""
    origin = typing.get_origin(hint)
    if hint is str or (origin is Literal and text in typing.get_args(hint)):
        return text
    if origin is tuple:
        items = [item.strip() for item in text.strip("()[] ").split(",")]
        item = typing.get_args(hint)[0]
        return tuple(_parse(item, entry, path) for entry in items if entry)
    if hint is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _words(hint: Any) -> str:
    if typing.get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, typing.get_args(hint)))
    if typing.get_origin(hint) is tuple:
        return f"several values, each {_words(typing.get_args(hint)[0])}"
    names: dict[Any, str] = {
        int: "a whole number",
        float: "a number",
        bool: "True or False",
        str: "text",
        types.NoneType: "None",
    }
    return names.get(hint, str(hint))
