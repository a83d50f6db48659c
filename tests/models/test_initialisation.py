"""New networks: the spread of their kernels, and that they return their input."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from danet_jax import DANetConfig
from tests.models.networks import (
    DEFORM,
    PLAIN,
    RGB,
    TWO_SCALES,
    compiled,
    forward,
    image,
    parameters,
    untrained,
)
from tests.models.running import Arrays, by_torch_name

DRAWN = {
    "wavelet": TWO_SCALES,
    "no wavelet": dataclasses.replace(PLAIN, widths=(8, 16)),
}


@pytest.fixture(scope="module", params=DRAWN)
def drawn(request: pytest.FixtureRequest) -> tuple[DANetConfig, Arrays]:
    config = DRAWN[request.param]
    return config, untrained(config)


def std(name: str, shape: tuple[int, ...], wavelet: bool) -> float:
    """The documented standard deviation of a kernel, by torch's name and shape."""
    if name.startswith("tail") or "predict" in name:
        return 0.0
    outputs, inputs, height, width = shape
    fan_in = inputs * height * width
    if "up.conv" in name and not wavelet:
        fan_in = outputs  # the transposed convolution's order is IOHW; one tap is seen
    return math.sqrt(2 / fan_in) * (0.1 if "conv2" in name else 1.0)


def test_kernels_are_he_normal_and_biases_zero(
    drawn: tuple[DANetConfig, Arrays],
) -> None:
    config, params = drawn
    kernels = []
    for name, array in by_torch_name(params).items():
        if name.endswith("bias"):
            assert not array.any(), name
            continue
        expected = std(name, array.shape, config.wavelet)
        if not expected:
            assert not array.any(), name
            continue
        kernels.append(array.tobytes())
        # Five standard errors: less than one false alarm in a million kernels.
        assert abs(array.mean()) < 5 * expected / math.sqrt(array.size), name
        spread = np.sqrt((array**2).mean()) / expected
        assert abs(spread - 1) < 5 / math.sqrt(2 * array.size), name
    assert len(set(kernels)) == len(kernels)  # no two are drawn alike


def test_new_networks_return_their_input(drawn: tuple[DANetConfig, Arrays]) -> None:
    config, params = drawn
    x = image(config, 7, 9)
    restored = compiled(forward(config))(params, x)
    np.testing.assert_array_equal(restored, x)


@pytest.mark.parametrize(
    "config, height, width, dtype",
    [
        (RGB, 5, 8, "float32"),
        (RGB, 2, 3, "bfloat16"),
        (DEFORM, 6, 3, "float32"),
        (DEFORM, 7, 4, "bfloat16"),
    ],
)
def test_a_tail_of_zeros_returns_the_input(
    config: DANetConfig, height: int, width: int, dtype: str
) -> None:
    """The last sum is in float32, whatever the features are."""
    params = parameters(config)
    params["tail"] = jax.tree.map(jnp.zeros_like, params["tail"])
    x = image(config, height, width)
    restored = compiled(forward(config, dtype=jnp.dtype(dtype)))(params, x)
    assert restored.dtype == jnp.float32
    np.testing.assert_array_equal(restored, x)
