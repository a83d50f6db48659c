"""A teacher's decoder in a student: bit for bit, and nothing else."""

import dataclasses

import jax
import numpy as np
import pytest
from flax import nnx

import danet_jax
from danet_jax.checks import WeightsError
from danet_jax.config import VARIANTS, DANetConfig
from danet_jax.models import DANet, abstract_danet, transfer_decoder
from danet_jax.models.transfer import passes
from tests.models.networks import TWO_SCALES, image

STUDENT = dataclasses.replace(TWO_SCALES, encoder_blocks=(1, 0))


@pytest.fixture(scope="module")
def teacher() -> DANet:
    """Parameters that no network has from its making: also the tail's are not zero."""
    model = DANet(TWO_SCALES, rngs=nnx.Rngs(0))
    graphdef, params = nnx.split(model, nnx.Param)
    return nnx.merge(graphdef, jax.tree.map(lambda leaf: leaf + 0.25, params))


def leaves(model: DANet) -> dict[tuple[object, ...], np.ndarray]:
    flat = nnx.to_flat_state(nnx.state(model, nnx.Param))
    return {path: np.array(leaf[...]) for path, leaf in flat}


def test_the_decoder_passes_and_nothing_else(teacher: DANet) -> None:
    before = DANet(STUDENT, rngs=nnx.Rngs(1))
    theirs, own = leaves(teacher), leaves(before)
    student = danet_jax.transfer_decoder(teacher, before)
    assert student.config == STUDENT
    found = leaves(student)
    assert found.keys() == own.keys()
    passed = [path for path in found if passes(path)]
    assert {path[0] for path in passed} == {"decoder", "tail"}
    assert {path[0] for path in found} - {path[0] for path in passed} == {
        "head",
        "encoder",
    }
    for path, array in found.items():
        source = theirs if passes(path) else own
        np.testing.assert_array_equal(array, source[path], err_msg=str(path))
    for model, arrays in (teacher, theirs), (before, own):
        for path, array in leaves(model).items():
            np.testing.assert_array_equal(array, arrays[path])


def test_the_students_parameters_are_copies(teacher: DANet) -> None:
    own = DANet(STUDENT, rngs=nnx.Rngs(1))
    student = transfer_decoder(teacher, own)
    for leaf in jax.tree.leaves(nnx.state(student, nnx.Param)):
        leaf.delete()
    assert np.isfinite(leaves(teacher)["tail", "kernel"]).all()
    assert np.isfinite(leaves(own)["head", "kernel"]).all()


def test_the_paper_s_teacher_fits_its_student() -> None:
    def student() -> DANet:
        teacher, own = (
            DANet(VARIANTS[name], rngs=nnx.Rngs(0)) for name in ("teacher", "danet_s")
        )
        return transfer_decoder(teacher, own)

    shapes = nnx.state(nnx.eval_shape(student), nnx.Param)
    expected = nnx.state(abstract_danet(VARIANTS["danet_s"]), nnx.Param)
    assert jax.tree.all(jax.tree.map(lambda a, b: a.shape == b.shape, shapes, expected))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (
            {"widths": (8, 8)},
            r"got widths \(4, 8\) and \(8, 8\)\. Their decoders: 17 of another shape "
            r"or dtype \(.*decoder\.0\.fuse\.kernel is float32 \(1, 1, 8, 4\), not "
            r"float32 \(1, 1, 16, 8\).*tail\.kernel",
        ),
        (
            {"decoder_blocks": (1,)},
            r"got decoder_blocks \(0,\) and \(1,\)\. .* missing in the source "
            r"\(.*decoder\.0\.stage\.blocks\.1\.",
        ),
        (
            {"offset_width": 6},
            r"got offset_width 4 and 6\. .*offset\.feature\.kernel is ",
        ),
        ({"offset_groups": 1}, r"got offset_groups 2 and 1\. .*offset\.predict\."),
        (
            {"block": "conv", "recurrent_offsets": False},
            r"block adeb and conv; recurrent_offsets True and False\. .* missing in "
            r"the target \(.*decoder\.0\.stage\.blocks\.0\.offset\.",
        ),
        ({"channels": 3}, r"got channels 1 and 3\. .*tail\.kernel is "),
    ],
)
def test_all_mismatches_are_told_at_once(
    teacher: DANet, changes: dict[str, object], match: str
) -> None:
    target = DANet(dataclasses.replace(STUDENT, **changes), rngs=nnx.Rngs(1))
    with pytest.raises(WeightsError, match=f"(?s)transfer_decoder: .*{match}"):
        transfer_decoder(teacher, target)


def test_what_is_no_network(teacher: DANet) -> None:
    with pytest.raises(TypeError, match='"source" must be of type DANet; got dict'):
        transfer_decoder({}, teacher)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match='"target" must be of type DANet; got DANetC'):
        transfer_decoder(teacher, DANetConfig())  # type: ignore[arg-type]


def test_features_of_the_decoder_belong_to_the_same_restoration(teacher: DANet) -> None:
    x = image(TWO_SCALES, 9, 6)
    restored, features = jax.jit(lambda x: teacher.with_features(x))(x)
    np.testing.assert_array_equal(restored, jax.jit(lambda x: teacher(x))(x))
    assert [feature.shape for feature in features] == [(2, 10, 6, 4)]
