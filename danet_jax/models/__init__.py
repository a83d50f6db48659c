"""The network and its parts, as Flax NNX modules."""

from danet_jax.models.danet import DANet

__all__ = ["DANet"]
