"""Where a network's parts lie, and that watching them changes nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from danet_jax.models.places import (
    by_name,
    deformable,
    lost,
    shares_outside,
    watched,
)
from tests.models.networks import (
    DEFORM,
    PLAIN,
    TWO_SCALES,
    graphdef,
    image,
    parameters,
)


def test_watching_changes_no_operation() -> None:
    """The same operations in the same order: the same image, bit for bit."""
    structure = graphdef(TWO_SCALES)
    params, x = parameters(TWO_SCALES), image(TWO_SCALES, 9, 6)

    def text(function):
        return str(
            jax.make_jaxpr(lambda params: function(nnx.merge(structure, params)))(
                params
            )
        )

    before = text(lambda model: model(x))
    seen = text(lambda model: watched(model, x)[0])
    after = text(lambda model: model(x))
    assert before == seen == after


def test_which_layers_there_are() -> None:
    scales = [place.scale for place in deformable(TWO_SCALES)]
    assert scales == [0, 0, 0, 1, 0]
    assert deformable(PLAIN) == []
    assert {place.scale for place in deformable(DEFORM)} == {0}  # in the decoder alone


@pytest.mark.parametrize(
    ("shift", "share"),
    [((0, 0), 0), ((3, 0), 3 / 8), ((-0.5, 0), 0), ((0, -2), 1 / 3), ((50, 0), 1)],
)
def test_the_share_of_samples_outside(shift, share) -> None:
    """A sample within a pixel of the border still reads a part of a pixel."""
    steps = jnp.arange(-1, 2)
    taps = jnp.stack(jnp.meshgrid(steps, steps, indexing="ij"), -1).reshape(9, 2)
    still = jnp.broadcast_to(-taps, (2, 8, 6, 1, 9, 2)).astype(jnp.float32)
    offsets = still + jnp.asarray(shift, jnp.float32).reshape(1, 1, 1, 1, 1, 2)
    shares = shares_outside(DEFORM, lambda path: (offsets, None, None))
    np.testing.assert_allclose(shares, [share], atol=1e-6)
    [place] = deformable(DEFORM)
    assert by_name(DEFORM, shares) == {place.name: pytest.approx(share)}
    assert by_name(PLAIN, shares_outside(PLAIN, lambda path: None)) == {}


def test_the_taps_reach_over_the_border() -> None:
    """Of 8x6 pixels without offsets: rows lose 2 of 24, columns 2 of 18."""
    offsets = jnp.zeros((1, 8, 6, 2, 9, 2))
    [share] = shares_outside(DEFORM, lambda path: (offsets, None, None))
    assert float(share) == pytest.approx(1 - (22 / 24) * (16 / 18))


def test_lost_layers_are_named() -> None:
    assert lost({}) == lost({"a": 0.5}) == ""
    said = lost({"a": 0.2, "decoder 1/1, block 3": 0.97, "b": 1.0})
    assert "outside the image: decoder 1/1, block 3 (97%), b (100%). Their" in said
