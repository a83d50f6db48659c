"""Figures of what a network does inside: where it looks, and what it attends to."""
