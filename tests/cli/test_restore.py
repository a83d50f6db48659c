import argparse
import errno
import tempfile
from pathlib import Path

import numpy as np
import pytest
from flax import nnx
from PIL import Image

from danet_jax.checks import CheckpointError, ConfigError, DataError
from danet_jax.cli import networks
from danet_jax.cli import restore as command
from danet_jax.config import DANetConfig, ExperimentConfig
from danet_jax.models import DANet

GRAY = DANetConfig(
    widths=(2, 2, 2),
    encoder_blocks=(0, 0, 0),
    decoder_blocks=(0, 0),
    block="conv",
    recurrent_offsets=False,
)


def _run(*arguments, overrides=()):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    words = [str(word) for word in arguments]
    command.run(parser.parse_args([*words, "--checkpoint", "runs/x"]), list(overrides))


@pytest.fixture
def untrained(monkeypatch):
    """An untrained network, which returns its input exactly."""
    model = DANet(GRAY, rngs=nnx.Rngs(0))

    def load_experiment(path):
        assert path == Path("runs/x")
        return ExperimentConfig(model=GRAY), model

    monkeypatch.setattr(networks, "load_experiment", load_experiment)


@pytest.fixture
def brighter(untrained, monkeypatch):
    """A stand-in that adds 0.6 of an 8-bit step."""

    def make_restorer(model):
        return lambda images: images + np.float32(0.6 / 255)

    monkeypatch.setattr(networks, "make_restorer", make_restorer)


@pytest.fixture
def unloaded(monkeypatch):
    """Fails the test if the network is loaded before the mistake is noticed."""
    monkeypatch.setattr(networks, "load_experiment", lambda path: pytest.fail("loaded"))


def _write(path, mode="RGB", size=(9, 7), seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = len(Image.new(mode, (1, 1)).getbands())
    pixels = np.random.RandomState(seed).randint(0, 255, (*size[::-1], channels))
    Image.frombytes(mode, size, pixels.astype(np.uint8).tobytes()).save(path)
    return path


def _read(path, mode=None):
    with Image.open(path) as file:
        return np.asarray(file.convert(mode) if mode else file).astype(int)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_an_untrained_network_returns_each_file(tmp_path, untrained, mode):
    source = _write(tmp_path / "a.png", mode)
    _run(source)
    with Image.open(tmp_path / "a_restored.png") as file:
        assert file.mode == mode
    np.testing.assert_array_equal(_read(tmp_path / "a_restored.png"), _read(source))


def test_values_are_rounded_and_alpha_stays(tmp_path, brighter):
    source = _write(tmp_path / "a.png", "RGBA")
    _run(source)
    before, after = _read(source), _read(tmp_path / "a_restored.png")
    np.testing.assert_array_equal(after[..., :3], before[..., :3] + 1)
    np.testing.assert_array_equal(after[..., 3], before[..., 3])


def test_what_was_written_is_said(tmp_path, untrained, capsys):
    source = _write(tmp_path / "photos" / "a.png")
    _run(source)
    assert capsys.readouterr().out == f"{source} -> {source.with_stem('a_restored')}\n"
    _run(source.parent, "--out", tmp_path / "out")
    assert capsys.readouterr().out == f"{source.parent} -> {tmp_path / 'out'}\n"


def test_one_list_of_formats(tmp_path, unloaded):
    _write(tmp_path / "a.gif", "L")
    for words in ["a.gif"], ["a.png", "--out", tmp_path / "a.gif"]:
        _write(tmp_path / "a.png")
        with pytest.raises(DataError, match=r'a.gif: must end in .*.png.*got ".gif"'):
            _run(tmp_path / words[0], *words[1:])
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match="no images"):
        _run(tmp_path)


def test_results_beside_their_originals_are_no_inputs(tmp_path, untrained):
    for name in "a.png", "a_restored.png", "b_restored.png":
        _write(tmp_path / "photos" / name)
    _run(tmp_path / "photos")
    written = sorted(path.name for path in (tmp_path / "photos_restored").iterdir())
    assert written == ["a.png", "b_restored.png"]


def test_the_format_of_another_suffix(tmp_path, untrained):
    source, out = _write(tmp_path / "a.png"), tmp_path / "new" / "b.BMP"
    _run(source, "--out", out)
    with Image.open(out) as file:
        assert file.format == "BMP"
    np.testing.assert_array_equal(_read(out), _read(source))


def test_a_misnamed_file_keeps_its_format(tmp_path, untrained):
    source = tmp_path / "a.jpg"
    _write(tmp_path / "a.png").rename(source)
    _run(source, "--out", tmp_path / "b.jpg")
    np.testing.assert_array_equal(_read(tmp_path / "b.jpg"), _read(source))


def test_out_may_be_a_folder(tmp_path, untrained):
    source, out = _write(tmp_path / "a.png"), tmp_path / "out"
    out.mkdir()
    _run(source, "--out", out)
    assert (out / "a.png").exists()


def test_a_tree_of_images(tmp_path, brighter, monkeypatch, capsys):
    root = tmp_path / "photos"
    sources = [root / "a.png", root / "b" / "a.png", root / "b" / "c.png"]
    for seed, source in enumerate(sources):
        _write(source, "L" if seed == 1 else "RGB", seed=seed)
    monkeypatch.chdir(root)
    _run(".")
    for source in sources:
        target = tmp_path / "photos_restored" / source.relative_to(root)
        np.testing.assert_array_equal(_read(target), _read(source) + 1)
    shown = capsys.readouterr().err
    assert (
        shown.count("the network is gray: red, green and blue are restored apart") == 1
    )


def test_results_inside_the_folder_are_no_inputs(tmp_path, brighter):
    _write(tmp_path / "a.png")
    _run(tmp_path, "--out", tmp_path / "out")
    _run(tmp_path, "--out", tmp_path / "out", "--overwrite")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]
    np.testing.assert_array_equal(
        _read(tmp_path / "out" / "a.png"), _read(tmp_path / "a.png") + 1
    )


def test_broken_files_do_not_stop_the_others(tmp_path, untrained):
    root = tmp_path / "photos"
    for name in "a.png", "d.png":
        _write(root / name)
    (root / "b.png").write_text("no image")
    _write(root / "c.png", "L", size=(3, 9))
    match = (
        r"of 4 images 2 written, 2 failed. .*b.png: truncated, .*"
        r"c.png: restore: .*at least 4 pixels a side; got \(1, 9, 3, 1\)"
    )
    with pytest.raises(DataError, match=match):
        _run(root)
    written = sorted(path.name for path in (tmp_path / "photos_restored").iterdir())
    assert written == ["a.png", "d.png"]


def test_a_full_disk_stops_at_once(tmp_path, untrained, monkeypatch):
    for name in "a.png", "b.png", "c.png", "d.png":
        _write(tmp_path / "photos" / name)
    write_bytes, sizes = Path.write_bytes, []

    def fill(path, data):
        sizes.append(len(data))
        if len(sizes) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", fill)
    match = r"of 4 images 1 written, 1 failed. .*b.png: cannot be written .*No space"
    with pytest.raises(DataError, match=match):
        _run(tmp_path / "photos")


def test_a_folder_that_takes_no_files(tmp_path, untrained, monkeypatch):
    source = _write(tmp_path / "photos" / "a.png")
    monkeypatch.setattr(networks, "make_restorer", lambda _: pytest.fail)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file/out: cannot be made"):
        _run(source.parent, "--out", tmp_path / "file" / "out")

    def closed(dir):
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", closed)
    for words in [source.parent, "--out", tmp_path / "out"], [source]:
        with pytest.raises(DataError, match=r"takes no files \(Permission denied\)"):
            _run(*words)


def test_a_file_too_small_is_named(tmp_path, untrained):
    source = _write(tmp_path / "a.png", size=(9, 3))
    with pytest.raises(DataError, match=r"a.png: restore: .*at least 4 pixels a side"):
        _run(source)


def test_a_diverged_network_stops_at_once(tmp_path, untrained, monkeypatch):
    def make_restorer(model):
        def restore(image):
            raise CheckpointError("restore: NaN.")

        return restore

    monkeypatch.setattr(networks, "make_restorer", make_restorer)
    _write(tmp_path / "a" / "a.png")
    with pytest.raises(CheckpointError, match=r"NaN"):
        _run(tmp_path / "a")


def test_results_are_not_overwritten(tmp_path, unloaded):
    for name in "a.png", "b.png":
        _write(tmp_path / "photos" / name)
        _write(tmp_path / "photos_restored" / name)
    match = "photos_restored/a.png: exists already, one of 2 such results.*--overwrite"
    with pytest.raises(DataError, match=match):
        _run(tmp_path / "photos")
    source = _write(tmp_path / "a.png")
    existing = _write(tmp_path / "a_restored.png")
    with pytest.raises(DataError, match=r"a_restored.png: exists already"):
        _run(source)
    assert existing.exists()


def test_inputs_are_never_overwritten(tmp_path, unloaded):
    source = _write(tmp_path / "a.png")
    for out in source, tmp_path:
        with pytest.raises(DataError, match=r"a.png: is an input, which is never over"):
            _run(source, "--out", out, "--overwrite")
    with pytest.raises(DataError, match=r"a.png: is an input, which is never over"):
        _run(tmp_path, "--out", tmp_path / "." / "x" / "..", "--overwrite")


def test_out_may_be_above_the_input(tmp_path, brighter):
    _write(tmp_path / "photos" / "a.png")
    _run(tmp_path / "photos", "--out", tmp_path)
    assert (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("source", "out", "match"),
    [
        ("missing.png", "", "missing.png: no such file or folder"),
        ("empty", "", "empty: no images"),
        ("a.png", "b.xyz", 'b.xyz: must end in one of .*got ".xyz"'),
        ("a.png", "b", 'b: must end in one of .*got ""'),
        (".", "a.png", "a.png: must be a folder, as .* is; got a file"),
    ],
)
def test_mistakes_are_noticed_before_any_work(tmp_path, unloaded, source, out, match):
    _write(tmp_path / "a.png")
    (tmp_path / "empty").mkdir()
    arguments = ["--out", tmp_path / out] if out else []
    with pytest.raises(DataError, match=match):
        _run(tmp_path / source, *arguments)


def test_there_is_no_configuration(tmp_path, unloaded):
    with pytest.raises(ConfigError, match=r"got --config.train.steps=1"):
        _run(tmp_path, overrides=["--config.train.steps=1"])
