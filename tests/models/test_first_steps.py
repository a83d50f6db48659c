"""Which parameters move in the first steps of training."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.models.networks import (
    SIZE,
    TWO_SCALES,
    compiled,
    gradients,
    image,
    untrained,
)
from tests.models.running import by_torch_name


def moving(program: Any, params: Any) -> set[str]:
    """The parts, by torch's names, that any gradient reaches."""
    grads = by_torch_name(program(params, image(TWO_SCALES, *SIZE))[1])
    assert all(np.isfinite(grad).all() for grad in grads.values())
    return {name for name, grad in grads.items() if grad.any()}


def filled(params: Any, part: str) -> Any:
    """With random numbers where a path contains a part; as after a step."""
    random = np.random.default_rng(0)

    def fill(path: Any, leaf: jax.Array) -> jax.Array:
        if part not in jax.tree_util.keystr(path, simple=True, separator="."):
            return leaf
        return jnp.asarray(random.normal(0, 0.1, leaf.shape), jnp.float32)

    return jax.tree_util.tree_map_with_path(fill, params)


def test_gradients_reach_everything_in_three_steps() -> None:
    """The tail, then the body and what predicts offsets, then the offset branches."""
    program, params = compiled(gradients(TWO_SCALES)), untrained(TWO_SCALES)
    everything = set(by_torch_name(params))
    branches = {n for n in everything if ".offset." in n and ".predict." not in n}
    tail = {"tail.weight", "tail.bias"}
    assert moving(program, params) == tail
    params = filled(params, "tail")
    assert moving(program, params) == everything - branches
    params = filled(params, "predict")
    assert moving(program, params) == everything
