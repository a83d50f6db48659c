import sys

import numpy as np
import pytest

from danet_jax.checks import ConfigError, DataError
from danet_jax.data.matlab import cell, check_array, check_cell, read_mat, write_mat
from tests import mat_files

PICTURE = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


@pytest.mark.parametrize("version", mat_files.VERSIONS)
def test_both_versions_are_read_alike(tmp_path, version):
    boxes = [np.full((2, 4), float(i)) for i in range(3)]
    path = mat_files.write(
        tmp_path / "a.mat",
        version,
        picture=PICTURE,
        blocks=np.stack([PICTURE] * 6).reshape(2, 3, 4, 5, 3),
        cells=cell([PICTURE + i for i in range(6)], (2, 3)),
        text="1.0",
        flag=False,
        single=np.float32(0.5),
        info={"boundingboxes": cell(boxes, (3,)), "name": cell("abc", (3,))},
        about={"MethodName": "DANet", "Venue": "", "year": 2021.0},
    )
    names = "picture", "blocks", "cells", "text", "flag", "single", "info", "about"
    found = read_mat(path, *names)
    assert list(found) == list(names)
    np.testing.assert_array_equal(found["picture"], PICTURE)
    assert found["picture"].dtype == np.uint8
    assert found["blocks"].shape == (2, 3, 4, 5, 3)
    np.testing.assert_array_equal(found["blocks"][1, 2], PICTURE)
    assert found["cells"].shape == (2, 3)
    np.testing.assert_array_equal(found["cells"][1, 0], PICTURE + 3)
    assert found["text"] == "1.0"
    assert found["flag"].item() == 0
    assert (found["single"].dtype, found["single"].item()) == (np.float32, 0.5)
    assert found["info"]["name"].tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(found["info"]["boundingboxes"][2], boxes[2])
    assert [found["about"][name][0] for name in ("MethodName", "Venue")] == [
        "DANet",
        "",
    ]
    assert found["about"]["year"][0].item() == 2021


def test_what_is_written_comes_back(tmp_path):
    variables = {"a": cell([PICTURE], (1, 1)), "b": {"c": "d"}, "e": 1.5}
    write_mat(tmp_path / "a.mat", variables)
    found = read_mat(tmp_path / "a.mat", "a", "b", "e")
    np.testing.assert_array_equal(found["a"][0, 0], PICTURE)
    assert (found["b"]["c"][0], found["e"].item()) == ("d", 1.5)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mat"]


@pytest.mark.parametrize("version", mat_files.VERSIONS)
@pytest.mark.parametrize("keep", [0, 100, 0.6])
def test_corrupt_files(tmp_path, version, keep):
    random = np.random.RandomState(0).randint(0, 256, (64, 64), np.uint8)
    path = mat_files.write(tmp_path / "a.mat", version, a=random)
    data = path.read_bytes()
    path.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    with pytest.raises(
        DataError, match=r"a\.mat: must (be a .mat file; it is corrupt|h)"
    ):
        read_mat(path, "a")


def test_other_files(tmp_path):
    with pytest.raises(DataError, match=r"a\.mat: no such file"):
        read_mat(tmp_path / "a.mat", "a")
    (tmp_path / "a.mat").write_text("no MATLAB")
    with pytest.raises(DataError, match=r"a\.mat: must be a \.mat file"):
        read_mat(tmp_path / "a.mat", "a")
    with pytest.raises(DataError, match=r"none/a\.mat: cannot be written"):
        write_mat(tmp_path / "none" / "a.mat", {"a": 1})


@pytest.mark.parametrize("version", mat_files.VERSIONS)
def test_a_missing_variable(tmp_path, version):
    path = mat_files.write(tmp_path / "a.mat", version, a=PICTURE)
    with pytest.raises(DataError, match=r'a\.mat: must hold the variable "b"'):
        read_mat(path, "a", "b")


def test_without_h5py(tmp_path, monkeypatch):
    path = mat_files.write(tmp_path / "a.mat", "7.3", a=PICTURE)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(
        ConfigError, match=r"version 7.3, which h5py reads: pip install"
    ):
        read_mat(path, "a")


def test_checks_say_what_came(tmp_path):
    path, one = tmp_path / "a.mat", cell([PICTURE], (1, 1))
    check_cell(path, "a", one, (1, 1))
    check_array(path, "a", PICTURE, ("H", 5, 3), "single", "uint8")
    match = r"a\.mat: b must be a cell of 2x3; got 1x1 of cell"
    with pytest.raises(DataError, match=match):
        check_cell(path, "b", one, (2, 3))
    match = r"b must be a cell of 1x1; got 4x5x3 of uint8"
    with pytest.raises(DataError, match=match):
        check_cell(path, "b", PICTURE, (1, 1))
    match = r"b must be HxWx3 of single or double; got 4x5x3 of uint8"
    with pytest.raises(DataError, match=match):
        check_array(path, "b", PICTURE, ("H", "W", 3), "single", "double")
    match = r"b must be HxWx1 of uint8; got char"
    with pytest.raises(DataError, match=match):
        check_array(path, "b", "text", ("H", "W", 1), "uint8")
