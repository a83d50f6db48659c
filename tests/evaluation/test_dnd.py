"""DND: from its published layout, in miniature, to what its server takes."""

import dataclasses

import numpy as np
import pytest

from danet_jax.checks import DataError
from danet_jax.data.images import to_float
from danet_jax.data.matlab import cell, read_mat, write_mat
from danet_jax.evaluation.dnd import DND, DndLayout, check_dnd, export_dnd
from tests import mat_files

BOXES = DndLayout(images=2, boxes=3, side=12)


def _half(x):
    return np.float32(0.5) * x


def test_the_layout_is_the_published_one():
    assert dataclasses.astuple(DND) == (50, 20, 512)


def _dnd(folder, version="7.3", boxes=None):
    """Two noisy images, of other sizes, with three boxes each."""
    images = [
        np.random.RandomState(i).rand(30 + i, 40, 3).astype(np.float32)
        for i in range(2)
    ]
    for i, image in enumerate(images):
        path = folder / "images_srgb" / f"{i + 1:04d}.mat"
        mat_files.write(path, version, InoisySRGB=image)
    corners = np.array([[1, 1], [5, 29], [19, 2]])
    usual = [np.hstack([corners, corners + 11]).astype(float)] * 2
    info = {
        "boundingboxes": cell(usual if boxes is None else boxes, (2,)),
        "camera": cell(["a", "b"], (2,)),
    }
    mat_files.write(folder / "info.mat", version, info=info)
    return images


@pytest.mark.parametrize("version", mat_files.VERSIONS)
def test_dnd_goes_out_and_comes_back(tmp_path, version):
    images = _dnd(tmp_path, version)
    folder = export_dnd(_half, tmp_path, tmp_path / "out", {}, BOXES)
    assert folder == tmp_path / "out" / "bundled"
    assert check_dnd(folder, BOXES) == "2 images of 3 boxes"
    assert sorted(path.name for path in folder.iterdir()) == ["0001.mat", "0002.mat"]
    names = "Idenoised", "israw", "eval_version"
    cells, raw, edition = read_mat(folder / "0002.mat", *names).values()
    assert (cells.shape, raw.item(), edition) == ((1, 3), 0, "1.0")
    # Boxes are counted from 1, and their ends belong to them.
    np.testing.assert_array_equal(cells[0, 1], 0.5 * images[1][4:16, 28:40])
    assert cells[0, 1].dtype == np.float32


def test_another_folder_than_that_of_dnd(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        DataError, match=r"holds no info\.mat\. Download .* info\.mat and"
    ):
        export_dnd(_half, tmp_path / "empty", tmp_path, {}, BOXES)
    _dnd(tmp_path / "dnd")
    for folder in tmp_path, tmp_path / "dnd" / "images_srgb":
        with pytest.raises(DataError, match=r"holds no info\.mat, .* Give .*/dnd\.$"):
            export_dnd(_half, folder, tmp_path, {}, BOXES)


def test_dnd_is_clipped_but_not_rounded(tmp_path):
    _dnd(tmp_path)
    folder = export_dnd(lambda x: 3 * x - 1, tmp_path, tmp_path, {}, BOXES)
    image = read_mat(folder / "0001.mat", "Idenoised")["Idenoised"][0, 0]
    assert (image.min(), image.max()) == (0, 1)
    assert len(np.unique(image)) > 50
    assert not np.array_equal(to_float(np.rint(image * 255).astype(np.uint8)), image)


@pytest.mark.parametrize("version", mat_files.VERSIONS)
def test_info_of_dnd_that_lacks_a_field(tmp_path, version):
    _dnd(tmp_path, version)
    lacking = {"camera": cell(["a", "b"], (2,))}
    mat_files.write(tmp_path / "info.mat", version, info=lacking)
    match = r"info\.mat: must hold info\.boundingboxes, 2 arrays; info holds camera"
    with pytest.raises(DataError, match=match):
        export_dnd(_half, tmp_path, tmp_path, {}, BOXES)


@pytest.mark.parametrize(
    ("boxes", "match"),
    [
        ([np.ones((3, 4))], r"info\.boundingboxes must be a cell of 2; got 1 of cell"),
        ([np.ones((2, 4))] * 2, r"info\(1\)\.boundingboxes must be 3x4 of numbers"),
        ([np.ones((3, 4))] * 2, r"0001\.mat: a box .* 12 pixels a side .*30x40"),
        (
            [np.array([[20, 1, 31, 12]] * 3)] * 2,
            r"within its 30x40 .*\[20, 1, 31, 12\]",
        ),
        ([np.array([[0, 1, 11, 12]] * 3)] * 2, r"\[0, 1, 11, 12\]"),
    ],
)
def test_boxes_of_dnd_that_do_not_fit(tmp_path, boxes, match):
    _dnd(tmp_path)
    info = {"boundingboxes": cell(boxes, (len(boxes),))}
    mat_files.write(tmp_path / "info.mat", "5", info=info)
    with pytest.raises(DataError, match=match):
        export_dnd(_half, tmp_path, tmp_path, {}, BOXES)


def test_images_of_dnd_that_do_not_fit(tmp_path):
    _dnd(tmp_path)
    path = tmp_path / "images_srgb" / "0001.mat"
    for image, match in (
        (np.zeros((30, 40), np.float32), "HxWx3 of single or double; got 30x40 of sin"),
        (np.zeros((30, 40, 3), np.uint8), "got 30x40x3 of uint8"),
        (np.full((30, 40, 3), np.nan), "InoisySRGB must be finite"),
    ):
        mat_files.write(path, "7.3", InoisySRGB=image)
        with pytest.raises(DataError, match=rf"0001\.mat: .*{match}"):
            export_dnd(_half, tmp_path, tmp_path, {}, BOXES)
    path.unlink()
    with pytest.raises(DataError, match=r"0001\.mat: no such file"):
        export_dnd(_half, tmp_path, tmp_path, {}, BOXES)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"israw": True}, "israw must be false"),
        ({"eval_version": "2.0"}, "eval_version must be the text \"1.0\"; got '2.0'"),
        ({"eval_version": 1.0}, "eval_version must be the text"),
        ({"Idenoised": cell([0.5] * 3, (3, 1))}, "Idenoised must be a cell of 1x3"),
        (
            {"Idenoised": cell([np.zeros((12, 11, 3))] * 3, (1, 3))},
            r"Idenoised\{1\} must be 12x12x3 of single or double; got 12x11x3",
        ),
    ],
)
def test_the_validator_of_dnd_refuses(tmp_path, changes, match):
    _dnd(tmp_path)
    folder = export_dnd(_half, tmp_path, tmp_path, {}, BOXES)
    path = folder / "0002.mat"
    found = read_mat(path, "Idenoised", "israw", "eval_version") | {"israw": False}
    write_mat(path, found | changes)
    with pytest.raises(DataError, match=rf"0002\.mat: {match}"):
        check_dnd(folder, BOXES)


def test_a_bundle_of_dnd_holds_its_files_and_no_other(tmp_path):
    _dnd(tmp_path)
    folder = export_dnd(_half, tmp_path, tmp_path, {}, BOXES)
    (folder / "0003.mat").touch()
    match = r"bundled: must hold 0001.mat to 0002.mat and .*; it holds also 0003.mat"
    with pytest.raises(DataError, match=match):
        check_dnd(folder, BOXES)
    (folder / "0003.mat").unlink()
    (folder / "0001.mat").unlink()
    with pytest.raises(DataError, match=r"it lacks 0001\.mat"):
        check_dnd(folder, BOXES)
