"""A stage: the blocks of one scale, closed by an AROB; and the ways between scales."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from danet_jax.config import DANetConfig
from danet_jax.models.blocks import ADEB, AROB, ConvBlock, DeformBlock
from danet_jax.models.layers import Conv, he_normal
from danet_jax.models.offset import OffsetBranch
from danet_jax.ops import dwt2, idwt2


class Stage(nnx.Module):
    """The ADEBs of one scale in sequence, then the AROB that carries offsets on.

    Without ``recurrent_offsets`` one more block of the configured kind closes it.
    """

    def __init__(
        self,
        config: DANetConfig,
        scale: int,
        *,
        decoder: bool,
        scan: bool,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
    ):
        inner: dict[str, Any] = {"dtype": dtype, "rngs": rngs}
        width = config.widths[scale]
        counts = config.decoder_blocks if decoder else config.encoder_blocks

        def branch(*, recurrent: bool = False, carried: bool = False) -> OffsetBranch:
            return OffsetBranch(
                width,
                config.offset_width,
                config.offset_groups,
                recurrent=recurrent,
                carried=carried,
                **inner,
            )

        def block() -> ConvBlock | DeformBlock:
            # As SADNet does, "deform" networks deform in the decoder alone.
            if config.block == "conv" or (config.block == "deform" and not decoder):
                return ConvBlock(width, **inner)
            kind = ADEB if config.block == "adeb" else DeformBlock
            return kind(width, branch(), **inner)

        def closing() -> ConvBlock | DeformBlock:
            if not config.recurrent_offsets:
                return block()
            # The network's first AROB has none before it.
            carried = decoder or scale > 0
            return AROB(width, branch(recurrent=True, carried=carried), **inner)

        self.blocks = nnx.List([*(block() for _ in range(counts[scale])), closing()])
        self.scan = scan

    def __call__(
        self, x: jax.Array, carried: jax.Array | None
    ) -> tuple[jax.Array, jax.Array | None]:
        """Returns features like x, and the AROB's offset feature if there is one.

        Args:
            x: [N, H, W, width].
            carried: [N, H, W, offset_width], brought to this scale, or None.
        """
        *blocks, closing = self.blocks
        if self.scan and len(blocks) > 1:
            x = _scan(blocks, x)
        else:
            for block in blocks:
                x = block(x)
        if isinstance(closing, AROB):
            return closing(x, carried)
        return closing(x), None


def _scan(blocks: Sequence[Callable[[jax.Array], jax.Array]], x: jax.Array) -> Any:
    """Applies equal blocks in a loop whose body is compiled once."""
    graphdef = nnx.graphdef(blocks[0])
    states = [nnx.as_pure(nnx.state(block)) for block in blocks]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    return jax.lax.scan(lambda x, s: (nnx.merge(graphdef, s)(x), None), x, stacked)[0]


class Down(nnx.Module):
    """To the next coarser scale: Haar analysis and a 1x1 convolution.

    Without the wavelet, a 2x2 convolution of stride 2.
    """

    def __init__(
        self, fine: int, coarse: int, *, wavelet: bool, dtype: DTypeLike, rngs: nnx.Rngs
    ):
        self.wavelet = wavelet
        self.conv: Conv | nnx.Conv
        if wavelet:
            self.conv = Conv(4 * fine, coarse, 1, dtype=dtype, rngs=rngs)
        else:
            self.conv = nnx.Conv(
                fine,
                coarse,
                (2, 2),
                strides=(2, 2),
                padding="VALID",
                kernel_init=he_normal(),
                dtype=dtype,
                rngs=rngs,
            )

    def __call__(self, x: jax.Array) -> jax.Array:
        """[N, H, W, fine] to [N, H/2, W/2, coarse]; H and W even."""
        return self.conv(dwt2(x) if self.wavelet else x)


class Up(nnx.Module):
    """To the next finer scale: a 1x1 convolution and Haar synthesis.

    Without the wavelet, a 2x2 transposed convolution of stride 2.
    """

    def __init__(
        self, coarse: int, fine: int, *, wavelet: bool, dtype: DTypeLike, rngs: nnx.Rngs
    ):
        self.wavelet = wavelet
        self.conv: Conv | nnx.ConvTranspose
        if wavelet:
            self.conv = Conv(coarse, 4 * fine, 1, dtype=dtype, rngs=rngs)
        else:
            # Each output pixel sees one of the four taps: the fan in is `coarse`.
            self.conv = nnx.ConvTranspose(
                coarse,
                fine,
                (2, 2),
                strides=(2, 2),
                padding="VALID",
                transpose_kernel=True,
                kernel_init=he_normal(fan_in=coarse),
                dtype=dtype,
                rngs=rngs,
            )

    def __call__(self, x: jax.Array) -> jax.Array:
        """[N, H, W, coarse] to [N, 2H, 2W, fine]."""
        x = self.conv(x)
        return idwt2(x) if self.wavelet else x
