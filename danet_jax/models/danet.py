"""DANet, the deformable and attentive network, as its figure draws it."""

from typing import Any, cast

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from danet_jax.checks import check_nhwc, check_type, message
from danet_jax.config import DANetConfig
from danet_jax.models.layers import Conv
from danet_jax.models.stage import Down, Stage, Up
from danet_jax.ops.resize import double, halve, pad_to_multiple


class EncoderLevel(nnx.Module):
    """One scale of the encoder: the way down to it, and its stage."""

    def __init__(
        self,
        config: DANetConfig,
        scale: int,
        *,
        scan: bool,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
    ):
        inner: dict[str, Any] = {"dtype": dtype, "rngs": rngs}
        if scale:
            finer, width = config.widths[scale - 1 : scale + 1]
            self.down = Down(finer, width, wavelet=config.wavelet, **inner)
        self.stage = Stage(config, scale, decoder=False, scan=scan, **inner)


class DecoderLevel(nnx.Module):
    """One scale of the decoder: the way up to it, the skip's fusion, and its stage."""

    def __init__(
        self,
        config: DANetConfig,
        scale: int,
        *,
        scan: bool,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
    ):
        width, coarser = config.widths[scale : scale + 2]
        inner: dict[str, Any] = {"dtype": dtype, "rngs": rngs}
        self.up = Up(coarser, width, wavelet=config.wavelet, **inner)
        self.fuse = Conv(2 * width, width, 1, **inner)
        self.stage = Stage(config, scale, decoder=True, scan=scan, **inner)


class DANet(nnx.Module):
    """Deformable and Attentive Network for image restoration.

    An encoder and a decoder of stages of ADEBs, each closed by an AROB; Haar wavelets
    between the scales; offset features carried from AROB to AROB through all of it. The
    network predicts what to add to its input: untrained, it returns its input exactly.

    Args:
        config: which parameters there are; see ``DANetConfig`` and ``VARIANTS``.
        rngs: source of the initial parameters, e.g. ``nnx.Rngs(0)``.
        dtype: of the features. Parameters, coordinates, sampling weights and the final
            sum are float32 in any case.
        remat: recompute each stage in the backward pass instead of keeping it.
        scan: compile one body for the equal blocks of a stage. CPUs compile it no
            faster.
    Raises:
        TypeError: the config is none, or the dtype is not floating point.
    Source: Huang et al. 2021, Fig. 2; what the paper leaves open: docs/deviations.md.
    Example:
        >>> def restore(image):
        ...     return DANet(config, rngs=nnx.Rngs(0))(image)
        >>> config = DANetConfig(
        ...     widths=(8, 16), encoder_blocks=(1, 0), decoder_blocks=(0,)
        ... )  # or VARIANTS["danet"]
        >>> jax.eval_shape(restore, jnp.zeros((1, 11, 6, 1))).shape
        (1, 11, 6, 1)
    """

    def __init__(
        self,
        config: DANetConfig,
        *,
        rngs: nnx.Rngs,
        dtype: DTypeLike = jnp.float32,
        remat: bool = False,
        scan: bool = False,
    ):
        check_type("DANet", "config", config, DANetConfig)
        if not jnp.issubdtype(dtype, jnp.floating):
            raise TypeError(message("DANet", "dtype", "be floating point", dtype))
        inner: dict[str, Any] = {"dtype": dtype, "rngs": rngs}
        levels = range(config.scales)
        self.config = config
        self.remat = remat
        self.dtype = dtype
        self.head = Conv(config.channels, config.widths[0], **inner)
        self.encoder = nnx.List(
            [EncoderLevel(config, i, scan=scan, **inner) for i in levels]
        )
        self.decoder = nnx.List(
            [DecoderLevel(config, i, scan=scan, **inner) for i in levels[:-1]]
        )
        self.tail = Conv(config.widths[0], config.channels, scale=0, **inner)

    def __call__(self, image: jax.Array) -> jax.Array:
        """Restores images.

        Args:
            image: [N, H, W, channels], nominally in [0, 1]; H and W of at least
                ``config.multiple`` = 2**(scales - 1) pixels.
        Returns:
            [N, H, W, channels], float32, not clipped.
        Raises:
            TypeError: image is not floating point.
            ValueError: another rank, channel count, or too small an image.
        """
        return self.with_features(image)[0]

    def with_features(self, image: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
        """Restores images, and also returns what each stage of the decoder makes.

        Args:
            image: as of a call.
        Returns:
            The restored images, and features [N, h, w, width] from the coarsest stage
            of the decoder to the finest, of the padded image.
        Raises:
            TypeError, ValueError: as a call.
        """
        self._check(image)
        height, width = image.shape[1:3]
        image = pad_to_multiple(image.astype(jnp.float32), self.config.multiple)
        features = self._decode(*self._encode(image))
        restored = image + self.tail(features[-1]).astype(jnp.float32)
        return restored[:, :height, :width], features

    def _encode(
        self, image: jax.Array
    ) -> tuple[jax.Array, list[jax.Array], jax.Array | None]:
        x = self.head(image)
        skips, carried = [], None
        for scale, level in enumerate(self.encoder):
            if scale:
                x = level.down(x)
                # A displacement of one fine pixel is half a coarse one.
                carried = None if carried is None else 0.5 * halve(carried)
            x, carried = self._run(level.stage, x, carried)
            skips.append(x)
        return x, skips, carried

    def _decode(
        self, x: jax.Array, skips: list[jax.Array], carried: jax.Array | None
    ) -> list[jax.Array]:
        features = []
        for level, skip in reversed(list(zip(self.decoder, skips[:-1], strict=True))):
            x = level.fuse(jnp.concatenate([level.up(x), skip], axis=-1))
            carried = None if carried is None else 2.0 * double(carried)
            x, carried = self._run(level.stage, x, carried)
            features.append(x)
        return features

    def _run(
        self, stage: Stage, x: jax.Array, carried: jax.Array | None
    ) -> tuple[jax.Array, jax.Array | None]:
        if not self.remat:
            return stage(x, carried)
        return nnx.remat(lambda stage, *features: stage(*features))(stage, x, carried)

    def _check(self, image: jax.Array) -> None:
        check_nhwc("DANet", "image", image, channels=self.config.channels)
        least = self.config.multiple
        if min(image.shape[1:3]) < least:
            rule = f"be at least {least}x{least} pixels for {self.config.scales} scales"
            raise ValueError(message("DANet", "image", rule, tuple(image.shape)))


class _OneKey:
    """A source of keys for a network that will not be filled.

    Where nothing is drawn, counting keys as ``nnx.Rngs`` does takes ten times as long
    as all the rest.
    """

    @staticmethod
    def params() -> jax.Array:
        return jax.random.key(0)


def abstract_danet(config: DANetConfig, **options: Any) -> DANet:
    """A network of shapes and dtypes in place of arrays: it takes no memory.

    Args:
        config: the network.
        options: dtype, remat, scan; see ``DANet``.

    Example:
        >>> from danet_jax import VARIANTS
        >>> abstract_danet(VARIANTS["danet"]).head.kernel.shape
        (3, 3, 1, 64)
    """
    rngs = cast(nnx.Rngs, _OneKey())
    return nnx.eval_shape(lambda: DANet(config, rngs=rngs, **options))
