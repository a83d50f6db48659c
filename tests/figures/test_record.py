"""What is recorded of a run."""

import dataclasses

import numpy as np
import pytest
from flax import nnx

from danet_jax.checks import ConfigError, DataError
from danet_jax.figures import record as module
from danet_jax.figures.field import plain, sampling_locations
from danet_jax.figures.record import record
from danet_jax.interop import from_torch
from danet_jax.models import DANet
from danet_jax.models.places import deformable
from tests.figures.records import SIZE, TINY
from tests.models.networks import (
    DEFORM,
    compiled,
    forward,
    image,
    parameters,
    random_state,
)
from tests.tolerances import OUTPUT, assert_near


def _predicted(model, recorded):
    """Offsets and mask by groups, from the recorded feature of the last branch."""
    predict = model.decoder[0].stage.blocks[-1].offset.predict
    again = np.asarray(predict(recorded.feature.values[None]))[0]
    offsets, logits = np.split(again, [18 * TINY.offset_groups], axis=-1)
    grid = 20, 26, TINY.offset_groups, 9
    return offsets.reshape(*grid, 2), 1 / (1 + np.exp(-logits.reshape(grid)))


def _degraded(config, height=SIZE[0], width=SIZE[1]):
    return np.asarray(image(config, height, width)[0])


@pytest.fixture(scope="module")
def model():
    return from_torch(random_state(TINY), TINY)


@pytest.fixture(scope="module")
def recorded(model):
    return record(model, _degraded(TINY), layers=3)


def test_the_restored_image_is_that_of_the_network(recorded) -> None:
    run = compiled(forward(TINY))
    expected = run(parameters(TINY), _degraded(TINY)[None])[0]
    assert_near(recorded.restored, np.asarray(expected), OUTPUT)


def test_what_is_recorded(recorded) -> None:
    """In the order of computation, on grids that are padded to 20x26."""
    assert [(each.name, each.scale) for each in recorded.layers] == [
        ("encoder 1/2, block 1", 1),
        ("encoder 1/2, block 2", 1),
        ("decoder 1/1, block 1", 0),
    ]
    for each in recorded.layers:
        size = 20 >> each.scale, 26 >> each.scale
        assert each.offsets.shape == (*size, 9, 2)
        assert each.mask.shape == (*size, 9)
        assert ((each.mask > 0) & (each.mask < 1)).all()
    assert recorded.restored.shape == (20, 25, 1)
    assert recorded.feature.values.shape == (20, 26, TINY.offset_width)
    assert [(part.name, part.values.shape) for part in recorded.attention] == [
        ("encoder 1/1", (20, 26, 1)),
        ("encoder 1/2", (10, 13, 1)),
        ("decoder 1/1", (20, 26, 1)),
    ]
    assert list(recorded.outside) == [place.name for place in deformable(TINY)]
    [down] = recorded.downs
    assert (down.name, down.values.shape) == ("encoder 1/1", (20, 26, 2))


def test_offsets_and_masks_are_means_over_groups(model, recorded) -> None:
    offsets, mask = _predicted(model, recorded)
    last = recorded.layers[-1]
    np.testing.assert_allclose(last.offsets, offsets.mean(axis=2), atol=1e-5)
    np.testing.assert_allclose(last.mask, mask.mean(axis=2), atol=1e-5)


def test_one_group_alone(model, recorded) -> None:
    offsets, mask = _predicted(model, recorded)
    [last] = record(model, _degraded(TINY), layers=1, group=1).layers
    assert np.abs(offsets[:, :, 0] - offsets[:, :, 1]).max() > 0.1
    np.testing.assert_allclose(last.offsets, offsets[:, :, 1], atol=1e-5)
    np.testing.assert_allclose(last.mask, mask[:, :, 1], atol=1e-5)


def test_an_untrained_network_looks_at_plain_places() -> None:
    seen = record(DANet(TINY, rngs=nnx.Rngs(0)), _degraded(TINY), layers=3)
    assert (seen.restored == _degraded(TINY)).all()
    for each in seen.layers:
        assert (each.offsets == 0).all()
        assert (each.mask == 0.5).all()
    field = sampling_locations(seen.layers, (12, 10))
    square = sampling_locations(plain(seen.layers), (12, 10))
    np.testing.assert_array_equal(field.at, square.at)
    assert set(field.weight) == {0.125}


def test_a_network_without_attention_and_wavelets() -> None:
    config = dataclasses.replace(DEFORM, encoder_blocks=(0, 0))
    seen = record(DANet(config, rngs=nnx.Rngs(0)), _degraded(config), layers=1)
    assert [each.name for each in seen.layers] == ["decoder 1/1, block 1"]
    assert seen.attention == ()
    assert len(seen.downs) == 1


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"layers": 0}, ConfigError, "lie in 1 to 4, the .* network; got 0"),
        ({"layers": 5}, ConfigError, "got 5"),
        ({"layers": 1, "group": 2}, ConfigError, "lie in 0 to 1; got 2"),
        ({"layers": 1, "group": -1}, ConfigError, "got -1"),
    ],
)
def test_layers_and_groups_that_are_not_there(options, error, match, model) -> None:
    with pytest.raises(error, match=match):
        record(model, _degraded(TINY), **options)


def test_bad_images(model, monkeypatch) -> None:
    with pytest.raises(DataError, match="at least 2 pixels a side"):
        record(model, np.zeros((1, 9, 1), np.float32), layers=1)
    with pytest.raises(ValueError, match="degraded"):
        record(model, np.zeros((9, 9, 3), np.float32), layers=1)
    monkeypatch.setattr(module, "MOST_PIXELS", 99)
    with pytest.raises(DataError, match=r"at most 99 pixels; got .* Cut a part out"):
        record(model, np.zeros((10, 10, 1), np.float32), layers=1)
