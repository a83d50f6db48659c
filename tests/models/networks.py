"""Small networks for tests, with random parameters under which every gradient lives."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from danet_jax import DANet, DANetConfig, from_torch
from danet_jax.models import abstract_danet
from tests.models.running import QUICK, Arrays, by_torch_name

TWO_SCALES = DANetConfig(
    widths=(4, 8),
    encoder_blocks=(2, 0),
    decoder_blocks=(0,),
    offset_width=4,
    offset_groups=2,
)
RGB = dataclasses.replace(TWO_SCALES, channels=3)
PLAIN = dataclasses.replace(
    TWO_SCALES, block="conv", recurrent_offsets=False, wavelet=False
)
DEFORM = dataclasses.replace(PLAIN, block="deform")
THREE_SCALES = DANetConfig(
    widths=(4, 6, 8),
    encoder_blocks=(0, 1, 0),
    decoder_blocks=(1, 0),
    offset_width=3,
    offset_groups=2,
)
# Height and width of the images that gradients are taken at; one for all, so that
# the same program need not be compiled again.
SIZE = (10, 7)


def random_state(config: DANetConfig, seed: int = 0) -> Arrays:
    """A state dict of random numbers, by torch's names and in torch's layout."""
    random = np.random.default_rng(seed)
    return {
        name: _draw(random, name, shape).astype(np.float32)
        for name, shape in shapes(config).items()
    }


def image(config: DANetConfig, height: int, width: int, seed: int = 0) -> jax.Array:
    """Two random images in [0, 1]."""
    random = np.random.default_rng(seed)
    shape = (2, height, width, config.channels)
    return jnp.asarray(random.uniform(size=shape), jnp.float32)


def parameters(config: DANetConfig, seed: int = 0) -> Any:
    """Random parameters as a pytree of plain arrays."""
    model = from_torch(random_state(config, seed), config)
    return nnx.as_pure(nnx.state(model, nnx.Param))


def untrained(config: DANetConfig, seed: int = 0) -> Any:
    """The parameters of a new network."""

    def draw() -> Any:
        return nnx.as_pure(nnx.state(DANet(config, rngs=nnx.Rngs(seed)), nnx.Param))

    return jax.jit(draw, compiler_options=QUICK)()


def graphdef(config: DANetConfig, **options: Any) -> nnx.GraphDef:
    """The structure of a network with options, without its parameters."""
    model = nnx.eval_shape(lambda: DANet(config, rngs=nnx.Rngs(0), **options))
    return nnx.split(model, nnx.Param)[0]


def forward(config: DANetConfig, **options: Any) -> Any:
    """The function (parameters, images) -> restored images."""
    structure = graphdef(config, **options)
    return lambda params, x: nnx.merge(structure, params)(x)


def gradients(config: DANetConfig, **options: Any) -> Any:
    """(parameters, images) -> restored images, and the gradients of a loss by both."""
    restore = forward(config, **options)

    def program(params: Any, x: jax.Array) -> Any:
        def loss(params: Any, x: jax.Array) -> Any:
            restored = restore(params, x)
            return ((restored - 0.5) ** 2).mean(), restored

        grads, restored = jax.grad(loss, argnums=(0, 1), has_aux=True)(params, x)
        return restored, *grads

    return program


def compiled(function: Any) -> Any:
    """Jitted, for a function that is compiled once and run a few times."""
    return jax.jit(function, compiler_options=QUICK)


@functools.cache
def shapes(config: DANetConfig) -> dict[str, tuple[int, ...]]:
    """The shapes of a state dict by torch's names, in torch's layout."""
    state = nnx.state(abstract_danet(config), nnx.Param)
    zeros = jax.tree.map(lambda leaf: np.broadcast_to(0.0, leaf.shape), state)
    return {name: array.shape for name, array in by_torch_name(zeros).items()}


def _draw(random: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith("bias"):
        # Channel attention's few hidden units must not all be cut off by its ReLU.
        return random.normal(float(name.endswith("reduce.bias")), 0.1, shape)
    scale = 0.25 if "conv2" in name else 1.0
    return random.normal(0, scale * np.prod(shape[1:]) ** -0.5, shape)
