"""Tests of danet_jax."""
