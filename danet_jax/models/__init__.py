"""The network and its parts, as Flax NNX modules."""

from danet_jax.models.danet import DANet, abstract_danet

__all__ = ["DANet", "abstract_danet"]
