"""Benchmarks by name: which images, how they are degraded, and what is scored.

docs/protocols.md tells each in full, with its source. A figure without the name of its
protocol means little: one picture has as many scores as there are conventions.
"""

import dataclasses
import typing
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from danet_jax.checks import ConfigError
from danet_jax.config import DataConfig, EvaluationConfig, ExperimentConfig, realsr_test
from danet_jax.data.degrade import jpeg, noisy
from danet_jax.data.images import Gray, to_float
from danet_jax.data.luma import luma, luma_full
from danet_jax.data.patches import Sample
from danet_jax.data.sources import open_folder
from danet_jax.evaluation.dnd import check_dnd, export_dnd
from danet_jax.evaluation.metrics import PSNR, PSNR_B, SSIM, SSIM_VOLUME, Metric
from danet_jax.evaluation.sidd import check_sidd, export_sidd, open_validation_blocks
from danet_jax.restoration.inference import Restorer

_SCORED = {
    "all": "all channels",
    "y": "Y of YCbCr (16-235)",
    "y_full": "Y of YCbCr (0-255)",
}
_SUFFIX = {"all": "", "y": "_y", "y_full": "_y_full"}  # of a protocol's name
PLAIN = EvaluationConfig()  # seed 0, input neither clipped nor rounded, all channels
ON_LUMA = EvaluationConfig(channel="y")


class ImageSet(typing.Protocol):
    """Test images by index, as ``ImageFolder`` has them."""

    names: list[str]
    sizes: list[tuple[int, int]]
    paired: bool

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Sample: ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protocol:
    """One way to score: how images are degraded, and what of them is compared.

    With neither noise nor JPEG the images come in pairs. ``opens``, where it is set,
    takes the place of folders of image files.
    """

    name: str
    channels: int  # of the images and the network: 1 (gray) or 3 (RGB)
    sigma_255: float = 0.0  # Gaussian noise, in 8-bit steps
    jpeg_quality: int = 0  # 1 to 100
    gray: Gray = "rgb2gray"  # what colour files become where channels is 1
    evaluation: EvaluationConfig = PLAIN  # seed, clipping, rounding; scored channels
    clean: str = "**/*"  # pattern of the clean images
    degraded: str = ""  # pattern of their partners, of pairs that have a usual one
    metrics: tuple[Metric, ...] = (PSNR, SSIM)
    opens: Callable[[Path], ImageSet] | None = None
    advice: str = ""  # what to download, and how its folder looks

    @property
    def paired(self) -> bool:
        """Whether the degraded images come from files."""
        return not (self.sigma_255 or self.jpeg_quality)

    @property
    def rule(self) -> str:
        """What is done, in one line."""
        scored = _SCORED[self.evaluation.channel]
        others = "".join(f", {metric.heading}" for metric in self.metrics[2:])
        return (
            f"{self._source()}; restored clipped and rounded to 8 bits; "
            f"PSNR and SSIM (11x11 Gaussian, valid region){others} over {scored}"
        )

    def degrade(self, sample: Sample) -> np.ndarray:
        """Returns the degraded image, float32 [H, W, C], nominally in [0, 1]."""
        if sample.degraded is not None:
            return to_float(sample.degraded)
        if self.jpeg_quality:
            return to_float(jpeg(sample.clean, self.jpeg_quality))
        return noisy(sample.clean, self.evaluation, self.sigma_255)

    def scores(
        self, column: str, clean: np.ndarray, image: np.ndarray
    ) -> dict[str, float]:
        """Returns the metrics of an image [H, W, C] as {metric_column: score}."""
        if self.evaluation.channel != "all":
            of = luma if self.evaluation.channel == "y" else luma_full
            clean, image = of(clean), of(image)
        return {f"{m.name}_{column}": m.score(clean, image) for m in self.metrics}

    def _source(self) -> str:
        if self.jpeg_quality:
            luma_of = " or Y of colour (16-235)" if self.gray == "y" else ""
            kind = f"gray{luma_of}" if self.channels == 1 else "RGB, 4:2:0"
            return f"JPEG quality {self.jpeg_quality} by Pillow ({kind}, 8 bits)"
        if self.paired:
            return "pairs of images as they are"
        form = "float (not clipped, not rounded)"
        if self.evaluation.clip:
            form = "float (clipped, not rounded)"
        if self.evaluation.round:
            form = "clipped and rounded to 8 bits"
        seed = self.evaluation.noise_seed
        noise = f"AWGN sigma {self.sigma_255:g}, numpy seed {seed} a picture"
        return f"{noise}, input {form}"


@dataclasses.dataclass(frozen=True)
class Submission:
    """A benchmark whose ground truth only its server has: restored, not scored, here.

    ``export(restore, data, out, about)`` writes below ``out`` what the server takes,
    and returns it; ``check`` says what such a file or folder holds, if it is right.
    """

    name: str
    export: Callable[[Restorer, Path, Path, Mapping[str, str]], Path]
    check: Callable[[Path], str]
    channels: int = 3


def awgn(
    channels: int,
    sigma_255: float,
    evaluation: EvaluationConfig = PLAIN,
    gray: Gray = "rgb2gray",
) -> Protocol:
    """Gaussian noise on clean images."""
    changes = [
        ("_of_y", gray == "y"),
        (f"_seed{evaluation.noise_seed}", evaluation.noise_seed != 0),
        ("_rounded", evaluation.round),
        ("_clipped", evaluation.clip and not evaluation.round),
        (_SUFFIX[evaluation.channel], True),
    ]
    suffix = "".join(text for text, applies in changes if applies)
    return Protocol(
        name=f"awgn_{_KINDS[channels]}_{sigma_255:g}{suffix}",
        channels=channels,
        sigma_255=sigma_255,
        gray=gray,
        evaluation=evaluation,
    )


def jpeg_artifacts(
    quality: int,
    *,
    channels: int = 1,
    gray: Gray = "y",
    evaluation: EvaluationConfig = PLAIN,
) -> Protocol:
    """JPEG coding of clean images; the literature's is that of gray, or of Y."""
    kind = "" if channels == 1 else "rgb_"
    suffix = f"_{gray}" if channels == 1 and gray != "y" else ""
    suffix += _SUFFIX[evaluation.channel]
    return Protocol(
        name=f"jpeg_{kind}{quality}{suffix}",
        channels=channels,
        jpeg_quality=quality,
        gray=gray if channels == 1 else "rgb2gray",
        evaluation=dataclasses.replace(PLAIN, channel=evaluation.channel),
        metrics=(PSNR, SSIM, PSNR_B),
    )


def real_pairs(
    channels: int = 3,
    gray: Gray = "rgb2gray",
    evaluation: EvaluationConfig = PLAIN,
) -> Protocol:
    """Pairs of a degraded and a clean photograph."""
    kind = "" if channels == 3 else "_gray" if gray == "rgb2gray" else "_gray_of_y"
    suffix = _SUFFIX[evaluation.channel]
    return Protocol(
        name=f"real_pairs{kind}{suffix}",
        channels=channels,
        gray=gray,
        evaluation=dataclasses.replace(PLAIN, channel=evaluation.channel),
    )


def _realsr(scale: int) -> Protocol:
    test = realsr_test(scale)
    return Protocol(
        name=f"realsr_{scale}",
        channels=3,
        evaluation=ON_LUMA,
        clean=test.clean,
        degraded=test.degraded,
        advice=test.where,
    )


_KINDS = {1: "gray", 3: "rgb"}
_SIDD_VALIDATION = Protocol(
    name="sidd_validation",
    channels=3,
    metrics=(PSNR, SSIM, SSIM_VOLUME),
    opens=open_validation_blocks,
)
PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        *(awgn(channels, s) for channels in _KINDS for s in (15, 25, 50, 75)),
        *map(jpeg_artifacts, (10, 20, 30, 40)),
        _SIDD_VALIDATION,
        *map(_realsr, (2, 3, 4)),
        real_pairs(),
    )
}
SUBMISSIONS: dict[str, Submission] = {
    submission.name: submission
    for submission in (
        Submission("sidd_benchmark", export_sidd, check_sidd),
        Submission("dnd", export_dnd, check_dnd),
    )
}


def protocol_of(config: ExperimentConfig) -> Protocol:
    """The protocol that a run's own config describes, e.g. for its validation.

    One that agrees with a named one has its name; any other name tells the difference,
    such as "awgn_rgb_25_seed7_clipped".
    """
    data, channels, evaluation = config.data, config.model.channels, config.evaluation
    for protocol in PROTOCOLS.values():
        patterns = protocol.clean, protocol.degraded
        same = protocol.degraded and patterns == data.validation_patterns
        if same and protocol.evaluation == evaluation and not data.held_out:
            return protocol
    if data.degraded:
        return real_pairs(channels, data.gray, evaluation)
    if data.jpeg_quality:
        return jpeg_artifacts(
            data.jpeg_quality, channels=channels, gray=data.gray, evaluation=evaluation
        )
    return awgn(channels, data.sigma_255, evaluation, data.gray)


def open_images(
    protocol: Protocol,
    path: Path,
    *,
    clean: str = "",
    degraded: str = "",
    cache_gib: float = DataConfig().cache_gib,
) -> ImageSet:
    """Opens the test images of a folder as a protocol wants them.

    Args:
        protocol: decides on colour, and whether images come in pairs.
        path: the folder.
        clean: pattern of the clean images, in place of the protocol's.
        degraded: pattern of their partners, the same.
        cache_gib: GiB of decoded images to keep.
    Raises:
        ConfigError: patterns that the protocol needs, or has no use for.
        DataError: no folder, no images, broken ones, or pairs that do not fit.
    """
    if protocol.opens is not None:
        if clean or degraded:
            repair = "Leave --clean and --degraded out."
            raise ConfigError(f"eval: {protocol.name} reads .mat files. {repair}")
        return protocol.opens(path)
    if degraded and not protocol.paired:
        raise ConfigError(
            f"eval: {protocol.name} degrades clean images itself. Leave --degraded out."
        )
    degraded = degraded or protocol.degraded
    if protocol.paired and not (degraded and (clean or protocol.degraded)):
        raise ConfigError(
            f"eval: {protocol.name} needs the patterns of both files of a pair, e.g. "
            "--clean '*_mean.JPG' --degraded '*_real.JPG'."
        )
    return open_folder(
        path,
        protocol.channels,
        clean=clean or protocol.clean,
        degraded=degraded,
        cache_gib=cache_gib,
        gray=protocol.gray,
        advice=protocol.advice,
    )
