"""``danet complexity``."""

import json
from pathlib import Path

import pytest

from danet_jax.cli.main import main

TINY = Path(__file__).parents[1] / "training" / "tiny.py"


def test_the_table_has_the_published_figures_beside(capsys) -> None:
    assert main(["complexity", "--network", "danet_s"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith(
        "| danet_s | 480x320 | 15,984,592 | 15940 k | 560.6 G | 571.1 G |"
    )
    assert [line.split()[1] for line in lines[3:]] == [
        "DnCNN",
        "MWCNN",
        "SADNet",
        "RIDNet",
    ]


def test_json_of_a_config_at_two_sizes(capsys) -> None:
    words = ["--config", str(TINY), "--size", "8x8", "32x16", "--json"]
    assert main(["complexity", *words]) == 0
    small, large = json.loads(capsys.readouterr().out)
    assert small["network"] == large["network"] == "tiny"
    assert large["size"] == "32x16"
    assert large["parameters"] == small["parameters"]
    assert large["macs"] > 7 * small["macs"]
    assert large["published_macs"] is None


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--size", "480"], "must be WIDTHxHEIGHT in pixels, e.g. 480x320; got 480"),
        (["--size", "8x4", "--network", "unet"], "at least 8x8 pixels; got 8x4"),
        (["--network", "danett"], "invalid choice: 'danett'"),
        (["--config.model.channels=3"], "takes no overrides"),
        (["--config", str(TINY), "--channels", "3"], "Leave --network and --chan"),
    ],
)
def test_bad_input_is_one_line(words, match, capsys) -> None:
    assert main(["complexity", *words]) == 2
    shown = capsys.readouterr().err
    assert match in shown
    assert shown.count("\n") == 1
