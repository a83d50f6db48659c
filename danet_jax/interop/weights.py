"""Strict conversion of parameters between PyTorch's layout and this package's."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from danet_jax.checks import WeightsError, check_type
from danet_jax.config import VARIANTS, DANetConfig
from danet_jax.interop.names import rules_for, torch_name
from danet_jax.models import DANet, abstract_danet
from danet_jax.models.transfer import dotted

Shape = tuple[int, ...]


def from_torch(state_dict: Mapping[str, Any], config: DANetConfig) -> DANet:
    """Builds a network from the state dict of its PyTorch twin.

    Args:
        state_dict: torch tensors, NumPy or JAX arrays by torch's names; kernels OIHW.
            They are copied; any values are taken, also those that are not finite.
        config: the network that they belong to.
    Returns:
        The network with float32 parameters.
    Raises:
        TypeError: the state dict is no mapping, or the config none of a network.
        WeightsError: missing, unused, doubly matched or mis-shaped entries, or values
            that are no arrays of floating point numbers: all of them in one message,
            with the variant that the file looks like.
    Source: the names are those of docs/paper_map.md, "Parameters".
    """
    check_type("from_torch", "state_dict", state_dict, Mapping)
    check_type("from_torch", "config", config, DANetConfig)
    graphdef, state = nnx.split(abstract_danet(config), nnx.Param)
    leaves = {dotted(path): (path, leaf) for path, leaf in nnx.to_flat_state(state)}
    expected = {name: leaf.shape for name, (_, leaf) in leaves.items()}
    arrays, problems = _match(state_dict, expected)
    if problems:
        raise WeightsError(f"weights: {'; '.join(problems)}. {_looks_like(state_dict)}")
    filled = [
        (path, leaf.replace(jnp.asarray(arrays[name])))
        for name, (path, leaf) in leaves.items()
    ]
    return nnx.merge(graphdef, nnx.from_flat_state(filled))


def to_torch(model: DANet) -> dict[str, np.ndarray]:
    """The parameters of a network by torch's names, in torch's layout (OIHW), float32.

    The inverse of ``from_torch``, bit for bit. The arrays are copies.

    Raises:
        TypeError: the model is no DANet.
    """
    check_type("to_torch", "model", model, DANet)
    result = {}
    for path, leaf in nnx.to_flat_state(nnx.state(model, nnx.Param)):
        name = torch_name(dotted(path))
        [(_, rule)] = rules_for(name)
        array = rule.to_torch(np.asarray(leaf[...]))
        result[name] = np.array(array, np.float32, order="C")
    return result


def _match(
    state_dict: Mapping[str, Any], expected: Mapping[str, Shape]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Arrays by path, and what keeps them from being all and only those expected."""
    arrays: dict[str, np.ndarray] = {}
    found: set[str] = set()
    unused, doubled, refused, misshaped = [], [], [], []
    for name, value in state_dict.items():
        matches = [(path, rule) for path, rule in rules_for(name) if path in expected]
        if not matches:
            unused.append(str(name))
            continue
        path, rule = matches[0]
        if len(matches) > 1 or path in found:
            doubled.append(name)
        found.add(path)
        array, want = _to_numpy(value), _torch_shape(expected[path])
        if array is None:
            refused.append(f"{name} is {_words(value)}")
        elif array.shape != want:
            misshaped.append(f"{name} is {array.shape}, not {want}")
        else:
            arrays[path] = rule.to_jax(array)
    kinds = {
        "missing": [torch_name(path) for path in expected if path not in found],
        "unused": unused,
        "doubly matched": doubled,
        "not floating point arrays": refused,
        "of another shape": misshaped,
    }
    problems = [f"{len(n)} {kind} ({', '.join(n)})" for kind, n in kinds.items() if n]
    return arrays, problems


def _words(value: Any) -> str:
    return f"{getattr(value, 'dtype', '')} {type(value).__name__}".strip()


def _to_numpy(value: Any) -> np.ndarray | None:
    """A copy in float32; None for what is no array of floating point numbers."""
    if hasattr(value, "detach"):  # a torch tensor, without importing torch
        value = value.detach().cpu()
        # NumPy knows no bfloat16.
        value = (value.float() if value.is_floating_point() else value).numpy()
    if not hasattr(value, "dtype") or not jnp.issubdtype(value.dtype, jnp.floating):
        return None
    # A copy in any case, so that the network does not change with the state dict.
    return np.array(value, np.float32)


def _torch_shape(shape: Shape) -> Shape:
    """The shape in torch of a parameter here: OIHW of HWIO, IOHW of HWOI."""
    return (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape


def _looks_like(state_dict: Mapping[str, Any]) -> str:
    """Names the known variant whose entries are nearest to a file's."""
    have = {(n, tuple(getattr(v, "shape", ()))) for n, v in state_dict.items()}
    if not have:
        return "The file holds no parameters."
    head = dict(have).get("head.weight", ())
    channels = 3 if head[1:2] == (3,) else 1
    distances = {name: len(have ^ _entries_of(name, channels)) for name in VARIANTS}
    best = min(distances, key=lambda name: distances[name])
    words = f"{best} ({'gray' if channels == 1 else 'RGB'})"
    if distances[best] == 0:
        return f"The file is {words}."
    if distances[best] < len(have) / 2:
        return f"The file looks like {words}, but {distances[best]} entries differ."
    return f"The file looks like none of the variants {', '.join(VARIANTS)}."


@functools.cache
def _entries_of(variant: str, channels: int) -> frozenset[tuple[str, Shape]]:
    """Names and shapes in the state dict of a known variant."""
    config = dataclasses.replace(VARIANTS[variant], channels=channels)
    leaves = nnx.to_flat_state(nnx.state(abstract_danet(config), nnx.Param))
    return frozenset(
        (torch_name(dotted(path)), _torch_shape(leaf.shape)) for path, leaf in leaves
    )
