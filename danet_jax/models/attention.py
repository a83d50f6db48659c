"""Channel, spatial and dual attention (the paper's Sec. 3.2 and Fig. 3)."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from danet_jax.models.layers import Conv


class ChannelAttention(nnx.Module):
    """Scales each channel by a function of all channels' means, as in SE networks."""

    def __init__(self, width: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        narrow = max(width // 16, 4)
        self.reduce = Conv(width, narrow, 1, dtype=dtype, rngs=rngs)
        self.expand = Conv(narrow, width, 1, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """[N, H, W, width] to the same."""
        return x * self.weights(x)

    def weights(self, x: jax.Array) -> jax.Array:
        """The factors of the channels, [N, 1, 1, width] in (0, 1)."""
        pooled = x.mean(axis=(1, 2), keepdims=True)
        return nnx.sigmoid(self.expand(nnx.relu(self.reduce(pooled))))


class SpatialAttention(nnx.Module):
    """Scales each pixel by a function of its and its neighbours' features, as CBAM."""

    def __init__(self, *, dtype: DTypeLike, rngs: nnx.Rngs):
        self.conv = Conv(2, 1, 7, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """[N, H, W, width] to the same."""
        return x * self.weights(x)

    def weights(self, x: jax.Array) -> jax.Array:
        """The factors of the pixels, [N, H, W, 1] in (0, 1)."""
        largest, mean = x.max(-1, keepdims=True), x.mean(-1, keepdims=True)
        return nnx.sigmoid(self.conv(jnp.concatenate([largest, mean], axis=-1)))


class DualAttention(nnx.Module):
    """Both attentions of the same features, fused and added to them.

    The fusion is a 1x1 convolution of [channel(x), spatial(x)]. As it is linear, the
    factors of the channels go into its kernel, those of the pixels onto its result, and
    neither of the two is ever formed.
    """

    def __init__(self, width: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        self.channel = ChannelAttention(width, dtype=dtype, rngs=rngs)
        self.spatial = SpatialAttention(dtype=dtype, rngs=rngs)
        self.fuse = Conv(2 * width, width, 1, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """[N, H, W, width] to the same."""
        kernel, bias = self.fuse.cast()
        of_channel, of_spatial = jnp.split(kernel[0, 0], 2)
        factors = self.channel.weights(x)[:, 0, 0]
        scaled = jnp.einsum("nc,co->nco", factors, of_channel)
        channel = jnp.einsum("nhwc,nco->nhwo", x, scaled)
        return x + channel + self.spatial.weights(x) * (x @ of_spatial) + bias
