"""The network and its parts, as Flax NNX modules."""

from danet_jax.models.danet import DANet, abstract_danet
from danet_jax.models.transfer import transfer_decoder

__all__ = ["DANet", "abstract_danet", "transfer_decoder"]
