"""Exchange of parameters with PyTorch; the only package that may import torch."""

from danet_jax.interop.files import read_state_dict, write_state_dict
from danet_jax.interop.weights import from_torch, to_torch

__all__ = ["from_torch", "read_state_dict", "to_torch", "write_state_dict"]
