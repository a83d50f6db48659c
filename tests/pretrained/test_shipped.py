"""The networks that come with the package do what they are for."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data

from danet_jax.config import EvaluationConfig
from danet_jax.data.degrade import jpeg, noisy
from danet_jax.data.images import to_float
from danet_jax.evaluation.metrics import psnr
from danet_jax.pretrained import TASKS, load_pretrained, read_card, shipped
from danet_jax.pretrained.__main__ import main
from danet_jax.restoration.inference import make_restorer

GRAY = skimage.data.camera()[128:256, 128:256, None]  # in no training set
COLOUR = skimage.data.chelsea()[100:228, 150:278]
PAGE = Path(__file__).parents[2] / "docs" / "models.md"


def test_all_are_there() -> None:
    assert shipped() == list(TASKS)
    for task in TASKS:
        for figure in read_card(task).figures:
            assert figure.psnr_restored > figure.psnr_degraded
            assert 0 < figure.ssim_degraded < figure.ssim_restored < 1


def test_their_page_is_that_of_their_cards(capsys) -> None:
    main()
    assert capsys.readouterr().out == PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("task", "clean", "degraded", "gain_db"),
    [
        ("gray25", GRAY, noisy(GRAY, EvaluationConfig(), 25.0), 7.0),
        ("color_blind", COLOUR, noisy(COLOUR, EvaluationConfig(), 15.0), 5.0),
        ("color_blind", COLOUR, noisy(COLOUR, EvaluationConfig(), 50.0), 10.0),
        ("jpeg_blind", GRAY, to_float(jpeg(GRAY, 10)), 0.5),
    ],
)
def test_they_restore(  # but "real": nothing noisy lies in any installation
    task: str, clean: np.ndarray, degraded: np.ndarray, gain_db: float
) -> None:
    restored = make_restorer(load_pretrained(task))(degraded[None])[0]
    before, after = psnr(to_float(clean), degraded), psnr(to_float(clean), restored)
    assert after > before + gain_db, (before, after)
