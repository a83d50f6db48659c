"""Multiply-adds of convolutions, as the paper's Table 7 counts its FLOPs."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from danet_jax import VARIANTS
from danet_jax.models import abstract_danet
from danet_jax.models.attention import DualAttention
from danet_jax.models.complexity import complexity
from danet_jax.models.layers import Conv, DeformConv

# Of one gray image of 480x320. The paper has 1040.9 G and 571.1 G for the first two.
COUNTS = {
    "danet": 1_032_268_035_776,
    "danet_s": 560_611_224_512,
    "teacher": 1_188_555_459_840,
    "unet": 396_106_137_600,
    "unet_deform": 674_068_070_400,
    "adeb": 982_948_483_712,
    "adeb_arob": 1_032_268_035_776,
}


def test_every_variant_is_listed() -> None:
    assert COUNTS.keys() == VARIANTS.keys()


@pytest.mark.parametrize("name", COUNTS)
def test_count(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deformable convolution counts as a plain one; a transposed one by its input."""
    counts = []

    def counted(kind: Any, *, of_input: bool = False) -> None:
        real = kind.__call__

        def call(self: Any, x: jax.Array, *others: jax.Array) -> jax.Array:
            y = real(self, x, *others)
            height, width = (x if of_input else y).shape[1:3]
            # Dual attention does not call its fusion, but spells it.
            kernel = self.fuse.kernel if kind is DualAttention else self.kernel
            counts.append(height * width * math.prod(kernel.shape))
            return y

        monkeypatch.setattr(kind, "__call__", call)

    for kind in Conv, nnx.Conv, DeformConv, DualAttention:
        counted(kind)
    counted(nnx.ConvTranspose, of_input=True)
    image = jax.ShapeDtypeStruct((1, 320, 480, 1), jnp.float32)
    jax.eval_shape(lambda model, x: model(x), abstract_danet(VARIANTS[name]), image)
    assert sum(counts) == COUNTS[name]
    assert complexity(VARIANTS[name], 320, 480).macs == COUNTS[name]
