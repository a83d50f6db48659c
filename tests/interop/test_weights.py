"""State dicts into networks and back, bit for bit, and what is refused."""

import dataclasses
import re
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from flax import nnx

from danet_jax import VARIANTS, DANetConfig, from_torch, to_torch
from danet_jax.checks import WeightsError
from danet_jax.interop import names
from tests.models.networks import (
    DEFORM,
    PLAIN,
    RGB,
    THREE_SCALES,
    TWO_SCALES,
    random_state,
    shapes,
)
from tests.models.running import Arrays

SMALL = {
    "adeb_arob_wt": TWO_SCALES,
    "RGB": RGB,
    "three scales": THREE_SCALES,
    "adeb_arob": dataclasses.replace(TWO_SCALES, wavelet=False),
    "adeb": dataclasses.replace(TWO_SCALES, wavelet=False, recurrent_offsets=False),
    "unet_deform": DEFORM,
    "unet": PLAIN,
}
NAME = "encoder.0.stage.blocks.0.conv1.weight"  # of shape (4, 4, 3, 3)


def assert_same_bits(actual: Arrays, expected: Arrays) -> None:
    assert actual.keys() == expected.keys()
    for name, array in actual.items():
        assert array.dtype == np.float32
        assert array.shape == expected[name].shape
        assert array.tobytes() == expected[name].tobytes(), name


@pytest.mark.parametrize("name", SMALL)
def test_there_and_back(name: str) -> None:
    state = random_state(SMALL[name])
    model = from_torch(state, SMALL[name])
    assert model.config == SMALL[name]
    assert_same_bits(to_torch(model), state)


def test_there_and_back_in_full_size() -> None:
    config = VARIANTS["danet"]
    state = random_state(config)
    assert sum(array.size for array in state.values()) == 23_401_504
    assert_same_bits(to_torch(from_torch(state, config)), state)


def test_every_value_is_taken() -> None:
    state = random_state(PLAIN)
    odd = [np.nan, np.inf, -np.inf, -0.0, 1e-45, np.float32(3.4e38)]
    state["head.bias"][:] = odd[:4]
    state["tail.weight"].ravel()[:6] = odd
    assert_same_bits(to_torch(from_torch(state, PLAIN)), state)


def test_the_order_of_entries_does_not_matter() -> None:
    state = random_state(PLAIN)
    backwards = dict(reversed(state.items()))
    assert_same_bits(to_torch(from_torch(backwards, PLAIN)), state)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, ml_dtypes.bfloat16])
def test_other_precisions_become_float32(dtype: Any) -> None:
    state = {name: array.astype(dtype) for name, array in random_state(PLAIN).items()}
    expected = {name: array.astype(np.float32) for name, array in state.items()}
    assert_same_bits(to_torch(from_torch(state, PLAIN)), expected)


def test_jax_arrays_are_taken() -> None:
    state = random_state(PLAIN)
    there = {name: jnp.asarray(array) for name, array in state.items()}
    assert_same_bits(to_torch(from_torch(there, PLAIN)), state)


def test_nothing_is_shared() -> None:
    """A state dict may be trained on, and a network's buffers donated."""
    state = random_state(PLAIN)
    expected = {name: array.copy() for name, array in state.items()}
    model = from_torch(state, PLAIN)
    for array in state.values():
        array[:] = 0
    back = to_torch(model)
    for array in to_torch(model).values():
        assert array.flags.c_contiguous
        array[:] = 1  # not read-only
    for leaf in jax.tree.leaves(nnx.state(model)):
        leaf.delete()
    assert_same_bits(back, expected)


def test_missing_and_unused_entries() -> None:
    state = random_state(TWO_SCALES)
    for name in ("tail.bias", "tail.weight"):
        del state[name]
    state |= {"tail.gamma": np.zeros(1, np.float32), 7: np.zeros(1)}  # type: ignore
    match = r"weights: 2 missing \(tail.bias, tail.weight\); 2 unused \(tail.gamma, 7\)"
    with pytest.raises(WeightsError, match=match):
        from_torch(state, TWO_SCALES)


def test_all_missing_entries_are_named() -> None:
    with pytest.raises(WeightsError) as caught:
        from_torch({}, PLAIN)
    match = r"weights: (\d+) missing \((.*)\)\. The file holds no parameters\."
    found = re.fullmatch(match, str(caught.value))
    assert found is not None
    names = found[2].split(", ")
    assert len(names) == int(found[1])
    assert set(names) == set(random_state(PLAIN))


def test_arguments_of_other_types() -> None:
    match = '"state_dict" must be of type Mapping; got list'
    with pytest.raises(TypeError, match=match):
        from_torch([], PLAIN)  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match='"config" must be of type DANetConfig; got str'
    ):
        from_torch({}, "danet")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match='to_torch: "model" must be of type DANet; got'):
        to_torch("x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "array, got",
    [
        (np.zeros((3, 3, 4, 4), np.float32), r"\(3, 3, 4, 4\)"),
        (np.zeros((4, 4, 9), np.float32), r"\(4, 4, 9\)"),
        (np.zeros((4, 4, 3, 3, 1), np.float32), r"\(4, 4, 3, 3, 1\)"),
        (np.float32(1), r"\(\)"),
    ],
)
def test_mis_shaped_entries(array: Any, got: str) -> None:
    state = random_state(TWO_SCALES) | {NAME: array}
    match = rf"1 of another shape \({re.escape(NAME)} is {got}, not \(4, 4, 3, 3\)\)"
    with pytest.raises(WeightsError, match=match):
        from_torch(state, TWO_SCALES)


@pytest.mark.parametrize(
    "value, words",
    [
        ("text", "str"),
        (None, "NoneType"),
        (3.5, "float"),
        ([[1.0], [2.0, 3.0]], "list"),
        ({"weight": np.zeros(1)}, "dict"),
        (np.zeros((4, 4, 3, 3), np.int64), "int64 ndarray"),
        (np.zeros((4, 4, 3, 3), bool), "bool ndarray"),
        (np.zeros((4, 4, 3, 3), complex), "complex128 ndarray"),
        (np.full((4, 4, 3, 3), None), "object ndarray"),
        (np.full((4, 4, 3, 3), "1.0"), "<U3 ndarray"),
    ],
)
def test_entries_that_are_no_floating_point_arrays(value: Any, words: str) -> None:
    state: dict[str, Any] = {**random_state(TWO_SCALES), NAME: value}
    match = f"weights: 1 not floating point arrays ({NAME} is {words})"
    with pytest.raises(WeightsError, match=re.escape(match)):
        from_torch(state, TWO_SCALES)


def test_doubly_matched_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """They cannot occur with the table as it is; a new row could bring them."""
    twice = names.RULES[0]._replace(pattern=re.compile("(head).weight|(tail).scale"))
    state = random_state(PLAIN)
    monkeypatch.setattr(names, "RULES", (*names.RULES, twice))
    match = r"weights: 1 doubly matched \(head.weight\)"
    with pytest.raises(WeightsError, match=match):
        from_torch(state, PLAIN)


def test_two_entries_for_one_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    again = names.Rule(re.compile("(top).weight"), "head.kernel", *names.RULES[0][2:])
    monkeypatch.setattr(names, "RULES", (*names.RULES, again))
    state = random_state(PLAIN)
    state["top.weight"] = state["head.weight"]
    with pytest.raises(WeightsError, match=r"1 doubly matched \(top.weight\)"):
        from_torch(state, PLAIN)


def test_all_problems_are_in_one_message() -> None:
    state: dict[str, Any] = dict(random_state(TWO_SCALES))
    del state["head.bias"]
    state["gamma"] = np.zeros(1, np.float32)
    state["tail.bias"] = np.zeros(2, np.float32)
    state["tail.weight"] = "text"
    match = (
        "1 missing .*; 1 unused .*; 1 not floating point arrays .*; 1 of another shape "
        ".* looks like none of the variants danet, danet_s, teacher"
    )
    with pytest.raises(WeightsError, match=match):
        from_torch(state, TWO_SCALES)


@pytest.mark.parametrize(
    "name, channels, words",
    [("danet_s", 1, r"danet_s \(gray\)"), ("unet", 3, r"unet \(RGB\)")],
)
def test_the_message_names_the_variant(name: str, channels: int, words: str) -> None:
    config = dataclasses.replace(VARIANTS[name], channels=channels)
    state = empty_state(config)
    with pytest.raises(WeightsError, match=rf"The file is {words}\.$"):
        from_torch(state, VARIANTS["danet"])
    del state["tail.bias"]
    match = rf"1 missing .*\. The file looks like {words}, but 1 entries differ\.$"
    with pytest.raises(WeightsError, match=match):
        from_torch(state, config)


def empty_state(config: DANetConfig) -> dict[str, Any]:
    """A state dict of a large network that takes no memory."""
    zero = np.float32(0)
    return {n: np.broadcast_to(zero, shape) for n, shape in shapes(config).items()}
