"""The residual blocks: ADEB and AROB of the paper, and the ablation's plainer ones."""

import jax
from flax import nnx
from jax.typing import DTypeLike

from danet_jax.models.attention import DualAttention
from danet_jax.models.layers import Conv, DeformConv
from danet_jax.models.offset import OffsetBranch

# Shrinks what an untrained block adds: without it a deep network's gradients explode.
RESIDUAL_SCALE = 0.1


class ConvBlock(nnx.Module):
    """Three plain convolutions (the U-Net row of Table 8).

    The first one is called ``deform`` because it stands where the deformable one does.
    """

    def __init__(self, width: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        self.deform = Conv(width, width, dtype=dtype, rngs=rngs)
        self.conv1 = Conv(width, width, dtype=dtype, rngs=rngs)
        self.conv2 = Conv(width, width, scale=RESIDUAL_SCALE, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """[N, H, W, width] to the same."""
        y = nnx.relu(self.deform(x))
        y = nnx.relu(self.conv1(y))
        return x + self.conv2(y)


class DeformBlock(nnx.Module):
    """A deformable convolution and two plain ones (the DeConv row of Table 8)."""

    def __init__(
        self, width: int, offset: OffsetBranch, *, dtype: DTypeLike, rngs: nnx.Rngs
    ):
        self.offset = offset
        self.deform = DeformConv(width, dtype=dtype, rngs=rngs)
        self.conv1 = Conv(width, width, dtype=dtype, rngs=rngs)
        self.conv2 = Conv(width, width, scale=RESIDUAL_SCALE, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """[N, H, W, width] to the same."""
        offsets, mask, _ = self.offset(x)
        return x + self.convolve(x, offsets, mask)

    def convolve(self, x: jax.Array, offsets: jax.Array, mask: jax.Array) -> jax.Array:
        """The three convolutions, without the residual connection."""
        y = nnx.relu(self.deform(x, offsets, mask))
        y = nnx.relu(self.conv1(y))
        return self.conv2(y)


class ADEB(DeformBlock):
    """Attentive deformable-convolution block (Sec. 3.2, Fig. 3)."""

    def __init__(
        self, width: int, offset: OffsetBranch, *, dtype: DTypeLike, rngs: nnx.Rngs
    ):
        super().__init__(width, offset, dtype=dtype, rngs=rngs)
        self.attention = DualAttention(width, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """[N, H, W, width] to the same."""
        offsets, mask, _ = self.offset(x)
        return x + self.attention(self.convolve(x, offsets, mask))


class AROB(ADEB):
    """Attentive recurrent offset block: an ADEB that hands its offset feature on."""

    def __call__(  # type: ignore[override]
        self, x: jax.Array, carried: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        """Returns features like x, and the offset feature for the next AROB.

        Args:
            x: [N, H, W, width].
            carried: [N, H, W, offset_width], brought to this scale; None in the first.
        """
        offsets, mask, feature = self.offset(x, carried)
        return x + self.attention(self.convolve(x, offsets, mask)), feature
