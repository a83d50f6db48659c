"""Which images a network takes, and what it says of others."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from danet_jax import DANet, DANetConfig
from danet_jax.models import abstract_danet
from tests.models.networks import (
    PLAIN,
    RGB,
    THREE_SCALES,
    TWO_SCALES,
    compiled,
    forward,
    image,
    parameters,
)


@pytest.mark.parametrize("config", [TWO_SCALES, RGB, THREE_SCALES, PLAIN])
def test_any_size_from_the_multiple_on(config: DANetConfig) -> None:
    model, least = abstract_danet(config), config.multiple
    for height, width in ((least, least), (least + 1, least), (least, 2 * least + 3)):
        x = jax.ShapeDtypeStruct((1, height, width, config.channels), jnp.float32)
        restored = jax.eval_shape(lambda m, x: m(x), model, x)
        assert (restored.shape, restored.dtype) == (x.shape, x.dtype)


def test_padding_reflects_and_is_cropped() -> None:
    """The network is that of an image padded by hand, cropped again."""
    restore, params = compiled(forward(PLAIN)), parameters(PLAIN)
    x = image(PLAIN, 5, 7)
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)), mode="reflect")
    assert padded.shape == (2, 6, 8, 1)
    expected = restore(params, jnp.asarray(padded))[:, :5, :7]
    np.testing.assert_array_equal(restore(params, x), expected)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_other_floating_images_become_float32(dtype: str) -> None:
    x = jax.ShapeDtypeStruct((1, 4, 4, 1), jnp.dtype(dtype))
    restored = jax.eval_shape(lambda m, x: m(x), abstract_danet(TWO_SCALES), x)
    assert restored.dtype == jnp.float32


@pytest.mark.parametrize(
    "shape, match",
    [
        ((1, 3, 8, 1), r'"image" must be at least 4x4 pixels for 3 scales; got \(1, 3'),
        ((1, 8, 3, 1), r"at least 4x4 pixels for 3 scales; got \(1, 8, 3, 1\)"),
        ((8, 8, 1), r'DANet: "image" must be \[N, H, W, 1\]; got \(8, 8, 1\)'),
        ((1, 1, 8, 8, 1), r"must be \[N, H, W, 1\]; got \(1, 1, 8, 8, 1\)"),
        ((1, 8, 8, 3), r"must be \[N, H, W, 1\]; got \(1, 8, 8, 3\)"),
        ((1, 8, 8, 0), r"must be \[N, H, W, 1\]; got \(1, 8, 8, 0\)"),
        ((0, 8, 8, 1), r"must not be empty; got \(0, 8, 8, 1\)"),
        ((1, 0, 8, 1), r"must not be empty; got \(1, 0, 8, 1\)"),
    ],
)
@pytest.mark.parametrize("jit", [False, True])
def test_images_of_another_shape(shape: Any, match: str, jit: bool) -> None:
    model = abstract_danet(THREE_SCALES)
    restore = jax.jit(lambda x: model(x)) if jit else model
    with pytest.raises(ValueError, match=match):
        restore(jnp.zeros(shape))


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool", "complex64"])
def test_images_of_another_dtype(dtype: str) -> None:
    match = f'"image" must be a floating point array; got {dtype}'
    with pytest.raises(TypeError, match=match):
        abstract_danet(TWO_SCALES)(jnp.zeros((1, 8, 8, 1), dtype))


def test_a_list_is_no_image() -> None:
    with pytest.raises(TypeError, match="floating point array; got list"):
        abstract_danet(TWO_SCALES)([[[[0.5]]]])


def test_a_config_or_dtype_that_is_none() -> None:
    rngs = nnx.Rngs(0)
    with pytest.raises(TypeError, match=r'"config" must be .*DANetConfig; got'):
        DANet("danet", rngs=rngs)
    with pytest.raises(TypeError, match='"dtype" must be floating point; got int8'):
        DANet(TWO_SCALES, rngs=rngs, dtype="int8")
