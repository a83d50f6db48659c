"""Strict conversion of parameters between PyTorch's layout and this package's."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from danet_jax.checks import WeightsError
from danet_jax.config import VARIANTS, DANetConfig
from danet_jax.interop.names import rules_for, torch_name
from danet_jax.models import DANet

Shapes = dict[str, tuple[int, ...]]


def from_torch(state_dict: Mapping[str, Any], config: DANetConfig) -> DANet:
    """Builds a network from the state dict of its PyTorch twin.

    Args:
        state_dict: torch tensors or NumPy arrays by torch's names; kernels OIHW.
        config: the network that they belong to.
    Returns:
        The network with float32 parameters.
    Raises:
        WeightsError: missing, unused, doubly matched or mis-shaped entries, all of them
            in one message, with the variant that the file looks like.
    Source: the names are those of docs/paper_map.md, "Parameters".
    """
    abstract = nnx.eval_shape(lambda: DANet(config, rngs=nnx.Rngs(0)))
    graphdef, state = nnx.split(abstract, nnx.Param)
    flat = {".".join(map(str, path)): leaf for path, leaf in state.flat_state()}
    arrays, problems = _match(state_dict, {p: v.shape for p, v in flat.items()})
    if problems:
        raise WeightsError(f"weights: {'; '.join(problems)}. {_looks_like(state_dict)}")
    new = {p: leaf.replace(jnp.asarray(arrays[p])) for p, leaf in flat.items()}
    paths = {".".join(map(str, path)): path for path, _ in state.flat_state()}
    filled = nnx.from_flat_state({paths[p]: leaf for p, leaf in new.items()})
    return nnx.merge(graphdef, filled)


def to_torch(model: DANet) -> dict[str, np.ndarray]:
    """The parameters of a network by torch's names, in torch's layout (OIHW), float32.

    The inverse of ``from_torch``, bit for bit.
    """
    result = {}
    for path, leaf in nnx.state(model, nnx.Param).flat_state():
        name = torch_name(".".join(map(str, path)))
        [(_, rule)] = rules_for(name)
        result[name] = np.ascontiguousarray(rule.to_torch(np.asarray(leaf[...])))
    return result


def _match(
    state_dict: Mapping[str, Any], expected: Shapes
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Arrays by path, and what keeps them from being all and only those expected."""
    arrays: dict[str, np.ndarray] = {}
    unused, doubled, misshaped = [], [], []
    for name, value in state_dict.items():
        matches = [(p, r) for p, r in rules_for(name) if p in expected]
        if not matches:
            unused.append(name)
            continue
        path, rule = matches[0]
        array = _to_numpy(value)
        if len(matches) > 1 or path in arrays:
            doubled.append(name)
        elif array.ndim == len(expected[path]):
            array = rule.to_jax(array)
        arrays[path] = array
        if array.shape != expected[path]:
            got, want = tuple(np.shape(value)), _torch_shape(expected[path])
            misshaped.append(f"{name} is {got}, not {want}")
    missing = [torch_name(path) for path in expected if path not in arrays]
    kinds = {
        "missing": missing,
        "unused": unused,
        "doubly matched": doubled,
        "of another shape": misshaped,
    }
    return arrays, [
        f"{len(names)} {kind} ({_first(names)})"
        for kind, names in kinds.items()
        if names
    ]


def _first(names: list[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _to_numpy(value: Any) -> np.ndarray:
    if hasattr(value, "detach"):  # a torch tensor, without importing torch
        value = value.detach().cpu().float().numpy()
    return np.asarray(value, dtype=np.float32)


def _torch_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape


def _looks_like(state_dict: Mapping[str, Any]) -> str:
    """Names the known variant whose entries are nearest to a file's."""
    have = {(name, tuple(np.shape(value))) for name, value in state_dict.items()}
    distances = {
        words: len(have ^ entries) for words, entries in _known_entries() if have
    }
    if not distances:
        return "The file holds no parameters."
    best = min(distances, key=lambda words: distances[words])
    if distances[best] == 0:
        return f"The file is {best}."
    if distances[best] < len(have) / 2:
        return f"The file looks like {best}, but {distances[best]} entries differ."
    return f"The file looks like none of the variants {', '.join(VARIANTS)}."


def _known_entries() -> Iterable[tuple[str, set[tuple[str, tuple[int, ...]]]]]:
    for name, config in VARIANTS.items():
        for channels, colour in (1, "gray"), (3, "RGB"):
            variant = dataclasses.replace(config, channels=channels)
            model = nnx.eval_shape(lambda v=variant: DANet(v, rngs=nnx.Rngs(0)))
            leaves = nnx.state(model, nnx.Param).flat_state()
            yield (
                f"{name} ({colour})",
                {
                    (torch_name(".".join(map(str, p))), _torch_shape(leaf.shape))
                    for p, leaf in leaves
                },
            )
