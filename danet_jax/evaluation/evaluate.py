"""A restorer on a set of images: degrade, restore, score."""

import dataclasses
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
from tqdm import tqdm

from danet_jax.checks import ConfigError, DataError
from danet_jax.data.images import to_float, to_uint8
from danet_jax.data.patches import Sample
from danet_jax.evaluation.baselines import Baseline
from danet_jax.evaluation.metrics import WINDOW
from danet_jax.evaluation.protocols import ImageSet, Protocol
from danet_jax.restoration.inference import Restorer


@dataclasses.dataclass(frozen=True)
class Row:
    """The scores of one image, of which a protocol takes some: PSNR in dB, and SSIM.

    Those of the restored image are None where nothing was restored.
    """

    image: str
    psnr_degraded: float
    ssim_degraded: float
    psnr_restored: float | None = None
    ssim_restored: float | None = None
    psnr_baseline: float | None = None
    ssim_baseline: float | None = None
    psnr_b_degraded: float | None = None
    psnr_b_restored: float | None = None
    ssim_volume_degraded: float | None = None
    ssim_volume_restored: float | None = None


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The scores of a set of images, and how they were obtained."""

    protocol: Protocol
    rows: tuple[Row, ...]
    baseline: str = ""  # name of the method of the baseline's columns
    images: str = ""  # name of the set
    method: str = ""  # name of the network; "": nothing was restored

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
    restore: Restorer | None,
    images: ImageSet,
    protocol: Protocol,
    *,
    baseline: Baseline | None = None,
    on_image: Callable[[Panels], None] | None = None,
) -> Evaluation:
    """Scores a restorer, and the degraded images themselves, on a set of images.

    Args:
        restore: degraded to restored images, float32 [1, H, W, C]; see make_restorer.
            Without one, the degraded images alone are scored.
        images: clean images, which are degraded, or pairs, which are taken as they are;
            of the protocol's channels.
        protocol: how images are degraded and what is scored.
        baseline: another method, for Gaussian noise, to score on the same images.
        on_image: called after each restored image with the pictures, e.g. to save them.
    Returns:
        One row for each image, in the order of the set.
    Raises:
        DataError: an image too small for SSIM or for the network, or too large for the
            device; it is named.
        ConfigError: single images under a protocol for pairs, or the reverse.
    """
    if images.paired != protocol.paired:
        wants, got = ("pairs", "single images")[:: 1 if protocol.paired else -1]
        raise ConfigError(f"evaluation: {protocol.name} is for {wants}; got {got}.")
    check_sizes(images)
    rows = []
    for index in tqdm(range(len(images)), "evaluating", leave=False, disable=None):
        sample = images[index]
        if restore is None:
            clean, degraded = to_float(sample.clean), protocol.degrade(sample)
            scores = protocol.scores("degraded", clean, degraded)
            rows.append(Row(sample.name, **scores))
            continue
        panels = _restore(restore, sample, protocol, baseline)
        rows.append(panels.row)
        if on_image is not None:
            on_image(panels)
    return Evaluation(protocol, tuple(rows), baseline.name if baseline else "")


def check_sizes(images: ImageSet, multiple: int = 1) -> None:
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


def _restore(
    restore: Restorer, sample: Sample, protocol: Protocol, baseline: Baseline | None
) -> Panels:
    clean, degraded = to_float(sample.clean), protocol.degrade(sample)
    try:
        restored = _as_saved(restore(degraded[None])[0])
    except DataError as error:
        raise DataError(f"{sample.name}: {error}") from error
    scores = protocol.scores("degraded", clean, degraded)
    scores |= protocol.scores("restored", clean, restored)
    other = None
    if baseline is not None:
        other = _as_saved(baseline.restore(degraded, protocol.sigma_255))
        scores |= protocol.scores("baseline", clean, other)
    return Panels(Row(sample.name, **scores), degraded, restored, clean, other)


def _as_saved(image: np.ndarray) -> np.ndarray:
    """What an 8-bit file would hold of an image."""
    return to_float(to_uint8(image))
