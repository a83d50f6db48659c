"""What a network costs: parameters, multiply-adds, and the memory of its features."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from danet_jax.checks import message
from danet_jax.config import DANetConfig
from danet_jax.models.danet import DANet, abstract_danet


class Complexity(NamedTuple):
    """The cost of one network on one image."""

    parameters: int
    macs: int  # multiply-adds of the convolutions
    feature_bytes: int  # kept from the forward for the backward pass, in float32


def complexity(config: DANetConfig, height: int, width: int) -> Complexity:
    """Counts what a network costs; nothing is computed or allocated.

    Convention:
        A MAC is one multiply-add of a convolution, as the paper's Table 7 counts FLOPs:
        a deformable one counts as a plain one, a transposed one by its input; sampling,
        pooling and activations do not count. Of the deformable convolutions the
        features are their inputs, as they recompute all else.
    Args:
        config: the network.
        height: of the image in pixels; counted as padded to ``config.multiple``.
        width: likewise.
    Raises:
        ValueError: the image is smaller than ``config.multiple``.
    Source: Huang et al. 2021, Table 7.
    """
    if min(height, width) < config.multiple:
        rule = f"be at least {config.multiple}x{config.multiple} pixels"
        raise ValueError(message("complexity", "image", rule, f"{width}x{height}"))
    height, width = (
        -(-n // config.multiple) * config.multiple for n in (height, width)
    )
    model = abstract_danet(config)
    leaves = nnx.to_flat_state(nnx.state(model, nnx.Param))
    macs = sum(
        _pixels(path, height, width) * math.prod(leaf.shape)
        for path, leaf in leaves
        if path[-1] == "kernel"
    )
    parameters = sum(math.prod(leaf.shape) for _, leaf in leaves)
    image = jax.ShapeDtypeStruct((1, height, width, config.channels), jnp.float32)
    return Complexity(parameters, macs, feature_bytes(model, image))


def feature_bytes(model: DANet, image: Any) -> int:
    """Bytes that a forward pass leaves for the backward pass, besides the parameters.

    Args:
        model: its options (dtype, remat, scan) count; arrays or shapes.
        image: [N, H, W, channels], an array or a shape.
    """
    graphdef, params = nnx.split(model, nnx.Param)

    def pull(params: Any, image: Any) -> Any:
        return jax.vjp(lambda params: nnx.merge(graphdef, params)(image), params)[1]

    kept = jax.tree.leaves(jax.eval_shape(pull, nnx.as_pure(params), image))
    total = sum(leaf.size * leaf.dtype.itemsize for leaf in kept)
    ours = jax.tree.leaves(params)
    return total - sum(leaf.size * leaf.dtype.itemsize for leaf in ours)


def _pixels(path: tuple[Any, ...], height: int, width: int) -> int:
    """Positions at which a convolution is evaluated, from its place in the network."""
    if {"reduce", "expand"} & set(path):  # after the pooling of channel attention
        return 1
    scale = 0
    if path[0] in ("encoder", "decoder"):
        scale = path[1] + ("up" in path)  # the way up convolves before it enlarges
    return (height >> scale) * (width >> scale)
