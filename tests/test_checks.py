import jax
import jax.numpy as jnp
import numpy as np
import pytest

from danet_jax import checks


@pytest.mark.parametrize(
    "kind",
    [
        checks.ConfigError,
        checks.DataError,
        checks.WeightsError,
        checks.CheckpointError,
    ],
)
def test_mistakes_of_users_are_value_errors_of_one_kind(kind):
    assert issubclass(kind, checks.UserError)
    assert issubclass(checks.UserError, ValueError)


def test_message():
    assert checks.message("f", "x", "be 1", 2) == 'f: "x" must be 1; got 2.'
    assert checks.message("f", "x", "be 1", 2, "Try 1.").endswith("; got 2. Try 1.")


def test_other_types_are_refused():
    checks.check_type("f", "x", 1, int)
    with pytest.raises(TypeError, match=r'^f: "x" must be of type int; got str.$'):
        checks.check_type("f", "x", "1", int)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_floats_pass(dtype):
    checks.check_floating("f", "x", np.zeros((), dtype))


@pytest.mark.parametrize(
    ("x", "got"),
    [
        (np.zeros(3, np.int32), "int32.$"),
        (np.zeros(3, bool), "bool.$"),
        (np.zeros(3, np.complex64), "complex64.$"),
        (np.zeros(3, np.uint8), r"uint8. Convert .* with to_float\(image\).$"),
        (0.5, "float.$"),
        ([0.5], "list.$"),
        (None, "NoneType.$"),
    ],
)
def test_other_dtypes_are_refused(x, got):
    match = f'^f: "x" must be a floating point array; got {got}'
    with pytest.raises(TypeError, match=match):
        checks.check_floating("f", "x", x)


def test_shapes_pass():
    checks.check_shape("f", "x", np.zeros((2, 3)), ("N", 3))
    checks.check_shape("f", "x", np.zeros(()), ())


@pytest.mark.parametrize(
    ("shape", "expected", "match"),
    [
        ((2, 3), ("N", 4), r'^f: "x" must be \[N, 4\]; got \(2, 3\). Repair.$'),
        ((2,), ("N", 3), r"must be \[N, 3\]; got \(2,\)"),
        ((2, 3, 1), ("N", 3), r"must be \[N, 3\]; got \(2, 3, 1\)"),
        ((), ("N",), r"must be \[N\]; got \(\)"),
    ],
)
def test_other_shapes_are_refused(shape, expected, match):
    with pytest.raises(ValueError, match=match):
        checks.check_shape("f", "x", np.zeros(shape), expected, "Repair.")


def test_feature_maps_pass():
    x = jnp.zeros((1, 4, 6, 3))
    checks.check_nhwc("f", "x", x)
    checks.check_nhwc("f", "x", x, channels=3, multiple=2)


@pytest.mark.parametrize(
    ("shape", "options", "match"),
    [
        ((4, 6, 3), {}, r"be \[N, H, W, C\]; got \(4, 6, 3\)"),
        ((1, 4, 6, 3), {"channels": 1}, r"be \[N, H, W, 1\]; got \(1, 4, 6, 3\)"),
        ((0, 4, 6, 3), {}, r"not be empty; got \(0, 4, 6, 3\)"),
        ((1, 4, 0, 3), {"multiple": 2}, r"not be empty; got \(1, 4, 0, 3\)"),
        (
            (1, 4, 5, 3),
            {"multiple": 2},
            r"height and width divisible by 2; got .* Use pad_to_multiple\(x, 2\).",
        ),
        ((1, 5, 4, 3), {"multiple": 2}, "height and width divisible by 2"),
    ],
)
def test_other_feature_maps_are_refused(shape, options, match):
    with pytest.raises(ValueError, match=match):
        checks.check_nhwc("f", "x", np.zeros(shape), **options)


def test_feature_maps_are_floats():
    with pytest.raises(TypeError, match="floating point array; got int32"):
        checks.check_nhwc("f", "x", np.zeros((1, 2, 2, 1), np.int32))


def test_checks_work_while_jax_traces():
    @jax.jit
    def f(x):
        checks.check_nhwc("f", "x", x, channels=1)
        return x

    assert f(jnp.zeros((1, 2, 2, 1))).shape == (1, 2, 2, 1)
    with pytest.raises(ValueError, match=r"be \[N, H, W, 1\]"):
        f(jnp.zeros((1, 2, 2, 2)))


def test_finite_images_pass():
    checks.check_finite("f", "x", np.zeros((2, 2, 1)))
    image = np.array([0, np.nan, -np.inf])
    with pytest.raises(ValueError, match=r'^f: "x" must be finite; got 2 of 3 values'):
        checks.check_finite("f", "x", image)
