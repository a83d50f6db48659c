"""DANetConfig: the named networks, and what it says of fields that do not fit."""

import dataclasses
from typing import Any

import pytest

from danet_jax.checks import ConfigError
from danet_jax.config import VARIANTS, DANetConfig

PLAIN = {"block": "conv", "recurrent_offsets": False}


def test_the_named_networks() -> None:
    """Tables 7 and 8; widths and blocks of the ablation are DANet's."""
    widths = (64, 128, 160, 256)
    rows = {
        "danet": ((5, 3, 2, 1), (5, 3, 2), "adeb", True, True),
        "danet_s": ((2, 1, 1, 1), (2, 1, 1), "adeb", True, True),
        "teacher": ((10, 6, 4, 2), (2, 1, 1), "adeb", True, True),
        "unet": ((5, 3, 2, 1), (5, 3, 2), "conv", False, False),
        "unet_deform": ((5, 3, 2, 1), (5, 3, 2), "deform", False, False),
        "adeb": ((5, 3, 2, 1), (5, 3, 2), "adeb", False, False),
        "adeb_arob": ((5, 3, 2, 1), (5, 3, 2), "adeb", True, False),
    }
    assert VARIANTS.keys() == rows.keys()
    for name, (encoder, decoder, block, recurrent, wavelet) in rows.items():
        assert VARIANTS[name] == DANetConfig(
            channels=1,
            widths=widths,
            encoder_blocks=encoder,
            decoder_blocks=decoder,
            offset_width=96,
            offset_groups=8,
            block=block,
            recurrent_offsets=recurrent,
            wavelet=wavelet,
        )
    assert VARIANTS["danet"] == DANetConfig()


@pytest.mark.parametrize(
    ("widths", "scales", "multiple"),
    [
        ((8, 8), 2, 2),
        ((8, 16, 24), 3, 4),
        ((64, 128, 160, 256), 4, 8),
        ((8,) * 6, 6, 32),
    ],
)
def test_scales_and_multiple(
    widths: tuple[int, ...], scales: int, multiple: int
) -> None:
    blocks = {"encoder_blocks": (0,) * scales, "decoder_blocks": (0,) * (scales - 1)}
    config = DANetConfig(widths=widths, **blocks)
    assert (config.scales, config.multiple) == (scales, multiple)


def test_lists_become_tuples() -> None:
    """As JSON has them; a config must be hashable."""
    config = DANetConfig(widths=[8, 16], encoder_blocks=[1, 0], decoder_blocks=[2])
    same = DANetConfig(widths=(8, 16), encoder_blocks=(1, 0), decoder_blocks=(2,))
    assert config == same
    assert hash(config) == hash(same)


def test_configs_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DANetConfig().channels = 3  # type: ignore[misc]
    with pytest.raises(TypeError, match="positional"):
        DANetConfig(3)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("channels", 2, "be 1 or 3; got 2"),
        ("channels", "3", "be 1 or 3; got '3'"),
        ("channels", True, "be a whole number; got True"),
        ("channels", 3.0, r"be a whole number; got 3\.0"),
        ("widths", (64, 0, 160, 256), "hold whole numbers of at least 1; got .*64, 0"),
        ("widths", (64, 1.5, 160, 256), "hold whole numbers of at least 1"),
        ("widths", (True, 8), "hold whole numbers of at least 1"),
        ("widths", 64, "hold whole numbers of at least 1; got 64"),
        ("widths", "64", "hold whole numbers of at least 1; got '64'"),
        ("widths", None, "hold whole numbers of at least 1; got None"),
        ("encoder_blocks", (5, 3, 2, -1), "hold whole numbers of at least 0"),
        ("decoder_blocks", (5, 3, None), "hold whole numbers of at least 0"),
        ("decoder_blocks", 5, "hold whole numbers of at least 0; got 5"),
        ("offset_width", 0, "be a positive whole number; got 0"),
        ("offset_width", 9.6, r"be a positive whole number; got 9\.6"),
        ("offset_groups", -8, "be a positive whole number; got -8"),
        ("offset_groups", True, "be a positive whole number; got True"),
        ("block", "ADEB", "be one of adeb, deform, conv; got 'ADEB'"),
        ("block", None, "be one of adeb, deform, conv; got None"),
        ("recurrent_offsets", 1, "be True or False; got 1"),
        ("wavelet", "yes", "be True or False; got 'yes'"),
    ],
)
def test_single_fields(field: str, value: Any, rule: str) -> None:
    with pytest.raises(ConfigError, match=f'^DANetConfig: "{field}" must {rule}'):
        DANetConfig(**{field: value})


@pytest.mark.parametrize(
    ("blocks", "counts"),
    [
        ({"widths": (8, 8)}, "2, 4 and 3"),
        ({"encoder_blocks": (1, 1, 1)}, "4, 3 and 3"),
        ({"decoder_blocks": (1, 1, 1, 1)}, "4, 4 and 4"),
        ({"widths": (8,), "encoder_blocks": (1,), "decoder_blocks": ()}, "1, 1 and 0"),
        ({"widths": (), "encoder_blocks": (), "decoder_blocks": ()}, "0, 0 and 0"),
    ],
)
def test_one_entry_for_each_scale(blocks: dict[str, Any], counts: str) -> None:
    match = f"at least 2 scales, and decoder_blocks one fewer; got {counts} entries"
    with pytest.raises(ConfigError, match=match):
        DANetConfig(**blocks)


def test_groups_divide_widths_where_blocks_deform() -> None:
    match = (
        r'"offset_groups" must divide every width .*; got 5\. It does not divide 64,'
    )
    for block in "adeb", "deform":
        with pytest.raises(ConfigError, match=match):
            DANetConfig(offset_groups=5, block=block, recurrent_offsets=False)
    assert DANetConfig(offset_groups=5, **PLAIN).offset_groups == 5


@pytest.mark.parametrize("block", ["deform", "conv"])
def test_only_adebs_carry_offsets(block: Any) -> None:
    match = f'"recurrent_offsets" must be False with block "{block}"; got True'
    with pytest.raises(ConfigError, match=match):
        DANetConfig(block=block)
    assert DANetConfig(block=block, recurrent_offsets=False).block == block


def test_errors_are_value_errors() -> None:
    with pytest.raises(ValueError, match="channels"):
        DANetConfig(channels=4)
