import dataclasses
import math
from typing import Literal

import pytest

from danet_jax.checks import ConfigError
from danet_jax.config import DANetConfig
from danet_jax.config.fields import check_types, parse


@dataclasses.dataclass(frozen=True)
class Fields:
    number: int = 1
    real: float = 0.5
    flag: bool = False
    text: str = ""
    choice: Literal["a", "b"] = "a"
    numbers: tuple[int, ...] = (1, 2)
    texts: tuple[str, ...] = ()
    group: DANetConfig = DANetConfig()

    def __post_init__(self):
        check_types(self, "here")


def test_whole_numbers_and_lists_take_the_form_of_the_type():
    fields = Fields(real=3, numbers=[4, 5], texts=["x"])
    assert (fields.numbers, fields.texts) == ((4, 5), ("x",))
    assert (fields.real, type(fields.real)) == (3.0, float)
    assert hash(fields) == hash(Fields(real=3.0, numbers=(4, 5), texts=("x",)))


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("number", 1.0, "a whole number; got 1.0."),
        ("number", True, "a whole number; got True."),
        ("number", "4", "a whole number; got '4'."),
        ("number", None, "a whole number; got None."),
        ("real", "0.5", "a finite number; got '0.5'."),
        ("real", False, "a finite number; got False."),
        ("real", math.nan, "a finite number; got nan."),
        ("real", -math.inf, "a finite number; got -inf."),
        ("flag", 1, "True or False; got 1."),
        ("text", 5, "text; got 5."),
        ("choice", "c", "one of a, b; got 'c'."),
        ("numbers", 3, "a tuple, each entry a whole number; got 3."),
        ("numbers", (1, 2.5), r"a tuple, each entry a whole number; got \(1, 2.5\)."),
        ("texts", "a*", r"a tuple, each entry text; got 'a\*'."),
        ("group", "danet_s", "a DANetConfig; got 'danet_s'."),
    ],
)
def test_other_types_are_refused(name, value, rule):
    with pytest.raises(ConfigError, match=f'^here: "{name}" must be {rule}$'):
        Fields(**{name: value})


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (int, "4", 4),
        (int, "-4", -4),
        (int, "1e3", "1e3"),
        (int, "4.5", "4.5"),
        (int, "", ""),
        (float, "1e-4", 1e-4),
        (float, "3", 3.0),
        (float, "a", "a"),
        (bool, "True", True),
        (bool, "false", False),
        (bool, "1", "1"),
        (str, "", ""),
        (str, "None", "None"),
        (str, "'4'=(5)", "'4'=(5)"),
        (Literal["a", "b"], "c", "c"),
        (tuple[int, ...], "16,32, 48", (16, 32, 48)),
        (tuple[int, ...], "(16, 32)", (16, 32)),
        (tuple[int, ...], "[16,]", (16,)),
        (tuple[int, ...], "16", (16,)),
        (tuple[int, ...], "", ()),
        (tuple[int, ...], "()", ()),
        (tuple[int, ...], "16,,a", (16, "", "a")),
        (tuple[str, ...], "101085,b*", ("101085", "b*")),
        (tuple[str, ...], "[ab]*,c[0-9]", ("[ab]*", "c[0-9]")),
        (tuple[str, ...], "[ab]", ("[ab]",)),
    ],
)
def test_text_is_read_as_the_type(hint, text, value):
    found = parse(hint, text)
    assert (found, type(found)) == (value, type(value))
