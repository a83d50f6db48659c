"""One experiment: the network, its data, its training and its evaluation.

The defaults are the paper's (Sec. 4.1): DANet on gray images with Gaussian noise of
sigma 25. A file in ``configs/`` states only what differs.
"""

import dataclasses
import math
import re
from typing import Literal

from danet_jax.checks import ConfigError, message
from danet_jax.config.fields import check_types
from danet_jax.config.model import DANetConfig

_SEEDS = 2**32  # NumPy refuses larger seeds; JAX would drop their upper bits


def _at_least(where: str, config: object, **least: float) -> None:
    for name, bound in least.items():
        value = getattr(config, name)
        if not value >= bound:
            raise ConfigError(message(where, name, f"be at least {bound}", value))


def _check_seed(where: str, name: str, seed: int) -> None:
    if not 0 <= seed < _SEEDS:
        raise ConfigError(message(where, name, f"lie in [0, {_SEEDS})", seed))


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where the images lie, how patches are cut from them, and how they are degraded.

    Exactly one degradation is set. ``degraded``: the images come in pairs, and what the
    wildcards of both patterns match must be equal, but for the suffix. ``sigma_255``:
    clean images get Gaussian noise. ``jpeg_quality``: they are coded as JPEG. With a
    range, each training patch gets a strength of its own, while validation keeps the
    single value.

    Prepared records (``danet prepare``) have patterns, interval and corners of their
    own; where they are larger than ``crop``, a random part of each is taken.
    """

    root: str = ""  # folder of images or prepared records; "" stands for $DANET_DATA
    clean: str = "**/*"  # pattern of the clean images below root
    degraded: str = ""  # pattern of their degraded partners; "": degrade the clean ones
    held_out: tuple[str, ...] = ()  # patterns of images for validation, not training
    validation_root: str = ""  # another folder of validation images
    validation_clean: str = ""  # pattern of clean images there; "": clean
    validation_degraded: str = ""  # of their degraded partners; "": degraded
    source: str = ""  # what to download and how it must lie, for those without data
    gray: Literal["rgb2gray", "y"] = "rgb2gray"  # what colour becomes in gray networks
    sigma_255: float = 25.0  # noise on clean images, 8-bit steps; 0: none
    sigma_range_255: tuple[float, ...] = ()  # (lowest, highest) in training, uniform
    clip: bool = False  # the noisy training input to [0, 1]
    round: bool = False  # the noisy training input to 8 bits, which clips it, too
    jpeg_quality: int = 0  # clean images as JPEG files of quality 1 to 100; 0: not so
    jpeg_quality_range: tuple[int, ...] = ()  # (lowest, highest) in training, uniform
    crop: int = 256  # pixels a side of a training patch
    interval: int = 130  # pixels between the corners of neighbouring patches
    jitter: bool = False  # move each patch by up to half an interval, anew each epoch
    flips: bool = True  # random horizontal and vertical flips
    cache_gib: float = 8.0  # decoded images kept in memory

    @property
    def validation_patterns(self) -> tuple[str, str]:
        """The patterns of clean images and their partners below validation_root."""
        return (
            self.validation_clean or self.clean,
            self.validation_degraded or self.degraded,
        )

    def __post_init__(self) -> None:
        check_types(self, "data")
        _at_least("data", self, crop=2, interval=1, sigma_255=0, cache_gib=0)
        _at_least("data", self, jpeg_quality=0)
        _check_degradation(self)
        _check_range("sigma_255", "sigma_range_255", self, 0, math.inf)
        _check_range("jpeg_quality", "jpeg_quality_range", self, 1, 100)
        if self.held_out and self.validation_root:
            raise ConfigError(
                "data: at most one of held_out and validation_root may be set; got "
                f"{self.held_out!r} and {self.validation_root!r}. Empty one, e.g. by "
                "--config.data.held_out= without a value."
            )


def _check_degradation(data: DataConfig) -> None:
    kinds = (bool(data.degraded), data.sigma_255 > 0, data.jpeg_quality > 0)
    if sum(kinds) != 1:
        raise ConfigError(
            "data: exactly one of degraded (pairs), sigma_255 (noise on clean images) "
            f"and jpeg_quality must be set; got degraded={data.degraded!r}, "
            f"sigma_255={data.sigma_255} and jpeg_quality={data.jpeg_quality}. Pairs "
            "and JPEG need data.sigma_255=0."
        )
    if (data.clip or data.round) and not data.sigma_255:
        name = "clip" if data.clip else "round"
        rule = "be False without noise (sigma_255)"
        raise ConfigError(message("data", name, rule, True))


def _check_range(
    single: str, name: str, data: DataConfig, lowest: float, highest: float
) -> None:
    """Checks a pair of bounds, and the single value that validation takes."""
    bounds, value = getattr(data, name), getattr(data, single)
    limits = f"{lowest} to {highest}" if highest < math.inf else f"{lowest} upwards"
    if value and not lowest <= value <= highest:
        raise ConfigError(message("data", single, f"be 0 or in {limits}", value))
    ordered = len(bounds) == 2 and lowest <= bounds[0] <= bounds[1] <= highest
    if bounds and not ordered:
        rule = f"be empty or (lowest, highest), in {limits}"
        raise ConfigError(message("data", name, rule, bounds))
    if bounds and not value:
        rule = f"be empty without data.{single}"
        repair = f"Set {single} to what validation shall use."
        raise ConfigError(message("data", name, rule, bounds, repair))


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Optimisation, precision and the rhythm of records (Sec. 4.1 of the paper)."""

    batch_size: int = 12  # patches a step, over all devices of all hosts
    accumulate: int = 1  # parts of a device's batch, one after the other, for memory
    epochs: int = 100  # passes over the patches
    steps: int = 0  # optimiser steps; 0: what the epochs amount to
    learning_rate: float = 1e-4  # at the first step
    final_learning_rate: float = 1e-6  # at the last step
    schedule: Literal["cosine", "exponential", "step"] = "cosine"  # step: halvings
    clip_norm: float = 0.0  # largest global norm of the gradient; 0: no clipping
    ema_decay: float = 0.0  # average of the parameters, evaluated instead; 0: none
    seed: int = 0  # of initialisation, patches and noise
    dtype: Literal["float32", "bfloat16"] = "float32"  # of features, not parameters
    remat: bool = False  # recompute each stage in the backward pass: memory for time
    scan: bool = False  # one compiled body for a stage's equal blocks
    log_every: int = 50  # steps between records in metrics.jsonl
    validate_every: int = 5000  # steps between validations; the last step has one
    save_every: int = 1000  # steps between checkpoints; the last step has one
    tensorboard: bool = False  # also write TensorBoard events (needs tensorboardX)
    profile: int = 0  # steps to trace with jax.profiler, from the third on

    def __post_init__(self) -> None:
        check_types(self, "train")
        _at_least("train", self, batch_size=1, epochs=1, steps=0, clip_norm=0)
        _at_least("train", self, accumulate=1, profile=0)
        _at_least("train", self, log_every=1, validate_every=1, save_every=1)
        _check_seed("train", "seed", self.seed)
        if not 0 < self.final_learning_rate <= self.learning_rate:
            raise ConfigError(
                "train: 0 < final_learning_rate <= learning_rate must hold; got "
                f"{self.final_learning_rate} and {self.learning_rate}."
            )
        if not 0 <= self.ema_decay < 1:
            got = self.ema_decay
            raise ConfigError(message("train", "ema_decay", "lie in [0, 1)", got))


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """How test images are degraded and scored.

    The literature's Gaussian noise: ``numpy.random.seed(0)`` before each picture, added
    to floats, neither clipped nor rounded. Restored images are scored as they would be
    saved: clipped and rounded to 8 bits.
    """

    noise_seed: int = 0  # set anew for each picture
    clip: bool = False  # the noisy input to [0, 1]
    round: bool = False  # the noisy input to 8 bits
    channel: Literal["all", "y", "y_full"] = "all"  # or Y of YCbCr: 16-235, 0-255

    def __post_init__(self) -> None:
        check_types(self, "evaluation")
        _check_seed("evaluation", "noise_seed", self.noise_seed)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentConfig:
    """All of one experiment; stored in its working directory and its checkpoints."""

    name: str = "danet"  # runs/NAME is the default working directory
    model: DANetConfig = DANetConfig()
    data: DataConfig = DataConfig()
    train: TrainConfig = TrainConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    distributed: Literal["off", "auto"] = "off"  # auto: join the hosts that JAX finds

    def __post_init__(self) -> None:
        check_types(self, "experiment")
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            rule = "name a folder: letters, digits, '_', '-' and '.'"
            raise ConfigError(message("experiment", "name", rule, repr(self.name)))
        if self.data.crop < self.model.multiple:
            rule = f"be at least {self.model.multiple} for {self.model.scales} scales"
            raise ConfigError(message("data", "crop", rule, self.data.crop))
        if self.data.gray == "y" and self.model.channels != 1:
            rule = 'be "rgb2gray" for networks in colour'
            raise ConfigError(message("data", "gray", rule, '"y"'))
        channel = self.evaluation.channel
        if channel != "all" and self.model.channels == 1:
            rule = 'be "all" for gray images'
            repair = "Y is computed from colours."
            got = f'"{channel}"'
            raise ConfigError(message("evaluation", "channel", rule, got, repair))
