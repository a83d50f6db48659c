"""The options of ``danet restore``: tiles, ensemble, strength, parts, comparisons."""

import argparse

import jax
import numpy as np
import pytest
import tifffile
from flax import nnx
from PIL import Image

from danet_jax.checks import CheckpointError, ConfigError, DataError
from danet_jax.cli import networks
from danet_jax.cli import restore as command
from danet_jax.config import DANetConfig, ExperimentConfig
from danet_jax.models import DANet
from danet_jax.restoration import inference, tiles
from danet_jax.restoration.deep_png import deep_png

GRAY = DANetConfig(
    widths=(2, 2, 2),
    encoder_blocks=(0, 0, 0),
    decoder_blocks=(0, 0),
    block="conv",
    recurrent_offsets=False,
)
CHECKPOINT = ("--checkpoint", "runs/x")


def _run(*arguments):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    command.run(parser.parse_args([str(word) for word in arguments]), [])


def _brighter(task=None):
    """A network that adds 20 of 255 steps; ``task`` tells it apart."""
    model = DANet(GRAY, rngs=nnx.Rngs(0))
    step = {None: 20, "gray25": 1, "jpeg_blind": 2, "color_blind": 3, "real": 4}[task]
    model.tail.bias[...] = model.tail.bias[...] + np.float32(step / 255)
    return model


@pytest.fixture
def trained(monkeypatch):
    experiment = ExperimentConfig(model=GRAY), _brighter()
    monkeypatch.setattr(networks, "load_experiment", lambda path: experiment)


@pytest.fixture
def shipped(monkeypatch):
    """Networks of all tasks; returns the list of those that were loaded."""
    loaded = []

    def load_pretrained(task):
        loaded.append(task)
        return _brighter(task)

    monkeypatch.setattr(networks, "load_pretrained", load_pretrained)
    return loaded


def _write(path, mode="L", size=(9, 7), seed=0, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (*size[::-1], len(Image.new(mode, (1, 1)).getbands()))
    pixels = np.random.default_rng(seed).integers(0, 200, shape, np.uint8)
    Image.frombytes(mode, size, pixels.tobytes()).save(path, **options)
    return path


def _read(path):
    with Image.open(path) as file:
        return np.asarray(file).astype(int)


def test_strength(tmp_path, trained):
    source = _write(tmp_path / "a.png")
    for strength, step in ("0", 0), ("0.25", 5), ("1", 20):
        _run(source, *CHECKPOINT, "--strength", strength, "--overwrite")
        restored = _read(tmp_path / "a_restored.png")
        np.testing.assert_array_equal(restored, _read(source) + step)


def test_tiles_and_ensemble(tmp_path, trained, capsys):
    source = _write(tmp_path / "a.png", size=(50, 21))
    _run(source, *CHECKPOINT, "--tile", "16", "--overlap", "4", "--ensemble")
    restored = _read(tmp_path / "a_restored.png")
    np.testing.assert_array_equal(restored, _read(source) + 20)
    assert "Tiles of 16 x 16 pixels" in capsys.readouterr().err
    _run(source, *CHECKPOINT, "--tile", "16", "--overwrite")
    np.testing.assert_array_equal(_read(tmp_path / "a_restored.png"), restored)


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--tile", "15"], r'"tile" must be a positive multiple of 4, .* got 15'),
        (["--tile", "16", "--overlap", "9"], r'"overlap" must lie in 0 to 8, half'),
        (["--overlap", "9"], r"--overlap belongs to tiles. Add --tile 512"),
        (["--strength", "1.5"], r'"strength" must lie in 0 to 1; got 1.5'),
        (["--strength", "nan"], r'"strength" must lie in 0 to 1; got nan'),
        (["--shard", "1/2"], r"--shard is for folders; .*a.png is a file"),
    ],
)
def test_options_that_cannot_be(tmp_path, trained, words, match):
    source = _write(tmp_path / "a.png")
    with pytest.raises(ConfigError, match=match):
        _run(source, *CHECKPOINT, *words)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("words", "size", "match"),
    [
        ([], "9x7", r"--tile 512, or smaller ones\.$"),
        (["--tile", "8"], "8x8", r"Give a smaller --tile than 8\.$"),
        (["--tile", "16"], "9x7", r"Give a smaller --tile than 16\.$"),
    ],
)
def test_too_little_memory_of_the_device(
    tmp_path, trained, monkeypatch, words, size, match
):
    """Of a folder, the other images are restored."""
    for name, side in ("a.png", (9, 7)), ("b.png", (4, 4)):
        _write(tmp_path / "photos" / name, size=side)

    def module(real):
        def forward(config, dtype, **options):
            run = real(config, dtype, **options)
            return lambda params, image, *rest: (
                run(params, image, *rest) if image.shape[1] == 4 else _exhaust()
            )

        return forward

    for where in inference, tiles:
        monkeypatch.setattr(where, "_forward", module(where._forward))
    match = rf"1 written, 1 failed. \S+a.png: .* for {size} pixels at once. .*{match}"
    with pytest.raises(DataError, match=match):
        _run(tmp_path / "photos", *CHECKPOINT, *words)
    assert [p.name for p in (tmp_path / "photos_restored").iterdir()] == ["b.png"]


def test_too_little_memory_for_a_comparison(tmp_path, trained, monkeypatch):
    def side_by_side(panels):
        raise MemoryError

    monkeypatch.setattr(command, "side_by_side", side_by_side)
    with pytest.raises(DataError, match=r"a\.png: does not fit into memory\."):
        _run(_write(tmp_path / "a.png"), *CHECKPOINT, "--compare")


def _exhaust():
    raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory.")


def test_parts_of_a_tree(tmp_path, trained, capsys):
    names = [f"{folder}/{i}.png" for folder in "ab" for i in range(3)]
    for name in names:
        _write(tmp_path / "photos" / name)
    out = tmp_path / "out"
    for number, count in (1, 4), (2, 4), (3, 4), (4, 4):
        part = [*CHECKPOINT, "--out", out, "--shard", f"{number}/{count}"]
        _run(tmp_path / "photos", *part)
    assert "(part 3 of 4: 1 of 6 images)" in capsys.readouterr().out
    written = [str(path.relative_to(out)) for path in sorted(out.rglob("*.png"))]
    assert written == names


def test_a_part_without_images(tmp_path, monkeypatch, capsys):
    _write(tmp_path / "photos" / "a.png")
    monkeypatch.setattr(networks, "load_experiment", lambda path: pytest.fail("loaded"))
    _run(tmp_path / "photos", *CHECKPOINT, "--shard", "2/2")
    assert "(part 2 of 2: 0 of 1 images)" in capsys.readouterr().out


def test_a_part_by_the_number_of_the_process(tmp_path, trained, monkeypatch):
    for name in "a.png", "b.png":
        _write(tmp_path / "photos" / name)
    monkeypatch.setenv("SLURM_PROCID", "1")
    monkeypatch.setenv("SLURM_NTASKS", "2")
    _run(tmp_path / "photos", *CHECKPOINT, "--shard", "auto")
    out = tmp_path / "photos_restored"
    assert [path.name for path in out.iterdir()] == ["b.png"]


def test_comparisons(tmp_path, trained):
    source = _write(tmp_path / "a.png", "RGB", size=(250, 30))
    _run(source, *CHECKPOINT, "--compare")
    picture = _read(tmp_path / "a_restored.png.compare.png")
    assert picture.shape[1] > 2 * 250
    # The last row of both pictures, above the white border.
    below = max(y for y in range(len(picture)) if (picture[y] < 255).any())
    inside = picture[below][(picture[below] < 255).any(axis=1)]
    wanted = np.concatenate([_read(source)[-1], _read(tmp_path / "a_restored.png")[-1]])
    np.testing.assert_array_equal(inside, wanted)
    with pytest.raises(DataError, match=r"exists already, one of 2 such results"):
        _run(source, *CHECKPOINT, "--compare")
    (tmp_path / "a_restored.png").unlink()
    with pytest.raises(DataError, match=r"a_restored.png.compare.png: exists already"):
        _run(source, *CHECKPOINT, "--compare")


def test_16_bits_in_and_out(tmp_path, trained):
    pixels = np.random.default_rng(0).integers(0, 50000, (7, 9, 3), np.uint16)
    (tmp_path / "a.png").write_bytes(deep_png(pixels))
    _run(tmp_path / "a.png", *CHECKPOINT, "--out", tmp_path / "b.tif", "--compare")
    np.testing.assert_array_equal(
        tifffile.imread(tmp_path / "b.tif"), pixels + 20 * 257
    )
    assert (tmp_path / "b.tif.compare.png").exists()
    with pytest.raises(DataError, match=r"b.jpg: JPEG cannot hold uint16. Write a .p"):
        _run(tmp_path / "a.png", *CHECKPOINT, "--out", tmp_path / "b.jpg")


def test_floats_in_and_out(tmp_path, trained):
    pixels = np.random.default_rng(0).uniform(-0.3, 1.3, (7, 9)).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    _run(tmp_path / "a.tif", *CHECKPOINT)
    restored = tifffile.imread(tmp_path / "a_restored.tif")
    np.testing.assert_allclose(restored, pixels + 20 / 255, rtol=0, atol=1e-6)


def test_an_image_that_does_not_fit_into_memory(tmp_path, trained, monkeypatch):
    def restore_pixels(restore, pixels, **options):
        raise MemoryError

    source = _write(tmp_path / "a.png")
    monkeypatch.setattr(command, "restore_pixels", restore_pixels)
    with pytest.raises(DataError, match=r"a\.png: does not fit into memory\. Cut it"):
        _run(source, *CHECKPOINT)


def test_a_task(tmp_path, shipped, capsys):
    source = _write(tmp_path / "a.png")
    _run(source, "--task", "real")
    assert shipped == ["real"]
    np.testing.assert_array_equal(_read(tmp_path / "a_restored.png"), _read(source) + 4)
    assert "Chosen" not in capsys.readouterr().err


def test_the_network_is_chosen_by_the_image(tmp_path, shipped, capsys):
    root = tmp_path / "photos"
    for name, mode, step in (
        ("a.png", "L", 1),
        ("b.png", "RGB", 3),
        ("c.jpg", "RGB", 2),
        ("d.jpg", "L", 2),
        ("e.jpg", "RGB", 4),
        ("f.jpg", "L", 4),
    ):
        source = _write(root / name, mode, quality=30 if step == 2 else 75)
        _run(source, "--out", tmp_path / f"{name}.png")
        written = _read(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(written, _read(source) + step)
    loaded = ["gray25", "color_blind", "jpeg_blind", "jpeg_blind", "real", "real"]
    assert shipped == loaded
    capsys.readouterr()
    _run(root)
    said = capsys.readouterr().err.splitlines()
    chosen = [line for line in said if line.startswith("Chosen: ")]
    assert len(chosen) == 1
    assert (
        f"jpeg_blind (JPEG files of unknown low quality, 10 to 40) for {root}/c.jpg "
        f"and 1 more; real (photographs with the noise of a camera) for {root}/e.jpg"
    ) in said[0]
    assert chosen[0].endswith(". --task or --checkpoint choose another.")
    assert shipped[6:] == ["color_blind", "gray25", "jpeg_blind", "real"]


def test_a_network_that_is_not_there(tmp_path, monkeypatch):
    def load_pretrained(task):
        raise CheckpointError(f"no {task}")

    monkeypatch.setattr(networks, "load_pretrained", load_pretrained)
    _write(tmp_path / "photos" / "a.png")
    with pytest.raises(CheckpointError, match="no gray25"):
        _run(tmp_path / "photos")
    assert not (tmp_path / "photos_restored").exists()
