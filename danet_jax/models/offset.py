"""Where the deformable convolutions look: the offset branch of a block."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from danet_jax.checks import message
from danet_jax.models.attention import DualAttention
from danet_jax.models.layers import Conv

TAPS = 9


class OffsetBranch(nnx.Module):
    """Predicts offsets and mask of a 3x3 deformable convolution from its input.

    A recurrent branch, that of an AROB, attends to its feature; one that is ``carried``
    a feature from the AROB before it also merges the two.
    """

    def __init__(
        self,
        width: int,
        offset_width: int,
        groups: int,
        *,
        recurrent: bool = False,
        carried: bool = False,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
    ):
        inner: dict[str, Any] = {"dtype": dtype, "rngs": rngs}
        self.groups = groups
        self.feature = Conv(width, offset_width, **inner)
        self.merge = Conv(2 * offset_width, offset_width, **inner) if carried else None
        self.attention = DualAttention(offset_width, **inner) if recurrent else None
        self.predict = Conv(offset_width, 3 * TAPS * groups, scale=0, **inner)

    def __call__(
        self, x: jax.Array, carried: jax.Array | None = None
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Returns offsets [N, H, W, G, 9, 2], mask [N, H, W, G, 9] and the feature.

        Args:
            x: [N, H, W, width].
            carried: [N, H, W, offset_width], where the branch has a merge convolution.
        Raises:
            ValueError: carried is given, or missing, against the branch's making.
        """
        self._check(carried)
        feature = nnx.leaky_relu(self.feature(x), 0.2)
        if self.merge is not None and carried is not None:
            both = jnp.concatenate([feature, carried], axis=-1)
            feature = nnx.leaky_relu(self.merge(both), 0.2)
        if self.attention is not None:
            feature = self.attention(feature)
        prediction = self.predict(feature).astype(jnp.float32)
        offsets, logits = jnp.split(prediction, [2 * TAPS * self.groups], axis=-1)
        grid = (*x.shape[:3], self.groups, TAPS)
        return offsets.reshape(*grid, 2), nnx.sigmoid(logits).reshape(grid), feature

    def _check(self, carried: jax.Array | None) -> None:
        if (carried is None) != (self.merge is None):
            rule = "be given to a branch that merges, and to no other"
            got = None if carried is None else carried.shape
            raise ValueError(message("OffsetBranch", "carried", rule, got))
