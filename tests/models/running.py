"""Modules with given parameters, and their gradients, all by torch's names."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from flax import nnx

from danet_jax.interop.names import rules_for, torch_name
from danet_jax.models.transfer import dotted
from tests.golden_files import to_nchw, to_nhwc

Arrays = dict[str, np.ndarray]

# Compiles in a third of the time, for programs that run once or twice.
QUICK = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


@dataclasses.dataclass(frozen=True)
class Results:
    """Outputs and gradients, images in torch's layout."""

    outputs: list[np.ndarray]
    inputs: list[np.ndarray]  # the gradients of the inputs
    parameters: Arrays  # the gradients of the parameters, by torch's names


def fill(module: nnx.Module, arrays: Arrays, *, prefix: str) -> nnx.Module:
    """An abstract module with the parameters of a state dict, and with no others.

    Args:
        module: of shapes.
        arrays: by torch's names inside the module.
        prefix: what would come before them in the whole network.
    """
    graphdef, state = nnx.split(module, nnx.Param)
    leaves = {dotted(path): (path, leaf) for path, leaf in nnx.to_flat_state(state)}
    filled = {}
    for name, array in arrays.items():
        [(path, rule)] = rules_for(prefix + name)
        key, leaf = leaves[path.removeprefix(prefix)]
        value = rule.to_jax(array)
        assert value.shape == leaf.shape, name
        filled[key] = leaf.replace(jax.numpy.array(value))
    assert len(filled) == len(leaves)
    return nnx.merge(graphdef, nnx.from_flat_state(filled))


def by_torch_name(params: Any, *, prefix: str = "") -> Arrays:
    """A tree of parameters, or of their gradients, as the state dict of a module."""
    result = {}
    for path, leaf in nnx.to_flat_state(nnx.as_pure(params)):
        name = torch_name(prefix + dotted(path))
        [(_, rule)] = rules_for(name)
        result[name.removeprefix(prefix)] = rule.to_torch(np.asarray(leaf))
    return result


def call(module: Any, *inputs: jax.Array) -> Any:
    """What a module returns."""
    return module(*inputs)


def run(
    module: Any,
    inputs: list[np.ndarray],
    cotangents: list[np.ndarray],
    *,
    prefix: str = "",
    call: Callable[..., Any] = call,
    options: dict[str, Any] | None = QUICK,
) -> Results:
    """Runs a module forward and backward on arrays in torch's layout.

    Args:
        module: with its parameters.
        inputs: NCHW.
        cotangents: of the outputs, NCHW.
        prefix: see ``fill``.
        call: of the module and its inputs, in our layout; returns an array or a tuple.
        options: of the compiler; None for its defaults.
    """
    graphdef, params = nnx.split(module, nnx.Param)

    def program(params: Any, inputs: Any, cotangents: Any) -> Any:
        def forward(params: Any, inputs: Any) -> Any:
            outputs = call(nnx.merge(graphdef, params), *inputs)
            return outputs if isinstance(outputs, tuple) else (outputs,)

        outputs, pull = jax.vjp(forward, params, inputs)
        return outputs, *pull(cotangents)

    ours = tuple(map(to_nhwc, inputs)), tuple(map(to_nhwc, cotangents))
    compiled = jax.jit(program, compiler_options=options)
    outputs, param_grads, input_grads = compiled(nnx.as_pure(params), *ours)
    return Results(
        [to_nchw(np.asarray(array)) for array in outputs],
        [to_nchw(np.asarray(array)) for array in input_grads],
        by_torch_name(param_grads, prefix=prefix),
    )
