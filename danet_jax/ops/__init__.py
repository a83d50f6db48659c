"""Pure functions on arrays: no parameters, no Flax."""

from danet_jax.ops.conv import conv2d
from danet_jax.ops.deform_conv import deform_conv2d
from danet_jax.ops.wavelet import dwt2, idwt2

__all__ = ["conv2d", "deform_conv2d", "dwt2", "idwt2"]
