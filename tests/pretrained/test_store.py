import dataclasses

import numpy as np
import pytest

import danet_jax
from danet_jax import DANetConfig, from_torch, to_torch
from danet_jax.checks import CheckpointError, ConfigError, WeightsError
from danet_jax.config import SMALL
from danet_jax.models.complexity import complexity
from danet_jax.pretrained import (
    Card,
    load_pretrained,
    read_card,
    store,
    write_pretrained,
)
from danet_jax.pretrained.__main__ import main
from tests.models.networks import random_state

TINY = DANetConfig(
    widths=(4, 4),
    encoder_blocks=(0, 0),
    decoder_blocks=(0,),
    offset_width=2,
    offset_groups=2,
)
CARD = Card("gray25", TINY, "train", "photographs", "free", 7, "float32", ())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder in the place of that of the package."""
    monkeypatch.setattr(store, "_folder", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def model():
    return from_torch(random_state(TINY), TINY)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_round_trip(folder, model, dtype):
    card = dataclasses.replace(CARD, dtype=dtype)
    path = write_pretrained(folder, card, model)
    assert path == folder / "gray25.safetensors"
    assert read_card("gray25") == card
    loaded, wanted = to_torch(load_pretrained("gray25")), to_torch(model)
    assert loaded.keys() == wanted.keys()
    for name, array in wanted.items():
        assert loaded[name].dtype == np.float32
        np.testing.assert_array_equal(loaded[name], array.astype(dtype))


def test_it_is_public():
    assert danet_jax.load_pretrained is load_pretrained


def test_the_small_network_fits():
    for channels in 1, 3:
        config = dataclasses.replace(SMALL, channels=channels)
        count = complexity(config, 64, 64).parameters
        assert 4 * count < store.MOST_BYTES


def test_what_is_not_there(folder, model):
    with pytest.raises(ConfigError, match=r"task.* must be one of gray25, .*'gray'"):
        load_pretrained("gray")
    with pytest.raises(CheckpointError, match=r'"gray25" is not .*, which has none'):
        load_pretrained("gray25")
    write_pretrained(folder, CARD, model)
    with pytest.raises(CheckpointError, match=r'"real" is not .*, which has gray25'):
        load_pretrained("real")
    (folder / "gray25.json").unlink()
    with pytest.raises(CheckpointError, match=r'"gray25" is not .*, which has none'):
        read_card("gray25")


def test_damaged_files(folder, model):
    path = write_pretrained(folder, CARD, model)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(WeightsError, match=r"safetensors: cannot be read .*anew"):
        load_pretrained("gray25")
    other = dataclasses.replace(TINY, widths=(4, 8))
    write_pretrained(folder, CARD, model)
    (folder / "gray25.json").write_text(
        store.to_json(dataclasses.replace(CARD, model=other))
    )
    with pytest.raises(WeightsError, match=r"gray25.safetensors: weights: .* Install"):
        load_pretrained("gray25")
    text = (folder / "gray25.json").read_text()
    (folder / "gray25.json").write_text(text.replace('"gray25"', '"real"'))
    with pytest.raises(ConfigError, match=r"must be the card of gray25; got real"):
        load_pretrained("gray25")


def test_what_is_not_written(folder, model, monkeypatch):
    with pytest.raises(ConfigError, match=r'"model" must be the card\'s; got DANetC'):
        write_pretrained(folder, dataclasses.replace(CARD, model=SMALL), model)
    model.tail.bias[...] = model.tail.bias[...] + 1e6
    half = dataclasses.replace(CARD, dtype="float16")
    with pytest.raises(ConfigError, match=r"values too large for float16"):
        write_pretrained(folder, half, model)
    monkeypatch.setattr(store, "MOST_BYTES", 1000)
    with pytest.raises(ConfigError, match=r"at most 0.001 MB; got .* \(--half\)"):
        write_pretrained(folder, CARD, model)
    assert not list(folder.iterdir())


def test_the_page_of_cards(folder, model, capsys):
    write_pretrained(folder, CARD, model)
    main()
    page = capsys.readouterr().out
    assert page.startswith("# Networks that come with the package\n")
    assert page.split("\n\n## ")[1].startswith("gray25\n")


def test_what_the_package_holds():
    """Every network that is shipped can be loaded, and belongs to its card."""
    for task in store.shipped():
        model = load_pretrained(task)
        assert model.config == read_card(task).model
