"""The photographs that every installation has."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data

from danet_jax.data.images import read_image
from danet_jax.data.photographs import TEST, TRAINING, main, write_photographs


def test_training_and_test_share_nothing() -> None:
    """The views of a stereo pair, scene_left and scene_right, count as one."""
    training, test = (
        {name.split(".")[0].split("_")[0] for name in names}
        for names in (TRAINING, TEST)
    )
    assert not training & test
    assert len(test) == len(TEST)


def test_write_photographs(tmp_path: Path) -> None:
    write_photographs(tmp_path)
    written = {path.name: path for path in tmp_path.glob("*/*")}
    assert len(written) == len(TRAINING) + len(TEST)
    astronaut = read_image(tmp_path / "train/astronaut.png", 3)
    np.testing.assert_array_equal(astronaut, skimage.data.astronaut())
    camera = read_image(tmp_path / "test/camera.png", 1)
    centre = skimage.data.camera()[128:384, 128:384]
    np.testing.assert_array_equal(camera[..., 0], centre)
    assert all(
        max(read_image(path, 1).shape) <= 256 for path in tmp_path.glob("test/*")
    )

    noise = read_image(tmp_path / "noisy.png", 1).astype(float) - camera
    assert noise.std() == pytest.approx(24, abs=2)  # 25, but for what was clipped

    times = {path: path.stat().st_mtime_ns for path in written.values()}
    broken = tmp_path / "test/camera.png"
    broken.write_bytes(broken.read_bytes()[:1000])
    write_photographs(tmp_path)
    again = {path for path, time in times.items() if path.stat().st_mtime_ns != time}
    assert again == {broken}
    np.testing.assert_array_equal(read_image(broken, 1), camera)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main([str(tmp_path / "file")]) == 2
    out, error = capsys.readouterr()
    assert not out
    assert error.count("\n") == 1
    assert "file/train: cannot be made" in error
