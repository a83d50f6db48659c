"""PNG files of 16 bits as they are written: filters, blocks of rows, memory."""

import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danet_jax.checks import DataError
from danet_jax.restoration import deep_png
from danet_jax.restoration.files import read_photograph


def _pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 65536, shape, np.uint16)


def _unfiltered(rows, pixel):
    """Rows of PNG's bytes with any of its filters undone, as the specification says."""
    result = np.zeros((len(rows), rows.shape[1] - 1), int)
    for y, (kind, *row) in enumerate(rows.tolist()):
        for x, value in enumerate(row):
            left = result[y, x - pixel] if x >= pixel else 0
            above = result[y - 1, x] if y else 0
            corner = result[y - 1, x - pixel] if y and x >= pixel else 0
            guess = left + above - corner
            nearest = min((left, above, corner), key=lambda value: abs(guess - value))
            added = (0, left, above, (left + above) // 2, nearest)[kind]
            result[y, x] = (value + added) % 256
    return result


@pytest.mark.parametrize("samples", [1, 2, 3, 4])
def test_png_files_follow_the_specification(samples):
    pixels = _pixels(7, 9, samples)
    content = deep_png.deep_png(pixels)
    data = content[content.index(b"IDAT") + 4 : content.index(b"IEND") - 8]
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(7, -1)
    bytes_ = _unfiltered(rows, 2 * samples).astype(np.uint8)
    np.testing.assert_array_equal(bytes_.view(">u2").reshape(pixels.shape), pixels)


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 6), st.integers(0, 9))
def test_any_16_bit_png(tmp_path_factory, samples, height, width, seed):
    pixels = _pixels(height, width, samples, seed=seed)
    path = tmp_path_factory.mktemp("png") / "a.png"
    path.write_bytes(deep_png.deep_png(pixels))
    np.testing.assert_array_equal(deep_png.read_deep_png(path), pixels)


@pytest.mark.parametrize("block_bytes", [1, 60, 2**20])
def test_png_is_filtered_a_few_rows_at_a_time(tmp_path, monkeypatch, block_bytes):
    monkeypatch.setattr(deep_png, "_BLOCK_BYTES", block_bytes)
    pixels = np.cumsum(_pixels(17, 9, 3) % 300, axis=0).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(deep_png.deep_png(pixels))
    np.testing.assert_array_equal(read_photograph(tmp_path / "a.png").pixels, pixels)


def test_png_takes_little_memory(monkeypatch):
    monkeypatch.setattr(deep_png, "_BLOCK_BYTES", 2**14)
    pixels = _pixels(300, 400, 3)
    tracemalloc.start()
    try:
        deep_png.deep_png(pixels)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 8 * pixels.size  # 36 in one block


def test_a_transparent_colour_of_16_bits(tmp_path):
    content = deep_png.deep_png(_pixels(7, 9, 3))
    place = content.index(b"IDAT") - 4
    chunk = b"tRNS" + bytes(6)
    transparent = (6).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4)
    (tmp_path / "a.png").write_bytes(content[:place] + transparent + content[place:])
    with pytest.raises(DataError, match=r"must hold transparency as alpha; got a tr"):
        read_photograph(tmp_path / "a.png")
