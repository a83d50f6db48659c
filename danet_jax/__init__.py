"""DANet, the deformable and attentive network for image restoration, in JAX."""

from danet_jax.config import VARIANTS, DANetConfig
from danet_jax.interop import from_torch, to_torch
from danet_jax.models import DANet, transfer_decoder
from danet_jax.ops import deform_conv2d, dwt2, idwt2
from danet_jax.pretrained import load_pretrained

__all__ = [
    "VARIANTS",
    "DANet",
    "DANetConfig",
    "deform_conv2d",
    "dwt2",
    "from_torch",
    "idwt2",
    "load_pretrained",
    "to_torch",
    "transfer_decoder",
]
