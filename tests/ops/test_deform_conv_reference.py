"""deform_conv2d in float64 against loops over samples, and finite differences."""

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from tests.ops.deform_cases import (
    CASES,
    KINDS,
    QUICK,
    Case,
    border,
    call,
    gradients,
    pairs,
)
from tests.ops.deform_reference import read, reference
from tests.tolerances import assert_near

FLOAT64 = 1e-10


def compare(run: Any, case: Case, arrays: dict[str, np.ndarray], seed: int) -> None:
    cotangent = case.cotangent(seed)
    expected = reference(arrays, cotangent, **case.options)
    for name, actual, wanted in pairs(run(arrays, cotangent), expected):
        assert actual.dtype == np.float64, name
        assert_near(actual, wanted, FLOAT64)


def test_the_reference_by_hand() -> None:
    image = np.array([[1.0, 2.0], [4.0, 8.0]])[..., None]
    inside = read(image, 0.25, 0.5)  # 1.5 above, 6 below: 0.75 * 1.5 + 0.25 * 6
    assert [a.item() for a in inside[:3]] == [2.625, 4.5, 0.75 * 1 + 0.25 * 4]
    edge = read(image, 1.5, 1.0)  # 8 and the zero below it
    assert [a.item() for a in edge[:3]] == [4.0, -8.0, -4.0]
    assert read(image, -1.0, 0.0).value == 0
    assert read(image, 2.0, 0.0).pixels == []


@pytest.mark.parametrize("name", CASES)
def test_all_kinds_of_offsets(name: str) -> None:
    case = CASES[name]
    with jax.enable_x64(True):
        run = jax.jit(gradients(**case.options), compiler_options=QUICK)
        for seed, kind in enumerate(KINDS):
            compare(run, case, case.arrays(seed, kind), seed)


def test_every_pair_of_border_points() -> None:
    """One tap, and one output position for each pair of coordinates."""
    case = Case((1, 4, 6, 2), outputs=1, kernel=(1, 1), padding=(4, 3))
    assert case.out == (12, 12)
    y, x = np.meshgrid(border(4), border(6), indexing="ij")
    arrays = case.arrays(0)
    points = np.stack([y, x], -1).reshape(1, 12, 12, 1, 1, 2)
    arrays["offsets"] = points - case.grid()
    with jax.enable_x64(True):
        compare(jax.jit(gradients(**case.options)), case, arrays, 0)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Small cases of any shape."""
    few = st.integers(1, 3)
    groups = draw(few)
    n, h, w = draw(st.integers(1, 2)), draw(st.integers(1, 6)), draw(st.integers(1, 6))
    case = Case(
        (n, h, w, groups * draw(few)),
        groups,
        draw(few),
        kernel=draw(st.tuples(few, few)),
        stride=draw(st.tuples(few, few)),
        padding=draw(st.tuples(*[st.integers(0, 2)] * 2)),
        dilation=draw(st.tuples(*[st.integers(1, 2)] * 2)),
    )
    assume(min(case.out) > 0)
    return case


@settings(max_examples=6)
@given(cases(), st.integers(0, 999), st.sampled_from(KINDS), st.booleans())
def test_random_shapes(case: Case, seed: int, kind: str, plain: bool) -> None:
    arrays = case.arrays(seed, kind)
    if plain:
        del arrays["mask"], arrays["bias"]
    with jax.enable_x64(True):
        run = jax.jit(gradients(**case.options), compiler_options=QUICK)
        compare(run, case, arrays, seed)


def test_gradients_equal_finite_differences() -> None:
    """Away from whole pixels, where the derivative is two-sided."""
    case = CASES["plain"]
    arrays = case.arrays(0)
    low = np.floor(arrays["offsets"])
    arrays["offsets"] = low + np.random.RandomState(1).uniform(0.2, 0.8, low.shape)
    with jax.enable_x64(True):
        function = jax.jit(lambda a: call(a, **case.options))
        check_grads(function, (arrays,), order=1, modes=["rev"], eps=1e-4)
