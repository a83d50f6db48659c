"""A restorer on a folder of images: degrade, restore, score."""

import dataclasses
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
from tqdm import tqdm

from danet_jax.checks import DataError
from danet_jax.config import EvaluationConfig
from danet_jax.data.degrade import jpeg, noisy
from danet_jax.data.images import to_float, to_uint8
from danet_jax.data.patches import Sample
from danet_jax.data.sources import ImageFolder
from danet_jax.evaluation.baselines import Baseline
from danet_jax.evaluation.inference import Restorer
from danet_jax.evaluation.metrics import WINDOW, luma, psnr, ssim


@dataclasses.dataclass(frozen=True)
class Row:
    """The scores of one image: PSNR in dB, and SSIM."""

    image: str
    psnr_degraded: float
    ssim_degraded: float
    psnr_restored: float
    ssim_restored: float
    psnr_baseline: float | None = None
    ssim_baseline: float | None = None


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The scores of a set of images, and how they were obtained."""

    protocol: str
    rows: tuple[Row, ...]
    baseline: str = ""  # name of the method of the baseline's columns

    @property
    def mean(self) -> Row:
        """The means over the images, as a row named "mean"."""
        means: dict[str, Any] = {}
        for field in dataclasses.fields(Row)[1:]:
            scores = [getattr(row, field.name) for row in self.rows]
            means[field.name] = None if None in scores else statistics.fmean(scores)
        return Row("mean", **means)


@dataclasses.dataclass(frozen=True, eq=False)
class Panels:
    """The pictures behind one row, float32 [H, W, C]; all but the first as scored."""

    row: Row
    degraded: np.ndarray
    restored: np.ndarray
    clean: np.ndarray
    baseline: np.ndarray | None


def evaluate(
    restore: Restorer,
    images: ImageFolder,
    *,
    sigma_255: float,
    jpeg_quality: int = 0,
    evaluation: EvaluationConfig,
    baseline: Baseline | None = None,
    on_image: Callable[[Panels], None] | None = None,
) -> Evaluation:
    """Scores a restorer, and the degraded images themselves, on a set of images.

    Args:
        restore: degraded to restored images, float32 [1, H, W, C]; see make_restorer.
        images: clean images, which get noise, or pairs, which are taken as they are.
        sigma_255: standard deviation of that noise in 8-bit steps; unused for pairs.
        jpeg_quality: 1 to 100, to code clean images as JPEG instead; 0: not so.
        evaluation: how the noise is made and what is scored.
        baseline: another method to score on the same images.
        on_image: called after each image with the pictures, e.g. to save them.
    Returns:
        One row for each image, in the order of the folder.
    Raises:
        DataError: an image too small for SSIM or for the network; it is named.
    """
    check_sizes(images)
    rows = []
    for index in tqdm(range(len(images)), "evaluating", leave=False, disable=None):
        sample = images[index]
        if jpeg_quality:
            degraded = jpeg(sample.clean, jpeg_quality)
            sample = dataclasses.replace(sample, degraded=degraded)
        panels = _score(restore, sample, sigma_255, evaluation, baseline)
        rows.append(panels.row)
        if on_image is not None:
            on_image(panels)
    text = protocol(evaluation, sigma_255, jpeg_quality, paired=images.paired)
    return Evaluation(text, tuple(rows), baseline.name if baseline else "")


def check_sizes(images: ImageFolder, multiple: int = 1) -> None:
    """Checks that all images can be scored, before any time is spent on one.

    Args:
        images: the test or validation images.
        multiple: pixels a side that the network needs, its config's ``multiple``.
    Raises:
        DataError: images smaller than that, or than the window of SSIM.
    """
    least = max(WINDOW, multiple)
    small = [i for i, size in enumerate(images.sizes) if min(size) < least]
    if small:
        named = ((images.names[i], *images.sizes[i]) for i in small[:5])
        first = ", ".join(f"{name} with {w}x{h}" for name, h, w in named)
        raise DataError(
            f"evaluation: {len(small)} of {len(images)} images have fewer than the "
            f"{least} pixels a side that SSIM and the network need. First: {first} "
            "(width x height). Leave them out."
        )


def protocol(
    evaluation: EvaluationConfig,
    sigma_255: float,
    jpeg_quality: int = 0,
    *,
    paired: bool,
) -> str:
    """Says in one line how test images are degraded and scored."""
    if jpeg_quality:
        source = f"JPEG of quality {jpeg_quality} by Pillow"
    elif paired:
        source = "pairs of images as they are"
    else:
        form = "float (not clipped, not rounded)"
        if evaluation.clip:
            form = "float (clipped, not rounded)"
        if evaluation.round:
            form = "clipped and rounded to 8 bits"
        seed = evaluation.noise_seed
        source = f"AWGN sigma {sigma_255:g}, numpy seed {seed} a picture, input {form}"
    scored = "all channels" if evaluation.channel == "all" else "Y of YCbCr (16-235)"
    return (
        f"{source}; restored clipped and rounded to 8 bits; "
        f"PSNR and SSIM (11x11 Gaussian, valid region) over {scored}"
    )


def _score(
    restore: Restorer,
    sample: Sample,
    sigma_255: float,
    evaluation: EvaluationConfig,
    baseline: Baseline | None,
) -> Panels:
    clean = to_float(sample.clean)
    if sample.degraded is None:
        degraded = noisy(sample.clean, evaluation, sigma_255)
    else:
        degraded = to_float(sample.degraded)
    try:
        restored = _as_saved(restore(degraded[None])[0])
    except DataError as error:
        raise DataError(f"{sample.name}: {error}") from error
    scores = _metrics("degraded", clean, degraded, evaluation)
    scores |= _metrics("restored", clean, restored, evaluation)
    other = None
    if baseline is not None:
        other = _as_saved(baseline.restore(degraded, sigma_255))
        scores |= _metrics("baseline", clean, other, evaluation)
    return Panels(Row(sample.name, **scores), degraded, restored, clean, other)


def _as_saved(image: np.ndarray) -> np.ndarray:
    """What an 8-bit file would hold of an image."""
    return to_float(to_uint8(image))


def _metrics(
    name: str, clean: np.ndarray, image: np.ndarray, evaluation: EvaluationConfig
) -> dict[str, float]:
    if evaluation.channel == "y":
        clean, image = luma(clean), luma(image)
    return {f"psnr_{name}": psnr(clean, image), f"ssim_{name}": ssim(clean, image)}
