"""How many parameters each network has, as the paper's Table 7 counts them."""

import dataclasses
import math

import jax
import pytest
from flax import nnx

from danet_jax import VARIANTS, DANet, DANetConfig
from danet_jax.models import abstract_danet
from tests.models.networks import RGB, THREE_SCALES

COUNTS = {
    "danet": 23_401_504,
    "danet_s": 15_984_592,
    "teacher": 28_290_801,
    "unet": 13_213_665,
    "unet_deform": 16_832_697,
    "adeb": 22_265_377,
    "adeb_arob": 23_400_448,
}
# Two more channels, to and from 64 features by 3x3 kernels, and two more biases.
COLOUR = 2 * 2 * 64 * 9 + 2


def count(config: DANetConfig) -> int:
    leaves = jax.tree.leaves(abstract_danet(config))
    return sum(math.prod(leaf.shape) for leaf in leaves)


def test_every_variant_is_listed() -> None:
    assert COUNTS.keys() == VARIANTS.keys()


@pytest.mark.parametrize("name", COUNTS)
def test_count(name: str) -> None:
    assert count(VARIANTS[name]) == COUNTS[name]


@pytest.mark.parametrize("name", COUNTS)
def test_count_in_colour(name: str) -> None:
    config = dataclasses.replace(VARIANTS[name], channels=3)
    assert count(config) == COUNTS[name] + COLOUR


def test_counts_in_colour_that_the_paper_implies() -> None:
    assert COUNTS["danet"] + COLOUR == 23_403_810
    assert COUNTS["danet_s"] + COLOUR == 15_986_898


def test_the_ablation_ends_with_danet() -> None:
    """Table 8's last row is the row before with wavelets."""
    assert dataclasses.replace(VARIANTS["adeb_arob"], wavelet=True) == VARIANTS["danet"]


def test_student_and_teacher_have_one_decoder() -> None:
    student, teacher = VARIANTS["danet_s"], VARIANTS["teacher"]
    assert student.decoder_blocks == teacher.decoder_blocks
    assert student.widths == teacher.widths


@pytest.mark.parametrize("config", [RGB, THREE_SCALES])
def test_abstract_networks_have_the_shapes_of_real_ones(config: DANetConfig) -> None:
    real = nnx.eval_shape(lambda: DANet(config, rngs=nnx.Rngs(0)))
    abstract = abstract_danet(config)
    assert nnx.graphdef(abstract) == nnx.graphdef(real)
    assert jax.tree.all(
        jax.tree.map(
            lambda a, b: (a.shape, a.dtype) == (b.shape, b.dtype), abstract, real
        )
    )


def test_everything_is_a_parameter_in_float32() -> None:
    model = abstract_danet(VARIANTS["danet"])
    params, rest = nnx.split(model, nnx.Param, ...)[1:]
    assert not jax.tree.leaves(rest)
    assert {str(leaf.dtype) for leaf in jax.tree.leaves(params)} == {"float32"}
