"""Reading and writing image files."""

import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageFile

from danet_jax.checks import ConfigError, DataError
from danet_jax.data.images import (
    find_images,
    make_folder,
    read_header,
    read_image,
    to_float,
    to_uint8,
    write_png,
)

RGB = np.random.RandomState(0).randint(0, 256, (6, 5, 3), dtype=np.uint8)


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def found(root: Path, pattern: str = "**/*") -> list[str]:
    return [path.relative_to(root).as_posix() for path in find_images(root, pattern)]


def test_links_that_lead_nowhere_are_not_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    (tmp_path / "b.png").symlink_to("gone.png")
    assert found(tmp_path) == ["a.png", "b.png"]
    with pytest.raises(DataError, match=r"b\.png: no such file"):
        read_header(tmp_path / "b.png")


def test_find_images_sorts_and_filters(tmp_path: Path) -> None:
    touch(tmp_path, "b.PNG", "a.jpg", "sub/c.TiFf", "notes.txt", ".hidden.png")
    touch(tmp_path, ".cache/d.png", "sub/._c.png")
    (tmp_path / "folder.png").mkdir()
    assert found(tmp_path) == ["a.jpg", "b.PNG", "sub/c.TiFf"]
    assert found(tmp_path, "*/*") == ["sub/c.TiFf"]
    assert found(tmp_path, "[ab].*") == ["a.jpg", "b.PNG"]


def test_find_images_names_what_is_wrong(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt", "a.png")
    with pytest.raises(DataError, match=r"nowhere: no such folder.*'\*\*/\*'"):
        find_images(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"a\.png: is not a folder"):
        find_images(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"no images.*match '\*_GT\*'.*\.png"):
        find_images(tmp_path, "*_GT*")


@pytest.mark.parametrize("pattern", ["", "/a/*.png", "../*.png", "**", "a**/b", "a/**"])
def test_find_images_refuses_patterns(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ConfigError, match="pattern"):
        find_images(tmp_path, pattern)


def test_images_of_any_number_of_pixels_are_read(tmp_path: Path) -> None:
    # Pillow alone refuses more than 179 million.
    Image.new("1", (60_000, 3000)).save(tmp_path / "a.png")
    assert read_header(tmp_path / "a.png") == (3000, 60_000, False)
    assert read_image(tmp_path / "a.png", 1).shape == (3000, 60_000, 1)


def test_an_image_that_does_not_fit_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(file: Image.Image) -> None:
        raise MemoryError

    write_png(tmp_path / "a.png", RGB)
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(DataError, match=r"a\.png: does not fit into memory\. Cut it"):
        read_image(tmp_path / "a.png", 3)


def test_read_image_keeps_lossless_pixels(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "rgb.png")
    Image.fromarray(RGB[..., 0]).save(tmp_path / "gray.bmp")
    np.testing.assert_array_equal(read_image(tmp_path / "rgb.png", 3), RGB)
    gray = read_image(tmp_path / "gray.bmp", 1)
    np.testing.assert_array_equal(gray, RGB[..., :1])
    repeated = np.repeat(RGB[..., :1], 3, axis=2)
    np.testing.assert_array_equal(read_image(tmp_path / "gray.bmp", 3), repeated)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}])
def test_rows_are_read_as_they_are_stored(
    tmp_path: Path, orientation: int, options: dict[str, str]
) -> None:
    """Also those of TIFF files, which Pillow would turn."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    for suffix in ".tif", ".png", ".webp":
        path = tmp_path / f"a{suffix}"
        kept = options if suffix == ".tif" else {"lossless": True}
        Image.fromarray(RGB).save(path, exif=exif, **kept)
        assert read_header(path) == (6, 5, True)
        np.testing.assert_array_equal(read_image(path, 3), RGB)


def test_read_image_turns_colour_to_gray_as_matlab(tmp_path: Path) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (200, 100, 50)]
    Image.fromarray(np.array([colours], np.uint8)).save(tmp_path / "a.png")
    # e.g. 0.298936 * 200 + 0.587043 * 100 + 0.114021 * 50 = 124.19
    expected = [76, 150, 29, 255, 124]
    assert read_image(tmp_path / "a.png", 1).ravel().tolist() == expected


def test_gray_stored_as_colour_is_unchanged(tmp_path: Path) -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    Image.fromarray(np.repeat(values, 3, axis=2)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", 1), values)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "1", "P", "CMYK"])
def test_read_image_converts_other_modes(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(RGB).convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image.save(path)
    gray = mode in ("LA", "1")
    expected = np.asarray(image.convert("L" if gray else "RGB"))
    if gray:
        expected = np.repeat(expected[..., None], 3, axis=2)
    np.testing.assert_array_equal(read_image(path, 3), expected)
    assert read_image(path, 1).shape == (6, 5, 1)


def test_palette_with_transparency_does_not_warn(tmp_path: Path) -> None:
    image = Image.fromarray(RGB).quantize(4)
    image.save(tmp_path / "a.png", transparency=bytes([0, 80, 160, 255]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = read_image(tmp_path / "a.png", 3)
    np.testing.assert_array_equal(pixels, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_read_image_refuses_deep_gray(tmp_path: Path, dtype: type) -> None:
    Image.fromarray(np.ones((4, 4), dtype)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"a\.tif: must have 8 bits a sample"):
        read_image(tmp_path / "a.tif", 1)


def test_read_image_refuses_deep_colour(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4, 3), np.uint16))
    with pytest.raises(DataError, match=r"8 bits a sample.*got 16 bits"):
        read_image(tmp_path / "a.tif", 3)


@pytest.mark.parametrize(("largest", "bits"), [(65535, 16), (1023, 10)])
@pytest.mark.parametrize("kind", ["P3", "P6"])
def test_deep_colour_is_refused_in_ppm(
    tmp_path: Path, kind: str, largest: int, bits: int
) -> None:
    """Pillow scales it to 8 bits."""
    head, samples = f"{kind} 2 1 {largest}\n".encode(), range(1, 7)
    binary = np.array(samples, ">u2").tobytes()
    body = binary if kind == "P6" else " ".join(map(str, samples)).encode()
    (tmp_path / "a.ppm").write_bytes(head + body)
    for read in read_header, lambda path: read_image(path, 3):
        with pytest.raises(DataError, match=rf"must have 8 bits.*got {bits} bits\."):
            read(tmp_path / "a.ppm")


def test_fewer_bits_become_8(tmp_path: Path) -> None:
    """By hand: 3 of 3, and the largest of 5, 6 and 5 bits, are 255."""
    (tmp_path / "a.ppm").write_bytes(b"P6 1 1 3\n\3\0\1")
    assert read_image(tmp_path / "a.ppm", 3).ravel().tolist() == [255, 0, 85]
    header = struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 16, 3, 4, 0, 0, 0, 0)
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    pixel = struct.pack("<HH", 0xF81F, 0)
    head = b"BM" + struct.pack("<IHHI", 70, 0, 0, 66)
    (tmp_path / "a.bmp").write_bytes(head + header + masks + pixel)
    assert read_image(tmp_path / "a.bmp", 3).ravel().tolist() == [255, 0, 255]


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_read_image_names_truncated_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(RGB.repeat(20, 0).repeat(20, 1)).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=rf"a{suffix}: truncated"):
        read_image(path, 3)


def test_read_image_names_other_files(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(DataError, match=r"a\.png: .*not an image"):
        read_image(tmp_path / "a.png", 3)
    with pytest.raises(DataError, match=r"b\.png: no such file"):
        read_image(tmp_path / "b.png", 3)
    with pytest.raises(ValueError, match=r"channels.*1 or 3; got 4"):
        read_image(tmp_path / "a.png", 4)


def test_write_png_rounds_and_clips(tmp_path: Path) -> None:
    values = np.array([[-0.5, 0.0, 0.5, 99.6 / 255, 99.4 / 255, 1.0, 1.5]])
    write_png(tmp_path / "a.png", values[..., None])
    pixels = read_image(tmp_path / "a.png", 1)
    assert pixels.ravel().tolist() == [0, 0, 128, 100, 99, 255, 255]
    write_png(tmp_path / "b.png", RGB)
    np.testing.assert_array_equal(read_image(tmp_path / "b.png", 3), RGB)


def test_write_png_names_the_file_it_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none/a\.png: cannot be written \(No such"):
        write_png(tmp_path / "none/a.png", RGB)


def test_make_folder(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/a: cannot be made \(Not a directory"):
        make_folder(tmp_path / "file" / "a")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_write_png_on_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to("/dev/full")
    with pytest.raises(DataError, match=r"a\.png: cannot be written \(No space"):
        write_png(tmp_path / "a.png", RGB)


def test_write_png_refuses_other_shapes(tmp_path: Path) -> None:
    for shape in (4, 4), (4, 4, 2), (0, 4, 3):
        with pytest.raises(ValueError, match="1 or 3"):
            write_png(tmp_path / "a.png", np.zeros(shape))
    assert not list(tmp_path.iterdir())


def test_eight_bits_survive_floats() -> None:
    values = np.arange(256, dtype=np.uint8)
    floats = to_float(values)
    assert floats.dtype == np.float32
    assert floats[[0, 255]].tolist() == [0.0, 1.0]
    np.testing.assert_array_equal(to_uint8(floats), values)


@settings(derandomize=True, max_examples=50)
@given(st.floats(-2, 3, width=32))
def test_to_uint8_errs_by_half_a_step_at_most(value: float) -> None:
    stored = float(to_uint8(np.array([value], np.float32))[0])
    assert abs(stored - 255 * min(max(value, 0), 1)) <= 0.5 + 1e-4


def test_conversions_refuse_what_they_cannot_mean() -> None:
    with pytest.raises(
        ValueError, match='"image" must hold numbers; got NaN in 1 of 2'
    ):
        to_uint8(np.array([0.5, np.nan]))
    with pytest.raises(TypeError, match="floating point array; got uint8"):
        to_uint8(RGB)
    with pytest.raises(TypeError, match="must be uint8; got float64"):
        to_float(np.zeros(3))


def test_colour_as_luma(tmp_path: Path) -> None:
    """By hand: black and white are 16 and 235; pure red 16 + 65.481."""
    pixels = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png", 1, "y").ravel().tolist() == [16, 235, 81]
    Image.fromarray(pixels[..., 0]).save(tmp_path / "gray.png")
    assert read_image(tmp_path / "gray.png", 1, "y").ravel().tolist() == [0, 255, 255]
