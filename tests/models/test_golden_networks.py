"""Whole networks against the golden files: output, gradients, and steps of Adam."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from danet_jax import DANetConfig, from_torch
from tests import golden_files, tolerances
from tests.golden_files import to_nhwc
from tests.models.comparing import assert_golden, numbered
from tests.models.running import QUICK, run


@pytest.mark.parametrize("name", golden_files.of_kind("network"))
def test_network(name: str) -> None:
    golden = golden_files.load(name)
    model = from_torch(golden.below("state"), DANetConfig(**golden.meta["config"]))
    inputs, cotangents = numbered(golden, "input"), numbered(golden, "cotangent")
    # One of them as users compile it.
    options = None if name == "danet_small_gray" else QUICK
    assert_golden(golden, run(model, inputs, cotangents, options=options))


@pytest.mark.parametrize("name", golden_files.of_kind("adam"))
def test_losses_of_adam(name: str) -> None:
    golden = golden_files.load(name)
    model = from_torch(golden.below("state"), DANetConfig(**golden.meta["config"]))
    clean, noisy = (to_nhwc(golden.arrays[key]) for key in ("clean", "noisy"))
    graphdef, params = nnx.split(model, nnx.Param)
    leaves, tree = jax.tree.flatten(nnx.as_pure(params))
    ends = np.cumsum([leaf.size for leaf in leaves])[:-1]
    adam = optax.adam(golden.meta["lr"], *golden.meta["betas"], eps=golden.meta["eps"])

    # One vector of all parameters: Adam's arithmetic compiles once, not for each leaf.
    def joined(tree: Any) -> np.ndarray:
        return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])

    def split(vector: Any) -> Any:
        parts = zip(np.split(np.asarray(vector), ends), leaves, strict=True)
        return tree.unflatten([part.reshape(leaf.shape) for part, leaf in parts])

    def loss(params: Any) -> jax.Array:
        return jnp.mean((nnx.merge(graphdef, params)(noisy) - clean) ** 2)

    loss_and_gradient = jax.jit(jax.value_and_grad(loss), compiler_options=QUICK)
    vector, losses = jnp.asarray(joined(leaves)), []
    state, update = adam.init(vector), jax.jit(adam.update)
    for _ in golden.arrays["losses"]:
        value, grads = loss_and_gradient(split(vector))
        losses.append(float(value))
        with jax.numpy_dtype_promotion("standard"):  # which optax relies on
            updates, state = update(jnp.asarray(joined(grads)), state)
        vector = vector + updates
    errors = np.abs(losses / golden.arrays["losses"] - 1)
    assert errors[0] <= tolerances.FIRST_ADAM_LOSS
    assert errors.max() <= tolerances.ADAM_LOSS
    assert losses[-1] < losses[0]


def test_no_kind_is_forgotten() -> None:
    names = [path.stem for path in golden_files.FOLDER.glob("*.npz")]
    kinds = {golden_files.load(name).meta["kind"] for name in names}
    parts = {"channel_attention", "spatial_attention", "dual_attention"}
    blocks = {"conv", "deform", "adeb"}
    operations = {"deform_conv2d", "haar", "haar_inverse"}
    assert kinds == parts | blocks | operations | {"network", "adam"}
