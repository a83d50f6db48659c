"""Matching the two files of a pair by pattern."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danet_jax.checks import ConfigError, DataError
from danet_jax.data.pairing import match_pairs

SIDD = [
    f"Data/{scene}/{scene[:4]}_{kind}_SRGB_{number}.PNG"
    for scene in ("0001_001_S6", "0002_001_S6")
    for kind in ("GT", "NOISY")
    for number in ("010", "011")
]


def test_sidd_layout() -> None:
    pairs = match_pairs(
        SIDD, clean="Data/*/*_GT_SRGB_*.PNG", degraded="Data/*/*_NOISY_SRGB_*.PNG"
    )
    assert len(pairs) == 4
    assert all(clean.replace("GT", "NOISY") == degraded for clean, degraded in pairs)


@pytest.mark.parametrize(
    ("clean", "degraded", "pair"),
    [
        ("*_mean.JPG", "*_real.JPG", ("a_1_mean.JPG", "a_1_real.JPG")),
        ("clean/*.png", "noisy/*.png", ("clean/x.png", "noisy/x.png")),
        ("**/hr/*.png", "**/lr/*.png", ("a/b/hr/x.png", "a/b/lr/x.png")),
        ("**/hr/*.png", "**/lr/*.png", ("hr/x.png", "lr/x.png")),
        ("H/?[0-9].png", "L/?[0-9].png", ("H/a1.png", "L/a1.png")),
        ("H/[!_]*.png", "L/[!_]*.png", ("H/a+b.png", "L/a+b.png")),
    ],
)
def test_layouts(clean: str, degraded: str, pair: tuple[str, str]) -> None:
    others = ["readme.png", "other/a_1_mean_JPG", "H/_ab.png", "L/ab.jpg"]
    assert match_pairs([*pair, *others], clean=clean, degraded=degraded) == [pair]


@pytest.mark.parametrize("text", ["A/1.png", "A/b/1.png"])
def test_a_star_stays_within_a_name(text: str) -> None:
    pairs = match_pairs(
        [text, text.replace("A", "B")], clean="A/*.png", degraded="B/*.png"
    )
    assert bool(pairs) == (text == "A/1.png")


@settings(derandomize=True, max_examples=30)
@given(st.sets(st.text("ab_.", min_size=1, max_size=4), min_size=1))
def test_every_name_finds_its_own_partner(texts: set[str]) -> None:
    names = [f"{side}/{text}.png" for side in ("c", "d") for text in texts]
    pairs = match_pairs(names, clean="c/*.png", degraded="d/*.png")
    assert pairs == sorted((f"c/{text}.png", f"d/{text}.png") for text in texts)


OPEN = {"clean": "c/*", "degraded": "d/*"}


@pytest.mark.parametrize(
    ("clean", "degraded", "pair"),
    [
        ("c/*.png", "d/*.jpg", ("c/a.b.png", "d/a.b.jpg")),
        ("c/*", "d/*", ("c/a.b.png", "d/a.b.jpg")),
        ("c/*", "d/*.jpg", ("c/a.b.png", "d/a.b.jpg")),
        ("**/c/*", "**/d/*", ("x/c/a.PNG", "x/d/a.jpeg")),
        ("*H*", "*L*", ("1H.png", "1L.jpg")),
        ("*.png", "*.jpg", ("a.png", "a.jpg")),
    ],
)
def test_suffixes_may_differ(clean: str, degraded: str, pair: tuple[str, str]) -> None:
    assert match_pairs(pair, clean=clean, degraded=degraded) == [pair]


def test_equal_suffixes_come_first() -> None:
    names = [f"{side}/a.{suffix}" for side in "cd" for suffix in ("jpg", "png")]
    pairs = [("c/a.jpg", "d/a.jpg"), ("c/a.png", "d/a.png")]
    assert match_pairs(names, **OPEN) == pairs
    match = r"partner: 1\. First: c/a\.jpg, which needs d/a\.jpg"
    with pytest.raises(DataError, match=match):
        match_pairs(["c/a.png", "c/a.jpg", "d/a.png"], **OPEN)


def test_several_suffixes_are_refused() -> None:
    match = r"^there: c/a\.png and d/a\.bmp, d/a\.jpg differ in their suffix, and more"
    with pytest.raises(DataError, match=match):
        match_pairs(["c/a.png", "d/a.jpg", "d/a.bmp"], **OPEN, where="there")
    with pytest.raises(
        DataError, match=r"data: c/a\.bmp, c/a\.jpg and d/a\.png differ"
    ):
        match_pairs(["c/a.bmp", "c/a.jpg", "d/a.png"], **OPEN)


def test_missing_partners_are_named() -> None:
    names = [name for name in SIDD if "0001_NOISY_SRGB_01" not in name]
    needs = (
        "images without a partner: 2.*0001_GT_SRGB_010.PNG, which needs Data/0001_001_"
    )
    with pytest.raises(DataError, match=f"there: {needs}S6/0001_NOISY_SRGB_010.PNG"):
        match_pairs(
            names,
            clean="Data/*/*_GT_SRGB_*.PNG",
            degraded="Data/*/*_NOISY_SRGB_*.PNG",
            where="there",
        )
    with pytest.raises(DataError, match=r"partner: 1.*d/x\.png, which needs c/x"):
        match_pairs(["d/x.png"], clean="c/*.png", degraded="d/*.png")


def test_patterns_must_correspond() -> None:
    with pytest.raises(ConfigError, match=r"same wildcards.*'a/\*' and 'b/\*/\*'"):
        match_pairs([], clean="a/*", degraded="b/*/*")


def test_patterns_must_exclude_one_another() -> None:
    with pytest.raises(DataError, match=r"1_noisy\.png matches both"):
        match_pairs(["1.png", "1_noisy.png"], clean="*.png", degraded="*_noisy.png")
