"""Trained networks that come with the package, and what is known of them."""

from danet_jax.pretrained.card import TASKS, Card, Figure, markdown
from danet_jax.pretrained.store import (
    load_pretrained,
    read_card,
    shipped,
    write_pretrained,
)

__all__ = [
    "TASKS",
    "Card",
    "Figure",
    "load_pretrained",
    "markdown",
    "read_card",
    "shipped",
    "write_pretrained",
]
