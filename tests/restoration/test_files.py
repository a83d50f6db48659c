import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageFile

from danet_jax.checks import DataError
from danet_jax.restoration.files import (
    DiskError,
    Head,
    read_head,
    read_photograph,
    write_photograph,
)


def _pixels(channels, seed=0):
    return np.random.RandomState(seed).randint(0, 256, (7, 9, channels), np.uint8)


def _picture(mode):
    if mode == "P":
        return Image.fromarray(_pixels(3)).quantize(16)
    if mode == "1":
        return Image.fromarray(_pixels(1)[..., 0]).convert("1")
    channels = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (9, 7), _pixels(channels).tobytes())


@pytest.mark.parametrize(
    ("mode", "suffix", "expected"),
    [
        ("L", ".png", "L"),
        ("LA", ".png", "LA"),
        ("RGB", ".png", "RGB"),
        ("RGBA", ".png", "RGBA"),
        ("P", ".png", "RGB"),
        ("1", ".png", "L"),
        ("L", ".bmp", "L"),
        ("RGB", ".bmp", "RGB"),
        ("P", ".bmp", "RGB"),
        ("L", ".tif", "L"),
        ("LA", ".tif", "LA"),
        ("RGB", ".tif", "RGB"),
        ("RGBA", ".tif", "RGBA"),
        ("P", ".tif", "RGB"),
        ("CMYK", ".tif", "RGB"),
        ("L", ".pgm", "L"),
        ("RGB", ".ppm", "RGB"),
    ],
)
def test_pixels_survive_reading_and_writing(tmp_path, mode, suffix, expected):
    source, target = tmp_path / f"in{suffix}", tmp_path / "new" / f"out{suffix}"
    picture = _picture(mode)
    picture.save(source)
    write_photograph(target, read_photograph(source))
    with Image.open(source) as before, Image.open(target) as after:
        assert after.format == before.format
        assert after.mode == expected
        wanted = np.asarray(picture.convert(expected))
        np.testing.assert_array_equal(np.asarray(after), wanted)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp_is_written_without_loss(tmp_path, mode):
    picture = _picture(mode)
    picture.save(tmp_path / "a.webp", lossless=True, exact=True)
    photograph = read_photograph(tmp_path / "a.webp")
    write_photograph(tmp_path / "b.webp", photograph)
    with Image.open(tmp_path / "b.webp") as after:
        np.testing.assert_array_equal(np.asarray(after), np.asarray(picture))


@pytest.mark.parametrize(
    ("mode", "transparency", "colours"),
    [("P", 3, 3), ("P", bytes([0, 128, 255]), 3), ("L", 7, 1), ("RGB", (1, 2, 3), 3)],
)
def test_transparency_becomes_alpha(tmp_path, mode, transparency, colours):
    path = tmp_path / "a.png"
    _picture(mode).save(path, transparency=transparency)
    with Image.open(path) as file:
        wanted = np.asarray(file.convert("RGBA"))
    photograph = read_photograph(path)
    assert photograph.pixels.shape == (7, 9, colours)
    np.testing.assert_array_equal(photograph.alpha[..., 0], wanted[..., 3])
    np.testing.assert_array_equal(
        photograph.pixels.repeat(3 // colours, 2), wanted[..., :3]
    )


@pytest.mark.parametrize(("mode", "kept"), [("RGB", True), ("CMYK", False)])
def test_the_profile_of_inks_is_none_of_colours(tmp_path, mode, kept):
    for suffix in ".jpg", ".tif":
        path = tmp_path / f"{mode}{suffix}"
        _picture(mode).save(path, icc_profile=b"a profile")
        photograph = read_photograph(path)
        assert ("icc_profile" in photograph.extras) == kept
        write_photograph(tmp_path / f"b{suffix}", photograph)
        with Image.open(tmp_path / f"b{suffix}") as file:
            assert (file.mode, "icc_profile" in file.info) == ("RGB", kept)


def test_one_bit_transparency(tmp_path):
    path = tmp_path / "a.png"
    _picture("1").save(path, transparency=0)
    photograph = read_photograph(path)
    assert photograph.pixels.shape == (7, 9, 1)
    np.testing.assert_array_equal(photograph.alpha, photograph.pixels)


def test_jpeg_keeps_full_colour_resolution(tmp_path):
    path = tmp_path / "a.jpg"
    _picture("RGB").save(path)
    photograph = read_photograph(path)
    write_photograph(tmp_path / "b.jpg", photograph)
    with Image.open(tmp_path / "b.jpg") as file:
        assert file.format == "JPEG"
        assert [layer[1:3] for layer in file.layer] == [(1, 1)] * 3
        error = np.abs(np.asarray(file).astype(float) - photograph.pixels)
    assert error.mean() < 3


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_orientation_is_applied_and_the_rest_of_exif_kept(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: row 0 is the right-hand side
    exif[0x010F] = "a camera"
    path = tmp_path / f"a{suffix}"
    profile = b"a colour profile"
    picture = Image.new("RGB", (9, 7))
    picture.paste("white", (0, 0, 9, 3))  # the upper rows, to the right when upright
    options = {"lossless": True} if suffix == ".webp" else {"quality": 95}
    picture.save(path, exif=exif, icc_profile=profile, **options)
    photograph = read_photograph(path)
    assert photograph.pixels.shape == (9, 7, 3)
    wanted = np.rot90(np.asarray(picture), -1).astype(float)
    assert np.abs(photograph.pixels - wanted).max() < 80
    assert photograph.extras["icc_profile"] == profile
    write_photograph(tmp_path / f"b{suffix}", photograph)
    with Image.open(tmp_path / f"b{suffix}") as file:
        assert file.size == (7, 9)
        assert file.info["icc_profile"] == profile
        assert file.getexif().get(0x0112, 1) == 1
        assert file.getexif()[0x010F] == "a camera"


@pytest.mark.parametrize("suffix", [".tif", ".jpg", ".png"])
def test_what_a_tiff_says_of_its_photograph_is_kept(tmp_path, suffix):
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.DateTime] = "a camera", "2020:01:02"
    exif[ExifTags.Base.XResolution], exif[ExifTags.Base.Orientation] = 300, 6
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.ExposureTime: 0.25}
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    picture = _picture("RGB")
    picture.save(tmp_path / "a.tif", exif=exif.tobytes())
    photograph = read_photograph(tmp_path / "a.tif")
    kinds = {".tif": "TIFF", ".jpg": "JPEG", ".png": "PNG"}
    photograph = dataclasses.replace(photograph, format=kinds[suffix])
    write_photograph(tmp_path / f"b{suffix}", photograph)
    with Image.open(tmp_path / f"b{suffix}") as file:
        found = file.getexif()
        assert found[ExifTags.Base.Make] == "a camera"
        assert found[ExifTags.Base.DateTime] == "2020:01:02"
        assert found[ExifTags.Base.XResolution] == 300
        assert found.get(ExifTags.Base.Orientation, 1) == 1
        assert found.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] == 0.25
        assert found.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
        if suffix != ".jpg":
            wanted = np.rot90(np.asarray(picture), -1)
            np.testing.assert_array_equal(np.asarray(file), wanted)


def test_a_compressed_tiff_that_lies_on_its_side(tmp_path):
    exif, picture = Image.Exif(), _picture("RGB")
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Orientation] = "a camera", 6
    picture.save(tmp_path / "a.tif", exif=exif, compression="tiff_lzw")
    write_photograph(tmp_path / "b.tif", read_photograph(tmp_path / "a.tif"))
    with Image.open(tmp_path / "b.tif") as file:
        assert file.getexif()[ExifTags.Base.Make] == "a camera"
        assert ExifTags.Base.Orientation not in file.getexif()
        np.testing.assert_array_equal(np.asarray(file), np.rot90(picture, -1))


def test_other_depths_are_refused(tmp_path):
    path = tmp_path / "a.pgm"
    Image.fromarray(np.full((7, 9), 999, np.uint16)).save(path)
    with pytest.raises(
        DataError, match=r"a.pgm: must have 8 bits.*got (mode I|16 bits). Conv"
    ):
        read_photograph(path)


@pytest.mark.parametrize(
    ("mode", "colour"), [("L", False), ("LA", False), ("RGB", True), ("P", True)]
)
def test_heads(tmp_path, mode, colour):
    for name, kind in ("a.png", "PNG"), ("a.tif", "TIFF"):
        _picture(mode).save(tmp_path / name)
        assert read_head(tmp_path / name) == Head(kind, colour)
    if mode in ("L", "RGB"):
        for quality in 25, 50, 51, 90:
            _picture(mode).save(tmp_path / "a.jpg", quality=quality)
            assert read_head(tmp_path / "a.jpg") == Head("JPEG", colour, quality)


def test_heads_that_cannot_be_read(tmp_path):
    (tmp_path / "a.png").write_text("no image")
    assert read_head(tmp_path / "a.png") is None
    assert read_head(tmp_path / "b.png") is None


def test_several_frames_are_refused(tmp_path):
    path = tmp_path / "a.gif"
    frames = [Image.new("L", (9, 7), value) for value in (0, 99)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(
        DataError, match=r"a.gif: must hold a single image; got 2 frames"
    ):
        read_photograph(path)


def test_further_views_in_a_jpeg_are_no_frames(tmp_path):
    path = tmp_path / "a.jpg"
    views = [_picture("RGB"), Image.new("RGB", (4, 4))]
    views[0].save(path, "MPO", save_all=True, append_images=views[1:])
    photograph = read_photograph(path)
    assert photograph.format == "JPEG"
    assert photograph.pixels.shape == (7, 9, 3)


def test_unreadable_files(tmp_path):
    path = tmp_path / "a.png"
    with pytest.raises(DataError, match=r"a.png: no such file"):
        read_photograph(path)
    path.write_text("no image")
    with pytest.raises(
        DataError, match=r"a.png: truncated, unreadable or not an image"
    ):
        read_photograph(path)
    _picture("RGB").save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(
        DataError, match=r"a.png: truncated, unreadable or not an image"
    ):
        read_photograph(path)


def test_more_pixels_than_pillow_allows_by_itself(tmp_path):
    Image.new("1", (60_000, 3000)).save(tmp_path / "a.png")
    assert read_head(tmp_path / "a.png") == Head("PNG", colour=False)
    assert read_photograph(tmp_path / "a.png").pixels.shape == (3000, 60_000, 1)


def test_an_image_that_does_not_fit_into_memory(tmp_path, monkeypatch):
    def load(*arguments, **options):
        raise MemoryError

    _picture("L").save(tmp_path / "a.png")
    photograph = read_photograph(tmp_path / "a.png")
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    match = r"\.png: does not fit into memory\. Cut it"
    with pytest.raises(DataError, match=f"a{match}"):
        read_photograph(tmp_path / "a.png")
    monkeypatch.setattr(Image.Image, "save", load)
    with pytest.raises(DataError, match=f"b{match}"):
        write_photograph(tmp_path / "b.png", photograph)


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "PPM"])
def test_transparency_is_not_lost(tmp_path, kind):
    _picture("RGBA").save(tmp_path / "a.png")
    photograph = dataclasses.replace(read_photograph(tmp_path / "a.png"), format=kind)
    with pytest.raises(DataError, match=f"b: transparency .* lost in {kind}. Write a"):
        write_photograph(tmp_path / "b", photograph)
    assert not (tmp_path / "b").exists()


def test_gif_is_read_but_not_written(tmp_path):
    _picture("P").save(tmp_path / "a.gif")
    photograph = read_photograph(tmp_path / "a.gif")
    np.testing.assert_array_equal(photograph.pixels, _picture("P").convert("RGB"))
    with pytest.raises(DataError, match=r"b.gif: GIF holds too few colours. Write a"):
        write_photograph(tmp_path / "b.gif", photograph)


def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    _picture("RGB").save(tmp_path / "a.png")
    photograph = read_photograph(tmp_path / "a.png")

    def fill(path, data):
        with path.open("wb") as file:
            file.write(data[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(DiskError, match=r"b.png: cannot be written.*No space left"):
        write_photograph(tmp_path / "b.png", photograph)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
