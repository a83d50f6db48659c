"""The table of names: one rule for each parameter, and its way back."""

import numpy as np
import pytest
from flax import nnx

from danet_jax import VARIANTS, DANetConfig
from danet_jax.interop.names import RULES, rules_for, torch_name
from danet_jax.models import abstract_danet
from tests.models.networks import DEFORM, PLAIN, RGB, THREE_SCALES

CONFIGS = [*VARIANTS.values(), PLAIN, DEFORM, RGB, THREE_SCALES]


def paths(config: DANetConfig) -> list[str]:
    state = nnx.state(abstract_danet(config), nnx.Param)
    return [".".join(map(str, path)) for path, _ in nnx.to_flat_state(state)]


@pytest.mark.parametrize("config", CONFIGS)
def test_every_parameter_has_one_name_and_every_name_one_rule(
    config: DANetConfig,
) -> None:
    ours = paths(config)
    names = [torch_name(path) for path in ours]
    assert len(set(names)) == len(names)
    for path, name in zip(ours, names, strict=True):
        [(back, _)] = rules_for(name)
        assert back == path


def test_names_by_hand() -> None:
    for name, path in {
        "head.weight": "head.kernel",
        "tail.bias": "tail.bias",
        "encoder.1.down.conv.weight": "encoder.1.down.conv.kernel",
        "decoder.0.up.conv.bias": "decoder.0.up.conv.bias",
        "decoder.2.fuse.weight": "decoder.2.fuse.kernel",
        "encoder.0.stage.blocks.10.deform.weight": (
            "encoder.0.stage.blocks.10.deform.kernel"
        ),
        "decoder.0.stage.blocks.2.offset.attention.channel.reduce.weight": (
            "decoder.0.stage.blocks.2.offset.attention.channel.reduce.kernel"
        ),
    }.items():
        assert torch_name(path) == name
        assert [found for found, _ in rules_for(name)] == [path]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "head",
        "head.kernel",
        "head.weight.0",
        "xhead.weight",
        "module.head.weight",
        "encoder.x.stage.blocks.0.conv1.weight",
        "encoder.0.fuse.weight",
        "decoder.0.down.conv.weight",
        "encoder.0.stage.blocks.0.conv3.weight",
        "encoder.0.stage.blocks.0.offset.deform.weight",
        "encoder.0.stage.blocks.0.attention.fuse.running_mean",
        "head.weight\n",
        3,
        None,
    ],
)
def test_other_names_match_no_rule(name: object) -> None:
    assert rules_for(name) == []


def test_transforms_undo_one_another() -> None:
    kernel = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    for rule in RULES:
        array = kernel if rule.path.endswith("kernel") else kernel.ravel()
        np.testing.assert_array_equal(rule.to_torch(rule.to_jax(array)), array)
    # OIHW: output 1, input 2, row 3, column 4 lies in HWIO at [3, 4, 2, 1].
    [(_, rule)] = rules_for("head.weight")
    assert rule.to_jax(kernel).shape == (4, 5, 3, 2)
    assert rule.to_jax(kernel)[3, 4, 2, 1] == kernel[1, 2, 3, 4]
