"""Image files of more than 8 bits a sample: nothing of them may be lost."""

import dataclasses

import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin

from danet_jax.checks import DataError
from danet_jax.restoration import deep_png, deep_tiff
from danet_jax.restoration.files import (
    Head,
    read_head,
    read_photograph,
    write_photograph,
)

EXTRASAMPLES = {1: None, 2: ["UNASSALPHA"], 3: None, 4: ["UNASSALPHA"]}


def _pixels(samples, dtype=np.uint16, size=(7, 9)):
    random = np.random.default_rng(samples)
    if dtype == np.uint16:
        return random.integers(0, 65536, (*size, samples), np.uint16)
    return random.uniform(-0.2, 1.2, (*size, samples)).astype(dtype)


def _write_tiff(path, pixels, **options):
    samples = pixels.shape[2]
    tifffile.imwrite(
        path,
        pixels if samples > 1 else pixels[..., 0],
        photometric="rgb" if samples > 2 else "minisblack",
        planarconfig="contig" if samples > 1 else None,
        extrasamples=EXTRASAMPLES[samples],
        metadata=None,
        **options,
    )


def _all_samples(photograph):
    parts = [photograph.pixels, photograph.alpha]
    return np.concatenate([part for part in parts if part is not None], axis=2)


@pytest.mark.parametrize("samples", [1, 2, 3, 4])
def test_16_bit_png(tmp_path, samples):
    pixels, path = _pixels(samples), tmp_path / "a.png"
    path.write_bytes(deep_png.deep_png(pixels))
    photograph = read_photograph(path)
    assert photograph.format == "PNG"
    assert photograph.pixels.dtype == np.uint16
    np.testing.assert_array_equal(_all_samples(photograph), pixels)
    write_photograph(tmp_path / "b.png", photograph)
    again = read_photograph(tmp_path / "b.png")
    np.testing.assert_array_equal(_all_samples(again), pixels)
    with Image.open(tmp_path / "b.png") as file:  # Pillow's upper 8 bits
        eight = np.asarray(file)
    if samples > 2:
        np.testing.assert_array_equal(eight, pixels >> 8)


@pytest.mark.parametrize("samples", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_deep_tiff(tmp_path, samples, dtype, byteorder):
    pixels, path = _pixels(samples, dtype), tmp_path / "a.tif"
    _write_tiff(path, pixels, byteorder=byteorder, iccprofile=b"a colour profile")
    photograph = read_photograph(path)
    assert (photograph.format, photograph.pixels.dtype) == ("TIFF", dtype)
    assert photograph.extras == {"icc_profile": b"a colour profile"}
    np.testing.assert_array_equal(_all_samples(photograph), pixels)
    write_photograph(tmp_path / "b.tif", photograph)
    again = read_photograph(tmp_path / "b.tif")
    assert (again.pixels.dtype, again.extras) == (dtype, photograph.extras)
    np.testing.assert_array_equal(_all_samples(again), pixels)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_become_32_bits(tmp_path, dtype):
    pixels = _pixels(3, dtype)
    _write_tiff(tmp_path / "a.tif", pixels)
    read = read_photograph(tmp_path / "a.tif").pixels
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, pixels.astype(np.float32))


def test_planes_and_compression(tmp_path):
    pixels = _pixels(3)
    planes = np.moveaxis(pixels, -1, 0)
    options = {"photometric": "rgb", "planarconfig": "separate", "metadata": None}
    tifffile.imwrite(tmp_path / "a.tif", planes, **options)
    _write_tiff(tmp_path / "b.tif", pixels, compression="zlib", predictor=2)
    for name in "a.tif", "b.tif":
        np.testing.assert_array_equal(read_photograph(tmp_path / name).pixels, pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(tmp_path, orientation):
    """As Pillow turns the 8-bit file."""
    small = np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(small).save(tmp_path / "8.png", exif=exif)
    wanted = read_photograph(tmp_path / "8.png").pixels
    deep = small.astype(np.uint16) * 257
    tag = (274, "H", 1, orientation, True)
    _write_tiff(tmp_path / "a.tif", deep, extratags=[tag])
    with Image.open(tmp_path / "8.png") as file:
        stored = file.info["exif"]
    (tmp_path / "a.png").write_bytes(deep_png.deep_png(deep, exif=stored))
    for suffix in ".tif", ".png":
        photograph = read_photograph(tmp_path / f"a{suffix}")
        np.testing.assert_array_equal(photograph.pixels, wanted * np.uint16(257))
        write_photograph(tmp_path / f"b{suffix}", photograph)
        again = read_photograph(tmp_path / f"b{suffix}")
        np.testing.assert_array_equal(again.pixels, photograph.pixels)


def test_png_keeps_profile_and_exif(tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    content = deep_png.deep_png(
        _pixels(3), exif=exif.tobytes(), icc_profile=b"a colour profile"
    )
    (tmp_path / "a.png").write_bytes(content)
    write_photograph(tmp_path / "b.png", read_photograph(tmp_path / "a.png"))
    with Image.open(tmp_path / "b.png") as file:
        assert file.size == (7, 9)
        assert file.info["icc_profile"] == b"a colour profile"
        assert file.getexif()[0x010F] == "a camera"
        assert file.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_exif_that_png_holds_as_text_is_kept(tmp_path, dtype):
    """As ImageMagick and ExifTool have written it, before PNG had a place for it."""
    exif, info = Image.Exif(), PngImagePlugin.PngInfo()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    lines = "", "exif", f"{len(exif.tobytes())}", exif.tobytes().hex()
    info.add_text("Raw profile type exif", "\n".join(lines))
    picture = Image.fromarray(np.zeros((7, 9), dtype))
    picture.save(tmp_path / "a.png", pnginfo=info)
    write_photograph(tmp_path / "b.png", read_photograph(tmp_path / "a.png"))
    with Image.open(tmp_path / "b.png") as file:
        assert file.size == (7, 9)
        assert dict(file.getexif()) == {0x010F: "a camera"}


@pytest.mark.parametrize("samples", [1, 2, 3, 4])
def test_heads(tmp_path, samples):
    (tmp_path / "a.png").write_bytes(deep_png.deep_png(_pixels(samples)))
    _write_tiff(tmp_path / "a.tif", _pixels(samples))
    assert read_head(tmp_path / "a.png") == Head("PNG", samples > 2)
    assert read_head(tmp_path / "a.tif") == Head("TIFF", samples > 2)


@pytest.mark.parametrize(
    ("dtype", "kind", "match"),
    [
        (np.uint16, "JPEG", r"b: JPEG cannot hold uint16. Write a .png or .tif file"),
        (np.float32, "PNG", r"b: PNG cannot hold float32. Write a .tif file"),
    ],
)
def test_depth_is_not_lost(tmp_path, dtype, kind, match):
    _write_tiff(tmp_path / "a.tif", _pixels(3, dtype))
    photograph = read_photograph(tmp_path / "a.tif")
    with pytest.raises(DataError, match=match):
        write_photograph(tmp_path / "b", dataclasses.replace(photograph, format=kind))
    assert not (tmp_path / "b").exists()


def _overwrite(path, tag, value):
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages[0].tags[tag].overwrite(value)


def _bad_tiff(path, kind):
    pixels = _pixels(3)
    if kind == "frames":
        tifffile.imwrite(path, pixels[..., 0], metadata=None)
        tifffile.imwrite(path, pixels[..., 0], metadata=None, append=True)
    elif kind == "int16":
        tifffile.imwrite(path, pixels.astype(np.int16), photometric="rgb")
    elif kind == "white is zero":
        tifffile.imwrite(path, pixels[..., 0], photometric="miniswhite")
    elif kind == "premultiplied":
        options = {"photometric": "rgb", "extrasamples": ["ASSOCALPHA"]}
        tifffile.imwrite(path, _pixels(4), **options)
    elif kind == "12 bits":
        _write_tiff(path, pixels)
        _overwrite(path, "BitsPerSample", (12, 12, 12))
    elif kind == "compressed":
        _write_tiff(path, pixels)
        _overwrite(path, "Compression", 5)
    else:
        values = {"large": 255.0, "NaN": np.nan}
        _write_tiff(path, np.full((7, 9, 3), values[kind], np.float32))


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        ("frames", r"must hold a single image; got 2 frames"),
        ("int16", r"must have samples of 8 or 16 bits, or floats; got int16. Convert"),
        ("12 bits", r"must have samples of 8 or 16 bits, or floats; got 12 bits. Conv"),
        ("white is zero", r"must be gray \(MINISBLACK\) or RGB.*1 samples of MINISW"),
        (
            "premultiplied",
            r"must be gray .* UNASSALPHA; got 4 samples of RGB and ASSOCALPHA",
        ),
        ("compressed", r"its compression, LZW, needs .* pip install imagecodecs"),
        ("large", r"must hold floats nominally in \[0, 1\]; got values from 255 to"),
        ("NaN", r"must hold floats nominally in \[0, 1\]; got values from nan to nan"),
    ],
)
def test_tiff_files_that_are_refused(tmp_path, kind, match):
    _bad_tiff(tmp_path / "a.tif", kind)
    with pytest.raises(DataError, match=f"a.tif: {match}"):
        read_photograph(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_damaged_files(tmp_path, suffix):
    path, pixels = tmp_path / f"a{suffix}", _pixels(3, size=(64, 64))
    content = {".png": deep_png.deep_png, ".tif": deep_tiff.deep_tiff}[suffix](pixels)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"truncated, unreadable or not an image"):
        read_photograph(path)


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_what_a_deep_tiff_says_of_its_photograph_is_kept(tmp_path, suffix):
    said = {271: b"Kamera \xc3\xb6", 306: b"2020:01:02 03:04:05", 33432: b"mine"}
    tags = [(tag, "s", 0, text, True) for tag, text in said.items()]
    pixels = np.zeros((7, 9, 3), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extratags=tags)
    photograph = read_photograph(tmp_path / "a.tif")
    kind = {".tif": "TIFF", ".png": "PNG"}[suffix]
    photograph = dataclasses.replace(photograph, format=kind)
    write_photograph(tmp_path / f"b{suffix}", photograph)
    if suffix == ".png":
        with Image.open(tmp_path / "b.png") as file:
            found = dict(file.getexif())
    else:
        with tifffile.TiffFile(tmp_path / "b.tif") as file:
            found = {tag: file.pages.first.tags.valueof(tag) for tag in said}
            assert file.pages.first.tags.valueof(270) is None  # the shape, as JSON
    assert found[306] == "2020:01:02 03:04:05"
    assert found[33432] == "mine"
    assert found[271].startswith("Kamera")


def test_deep_ppm_is_refused(tmp_path):
    """Pillow reads its colours as 8 bits without a word."""
    (tmp_path / "a.ppm").write_bytes(b"P6 2 1 65535\n" + bytes(12))
    with pytest.raises(DataError, match=r"a.ppm: must have 8 bits.*got 16 bits. Conv"):
        read_photograph(tmp_path / "a.ppm")
