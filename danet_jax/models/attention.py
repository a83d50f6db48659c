"""Channel, spatial and dual attention (the paper's Sec. 3.2 and Fig. 3)."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from danet_jax.models.layers import conv


class ChannelAttention(nnx.Module):
    """Scales each channel by a function of all channels' means, as in SE networks."""

    def __init__(self, width: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        narrow = max(width // 16, 4)
        self.reduce = conv(width, narrow, 1, dtype=dtype, rngs=rngs)
        self.expand = conv(narrow, width, 1, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """[N, H, W, width] to the same."""
        pooled = x.mean(axis=(1, 2), keepdims=True)
        return x * nnx.sigmoid(self.expand(nnx.relu(self.reduce(pooled))))


class SpatialAttention(nnx.Module):
    """Scales each pixel by a function of its and its neighbours' features, as CBAM."""

    def __init__(self, *, dtype: DTypeLike, rngs: nnx.Rngs):
        self.conv = conv(2, 1, 7, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """[N, H, W, width] to the same."""
        largest, mean = x.max(-1, keepdims=True), x.mean(-1, keepdims=True)
        return x * nnx.sigmoid(self.conv(jnp.concatenate([largest, mean], axis=-1)))


class DualAttention(nnx.Module):
    """Both attentions of the same features, fused and added to them."""

    def __init__(self, width: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        self.channel = ChannelAttention(width, dtype=dtype, rngs=rngs)
        self.spatial = SpatialAttention(dtype=dtype, rngs=rngs)
        self.fuse = conv(2 * width, width, 1, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """[N, H, W, width] to the same."""
        both = jnp.concatenate([self.channel(x), self.spatial(x)], axis=-1)
        return x + self.fuse(both)
