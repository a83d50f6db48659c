"""The errors of this package and the one form in which arguments are refused.

Form: ``where: "name" must <rule>; got <value>. <repair>``. Under ``jit`` only shapes
and dtypes are looked at, so a check costs nothing at run time.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np


class UserError(ValueError):
    """A mistake that its message explains in full: at the command line, one line."""


class ConfigError(UserError):
    """A configuration file, field or value that cannot be used."""


class DataError(UserError):
    """An image file or folder that cannot be used."""


class WeightsError(UserError):
    """Parameters that do not belong to the network they were given to."""


class CheckpointError(UserError):
    """A checkpoint or working directory that cannot be used."""


def message(where: str, name: str, rule: str, got: object, repair: str = "") -> str:
    """Words a refusal: ``where: "name" must <rule>; got <got>. <repair>``."""
    return f'{where}: "{name}" must {rule}; got {got}.{" " + repair if repair else ""}'


def check_type(where: str, name: str, value: Any, kind: type) -> None:
    """Raises TypeError unless a value is of a type."""
    if not isinstance(value, kind):
        rule = f"be of type {kind.__name__}"
        raise TypeError(message(where, name, rule, type(value).__name__))


def check_floating(where: str, name: str, x: Any) -> None:
    """Raises TypeError unless x is an array of floating point numbers."""
    if not hasattr(x, "dtype") or not jnp.issubdtype(x.dtype, jnp.floating):
        got = getattr(x, "dtype", type(x).__name__)
        repair = "Convert 8-bit images with to_float(image)." if got == "uint8" else ""
        raise TypeError(message(where, name, "be a floating point array", got, repair))


def check_finite(where: str, name: str, image: np.ndarray) -> None:
    """Raises ValueError if an image holds NaN or infinity."""
    bad = image.size - np.count_nonzero(np.isfinite(image))
    if bad:
        got = f"{bad} of {image.size} values NaN or infinite"
        raise ValueError(message(where, name, "be finite", got))


def check_shape(
    where: str, name: str, x: Any, expected: Sequence[int | str], repair: str = ""
) -> None:
    """Raises ValueError unless x has the expected shape; a str stands for any size."""
    fits = len(x.shape) == len(expected) and all(
        isinstance(want, str) or want == have
        for want, have in zip(expected, x.shape, strict=True)
    )
    if not fits:
        rule = f"be [{', '.join(map(str, expected))}]"
        raise ValueError(message(where, name, rule, tuple(x.shape), repair))


def check_nhwc(
    where: str, name: str, x: Any, *, channels: int | str = "C", multiple: int = 1
) -> None:
    """Checks that x is a batch of float feature maps [N, H, W, channels].

    Raises:
        TypeError: x is not floating point.
        ValueError: another rank or channel count, an empty image, or a height or width
            that ``multiple`` does not divide.
    """
    check_floating(where, name, x)
    check_shape(where, name, x, ("N", "H", "W", channels))
    height, width = x.shape[1:3]
    if 0 in x.shape:
        raise ValueError(message(where, name, "not be empty", tuple(x.shape)))
    if height % multiple or width % multiple:
        rule = f"have height and width divisible by {multiple}"
        repair = f"Use pad_to_multiple(x, {multiple})."
        raise ValueError(message(where, name, rule, tuple(x.shape), repair))
