"""The types of config fields: checked when a config is made, and read from text."""

import math
import typing
from typing import Any, Literal

from danet_jax.checks import ConfigError, message


def check_types(config: Any, where: str) -> None:
    """Checks every field of a config against its annotation.

    Lists become tuples and whole numbers floats where the annotation says so: JSON
    knows no tuples, and may hold 25 for 25.0.

    Args:
        config: a config dataclass, in its ``__post_init__``.
        where: the group of fields, as errors name it.
    Raises:
        ConfigError: a value of another type, or a float that is not finite.
    """
    for name, hint in typing.get_type_hints(type(config)).items():
        value = getattr(config, name)
        if not _fits(hint, value):
            rule = f"be {_words(hint)}"
            raise ConfigError(message(where, name, rule, repr(value)))
        if hint is float or isinstance(value, list):
            value = float(value) if hint is float else tuple(value)
            object.__setattr__(config, name, value)


def parse(hint: Any, text: str) -> Any:
    """A command line's text as a value of a type; what does not fit stays as it is."""
    if typing.get_origin(hint) is tuple:
        item = typing.get_args(hint)[0]
        # A file name's pattern may begin or end with brackets of its own.
        pairs = ("()",) if item is str else ("()", "[]")
        text = text[1:-1] if text[:1] + text[-1:] in pairs else text
        entries = [entry.strip() for entry in text.split(",")]
        if not entries[-1]:
            del entries[-1]  # nothing at all, or a comma at the end
        return tuple(parse(item, entry) for entry in entries)
    if hint is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        return hint(text) if hint in (int, float) else text
    except ValueError:
        return text


def _fits(hint: Any, value: Any) -> bool:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return isinstance(value, tuple | list) and all(
            _fits(inner[0], item) for item in value
        )
    if origin is Literal:
        return value in inner
    if hint in (int, float) and isinstance(value, bool):
        return False
    if hint is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, hint)


def _words(hint: Any) -> str:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return f"a tuple, each entry {_words(inner[0])}"
    if origin is Literal:
        return "one of " + ", ".join(map(str, inner))
    names = {
        int: "a whole number",
        float: "a finite number",
        bool: "True or False",
        str: "text",
    }
    return names.get(hint) or f"a {hint.__name__}"
