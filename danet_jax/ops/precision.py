"""The types in which products are summed."""

from typing import Any

import jax
import jax.numpy as jnp


def sum_dtype(x: jax.Array) -> Any:
    """float64 for an array of float64, float32 for one of any narrower type."""
    return jnp.float64 if x.dtype == jnp.float64 else jnp.float32
