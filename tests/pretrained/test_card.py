import dataclasses
import json

import pytest

from danet_jax.checks import ConfigError
from danet_jax.config import SMALL
from danet_jax.pretrained.card import (
    Card,
    Figure,
    figures_of,
    from_json,
    markdown,
    to_json,
)

CARD = Card(
    task="gray25",
    model=SMALL,
    command="python train.py --config configs/quickstart.py",
    data="the photographs of scikit-image",
    terms="each as scikit-image states",
    steps=1500,
    dtype="float32",
    figures=(Figure("AWGN sigma 25", "Set12", 20.2, 29.43, 0.362, 0.8331),),
)


def test_cards_survive_json():
    assert from_json(to_json(CARD), where="a.json") == CARD
    stored = json.loads(to_json(CARD))
    assert {"task", "channels", "command", "data", "terms", "steps"} <= set(stored)
    assert stored["channels"] == 1
    assert stored["figures"] == [
        {
            "protocol": "AWGN sigma 25",
            "set": "Set12",
            "psnr_degraded": 20.2,
            "psnr_restored": 29.43,
            "ssim_degraded": 0.362,
            "ssim_restored": 0.8331,
        }
    ]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"task": "gray26"}, r'"task" must be one of gray25, .*; got gray26'),
        ({"dtype": "int8"}, r'"dtype" must be float32 or float16; got int8'),
        ({"steps": 0}, r'"steps" must be positive; got 0'),
        ({"terms": " "}, r'"terms" must not be empty'),
        ({"extra": 1}, r"unexpected keyword argument 'extra'"),
        ({"model": {"width": [1]}}, r"unknown field width"),
        ({"figures": [{"set": "a"}]}, r"missing 5 required"),
        ({"figures": [dict.fromkeys(vars(CARD.figures[0]), "a")]}, r"must be numbers"),
    ],
)
def test_other_cards(change, match):
    text = json.dumps(json.loads(to_json(CARD)) | change)
    with pytest.raises(ConfigError, match=f"a.json: is no card of .*{match}"):
        from_json(text, where="a.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", "null"])
def test_no_cards(text):
    with pytest.raises(ConfigError, match=r"a.json: is no card of a network"):
        from_json(text, where="a.json")


def test_a_section():
    text = markdown(CARD)
    assert text.startswith("## gray25\n\nGray images with Gaussian noise of sigma 25. ")
    words = " ".join(text.split())
    assert "Widths 16, 32, 48, 1 channel; 1500 steps; stored as float32." in words
    assert "| Set12 | 20.20 / 0.362 | 29.43 / 0.833 | AWGN sigma 25 |\n" in text


def test_lines_of_a_section_are_short():
    options = " --config.data.root=DIR --config.data.held_out=a --config.train.steps=9"
    card = dataclasses.replace(CARD, command=CARD.command + options, data="word " * 40)
    lines = markdown(card).splitlines()
    assert max(map(len, lines)) <= 90
    first, second = (line for line in lines if line.startswith("    "))
    assert f"{first.removesuffix(chr(92))}{second[6:]}" == f"    {card.command}"


def test_figures_of_an_evaluation():
    figure = dataclasses.asdict(CARD.figures[0])
    records = [{"image": "a"}, figure | {"image": "mean", "ssim_volume": 0.8}]
    assert figures_of(records, where="a.json") == CARD.figures
    with pytest.raises(ConfigError, match=r"a.json: holds no means"):
        figures_of(records[:1], where="a.json")
    for bad in [{"set": "a"}], [1], 1, [{"image": "mean"}]:
        with pytest.raises(ConfigError, match=r"a.json: is no results.json of eval"):
            figures_of(bad, where="a.json")
