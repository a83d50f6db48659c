"""deform_conv2d names the argument that is wrong, its rule, and what came."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from danet_jax import deform_conv2d
from tests.ops.deform_cases import Case, call

CASE = Case((2, 5, 6, 4), groups=2, outputs=3, padding=(1, 1))
FLOATS = CASE.arrays(0, dtype=np.float32)


def zeros(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


def refused(error: type[Exception], text: str, changes: dict[str, Any]) -> None:
    """Expects a message that begins as given; options are among the changes."""
    arrays = {k: v for k, v in changes.items() if k in FLOATS}
    options = {k: v for k, v in changes.items() if k not in FLOATS}
    with pytest.raises(error, match="^" + re.escape(f"deform_conv2d: {text}")):
        call(FLOATS | arrays, **({"padding": 1} | options))


def test_the_arguments_that_the_others_vary() -> None:
    assert call(FLOATS, padding=1).shape == (2, 5, 6, 3)


SHAPES = [
    ("x", (5, 6, 4), "be [N, H, W, C]; got (5, 6, 4)."),
    ("x", (0, 5, 6, 4), "not be empty; got (0, 5, 6, 4)."),
    ("x", (2, 5, 0, 4), "not be empty; got (2, 5, 0, 4)."),
    ("kernel", (3, 3, 4), "be [kh, kw, 4, O]; got (3, 3, 4)."),
    ("kernel", (3, 3, 2, 3), "be [kh, kw, 4, O]; got (3, 3, 2, 3)."),
    (
        "offsets",
        (2, 5, 6, 2, 18),
        "be [2, 5, 6, G, 9, 2]; got (2, 5, 6, 2, 18). It follows from x, kernel, "
        "stride, padding and dilation.",
    ),
    ("offsets", (1, 5, 6, 2, 9, 2), "be [2, 5, 6, G, 9, 2]; got (1, 5, 6, 2, 9, 2)."),
    ("offsets", (2, 4, 6, 2, 9, 2), "be [2, 5, 6, G, 9, 2]; got (2, 4, 6, 2, 9, 2)."),
    ("offsets", (2, 5, 7, 2, 9, 2), "be [2, 5, 6, G, 9, 2]; got (2, 5, 7, 2, 9, 2)."),
    ("offsets", (2, 5, 6, 2, 4, 2), "be [2, 5, 6, G, 9, 2]; got (2, 5, 6, 2, 4, 2)."),
    ("offsets", (2, 5, 6, 2, 9, 3), "be [2, 5, 6, G, 9, 2]; got (2, 5, 6, 2, 9, 3)."),
    (
        "offsets",
        (2, 5, 6, 3, 9, 2),
        "have a number of groups that divides the 4 channels of x; "
        "got (2, 5, 6, 3, 9, 2).",
    ),
    (
        "offsets",
        (2, 5, 6, 0, 9, 2),
        "have a number of groups that divides the 4 channels of x; "
        "got (2, 5, 6, 0, 9, 2).",
    ),
    ("mask", (2, 5, 6, 18), "be [2, 5, 6, 2, 9]; got (2, 5, 6, 18)."),
    ("mask", (2, 5, 6, 1, 9), "be [2, 5, 6, 2, 9]; got (2, 5, 6, 1, 9)."),
    ("mask", (2, 5, 6, 2, 9, 1), "be [2, 5, 6, 2, 9]; got (2, 5, 6, 2, 9, 1)."),
    ("bias", (1,), "be [3]; got (1,)."),
    ("bias", (1, 3), "be [3]; got (1, 3)."),
    ("bias", (), "be [3]; got ()."),
]


@pytest.mark.parametrize(("name", "shape", "rule"), SHAPES)
def test_shapes(name: str, shape: tuple[int, ...], rule: str) -> None:
    refused(ValueError, f'"{name}" must {rule}', {name: zeros(*shape)})


@pytest.mark.parametrize("name", ["x", "offsets", "mask", "kernel", "bias"])
@pytest.mark.parametrize("dtype", [np.int32, np.bool_, np.complex64])
def test_dtypes(name: str, dtype: type) -> None:
    array = FLOATS[name].astype(np.bool_).astype(dtype)
    rule = f"be a floating point array; got {np.dtype(dtype)}."
    refused(TypeError, f'"{name}" must {rule}', {name: array})


def test_bytes_and_lists() -> None:
    image = zeros(2, 5, 6, 4, dtype=np.uint8)
    rule = "be a floating point array; got uint8. Convert 8-bit images with to_float"
    refused(TypeError, f'"x" must {rule}', {"x": image})
    rule = "be a floating point array; got list."
    refused(TypeError, f'"x" must {rule}', {"x": FLOATS["x"].tolist()})
    refused(TypeError, f'"bias" must {rule}', {"bias": [0.0, 0.0, 0.0]})


def test_x_and_kernel_of_two_dtypes() -> None:
    kernel = jnp.asarray(FLOATS["kernel"], jnp.bfloat16)
    rule = "have the dtype of x, float32; got bfloat16."
    refused(TypeError, f'"kernel" must {rule}', {"kernel": kernel})


@pytest.mark.parametrize("name", ["stride", "dilation", "padding"])
@pytest.mark.parametrize(
    "value",
    [-1, (1, -1), True, (1, True), 1.0, "11", (1,), (1, 1, 1), None, np.ones(2)],
)
def test_numbers(name: str, value: object) -> None:
    least = 0 if name == "padding" else 1
    rule = f"be a whole number of at least {least}, or a pair of them; got {value!r}."
    refused(ValueError, f'"{name}" must {rule}', {name: value})


def test_zero_is_a_padding_only() -> None:
    rule = "be a whole number of at least 1, or a pair of them; got 0."
    for name in "stride", "dilation":
        refused(ValueError, f'"{name}" must {rule}', {name: 0})


def test_kernels_that_do_not_fit() -> None:
    where = '"kernel" must fit into x of 5x6 pixels with padding'
    large = {"kernel": zeros(8, 3, 4, 3)}
    refused(ValueError, f"{where} (1, 1); got 8x3 taps, dilation (1, 1).", large)
    none = {"kernel": zeros(3, 0, 4, 3)}
    refused(ValueError, f"{where} (1, 1); got 3x0 taps, dilation (1, 1).", none)
    wide = {"padding": 0, "dilation": (1, 3)}
    refused(ValueError, f"{where} (0, 0); got 3x3 taps, dilation (1, 3).", wide)


def test_more_rows_than_indices() -> None:
    def shapes(*shape: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape, jnp.float32)

    kernel = shapes(1, 1, 8, 1)
    fits = shapes(1, 2**14, 2**13, 8), shapes(1, 2**14, 2**13, 8, 1, 2), None, kernel
    assert jax.eval_shape(deform_conv2d, *fits).shape == (1, 2**14, 2**13, 1)
    large = shapes(1, 2**14, 2**14, 8), shapes(1, 2**14, 2**14, 8, 1, 2), None, kernel
    with pytest.raises(ValueError, match=r'"x" must have fewer than 2\*\*31.* Split'):
        jax.eval_shape(deform_conv2d, *large)


def test_options_have_names_and_errors_come_under_jit() -> None:
    with pytest.raises(TypeError, match="positional"):
        deform_conv2d(*FLOATS.values(), 1)  # type: ignore[misc]
    with pytest.raises(ValueError, match=r'deform_conv2d: "bias" must be \[3\]'):
        jax.jit(lambda a: call(a, padding=1))(FLOATS | {"bias": zeros(2)})
