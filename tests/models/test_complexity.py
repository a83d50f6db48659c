"""What networks are said to cost."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

from danet_jax.models import abstract_danet
from danet_jax.models.complexity import complexity, feature_bytes
from tests.models.networks import THREE_SCALES, TWO_SCALES


def test_sizes_are_padded_as_the_network_pads() -> None:
    assert complexity(THREE_SCALES, 13, 9) == complexity(THREE_SCALES, 16, 12)


def test_costs_grow_with_the_pixels() -> None:
    """All but the 1x1 convolutions of pooled features."""
    small, large = complexity(TWO_SCALES, 32, 32), complexity(TWO_SCALES, 64, 64)
    assert small.parameters == large.parameters
    assert large.macs == pytest.approx(4 * small.macs, rel=1e-2)
    assert large.feature_bytes == pytest.approx(4 * small.feature_bytes, rel=1e-2)


def test_an_rgb_image_costs_more_at_head_and_tail() -> None:
    config = THREE_SCALES
    gray = complexity(config, 64, 64)
    rgb = complexity(dataclasses.replace(config, channels=3), 64, 64)
    added = 2 * 9 * config.widths[0] * 2
    assert rgb.parameters - gray.parameters == added + 2  # two more biases
    assert rgb.macs - gray.macs == added * 64 * 64


def test_options_for_memory_keep_less() -> None:
    image = jax.ShapeDtypeStruct((2, 32, 32, TWO_SCALES.channels), jnp.float32)

    def kept(**options: object) -> int:
        return feature_bytes(abstract_danet(TWO_SCALES, **options), image)

    assert kept(remat=True) < kept() / 2
    # Half of it, but offsets and masks stay float32: much, in so narrow a network.
    assert kept(dtype=jnp.bfloat16) < 0.8 * kept()


def test_an_image_too_small() -> None:
    with pytest.raises(ValueError, match="be at least 4x4 pixels; got 9x3"):
        complexity(THREE_SCALES, 3, 9)
