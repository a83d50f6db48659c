"""The table between PyTorch's state-dict names and the paths of this package."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Transform = Callable[[np.ndarray], np.ndarray]


def _same(array: np.ndarray) -> np.ndarray:
    return array


def _channels_last(kernel: np.ndarray) -> np.ndarray:
    """OIHW to HWIO; likewise IOHW of a transposed convolution to HWOI."""
    return kernel.transpose(2, 3, 1, 0)


def _channels_first(kernel: np.ndarray) -> np.ndarray:
    return kernel.transpose(3, 2, 0, 1)


class Rule(NamedTuple):
    """One row: torch names that match ``pattern`` in full, and where they belong."""

    pattern: re.Pattern[str]
    path: str  # template of the path here, dots between its parts
    to_jax: Transform
    to_torch: Transform


_ATTENTION = r"(?:channel\.reduce|channel\.expand|spatial\.conv|fuse)"
_BLOCK = (
    r"(?:encoder|decoder)\.\d+\.stage\.blocks\.\d+"
    r"\.(?:deform|conv1|conv2"
    r"|offset\.(?:feature|merge|predict)"
    rf"|(?:offset\.)?attention\.{_ATTENTION})"
)
_PARTS = (
    r"head|tail",
    r"encoder\.\d+\.down\.conv",
    r"decoder\.\d+\.(?:up\.conv|fuse)",
    _BLOCK,
)

RULES = tuple(
    rule
    for part in _PARTS
    for rule in (
        Rule(
            re.compile(rf"({part})\.weight"),
            r"\1.kernel",
            _channels_last,
            _channels_first,
        ),
        Rule(re.compile(rf"({part})\.bias"), r"\1.bias", _same, _same),
    )
)


def rules_for(name: object) -> list[tuple[str, Rule]]:
    """All (path, rule) that a torch name matches; exactly one for a known name."""
    if not isinstance(name, str):
        return []
    return [
        (rule.pattern.sub(rule.path, name), rule)
        for rule in RULES
        if rule.pattern.fullmatch(name)
    ]


def torch_name(path: str) -> str:
    """The torch name of a path, e.g. head.kernel -> head.weight."""
    part, _, leaf = path.rpartition(".")
    return f"{part}.{'weight' if leaf == 'kernel' else leaf}"
