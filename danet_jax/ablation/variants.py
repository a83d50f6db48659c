"""What an ablation compares: networks (Table 8) or ways to distil (Fig. 15)."""

import dataclasses
from pathlib import Path
from typing import Any

from danet_jax.checks import ConfigError
from danet_jax.config import (
    DistillationConfig,
    ExperimentConfig,
    StudentConfig,
    override,
)

TEACHER = "teacher"


@dataclasses.dataclass(frozen=True)
class Variant:
    """One row of an ablation."""

    name: str  # of its working directory
    label: str  # of its row
    config: ExperimentConfig
    published: str = ""  # PSNR in dB / SSIM on Set12 at sigma 25, of the full network


# Table 8 from the first row to the last: label, what differs from DANet, the figures.
_ROWS: dict[str, tuple[str, dict[str, Any], str]] = {
    "unet": (
        "U-Net",
        {"block": "conv", "recurrent_offsets": False, "wavelet": False},
        "30.15 / 0.8556",
    ),
    "unet_deform": (
        "+ DeConv",
        {"block": "deform", "recurrent_offsets": False, "wavelet": False},
        "30.81 / 0.8690",
    ),
    "adeb": (
        "+ ADEB",
        {"recurrent_offsets": False, "wavelet": False},
        "30.91 / 0.8754",
    ),
    "adeb_arob": ("+ AROB", {"wavelet": False}, "30.96 / 0.8767"),
    "danet": ("+ WT: DANet", {}, "31.01 / 0.8772"),
}

# How a student may begin and learn: label, and what its config has.
_SCHEMES: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("student, without a teacher", {"transfer": False}),
    "transfer": ("student, the teacher's decoder", {}),
    "frozen": ("+ at rest for the first tenth", {"frozen_steps": 0}),  # see below
    "features": ("+ the teacher's features (as PISR)", {"feature_weight": 0.01}),
    "outputs": ("+ the teacher's output", {"output_weight": 1.0}),
}
USUAL_SCHEMES = (TEACHER, "plain", "transfer")  # the curves of Fig. 15


def variants_of(
    config: ExperimentConfig, folder: Path, names: tuple[str, ...] = ()
) -> list[Variant]:
    """The rows of an ablation, in their order.

    Args:
        config: of the full network, for Table 8; or a distillation, for Fig. 15.
        folder: holds the working directories of these rows.
        names: those wanted; by default all of Table 8, or the teacher and the students
            without and with its decoder.
    Raises:
        ConfigError: an unknown name, or a config whose network is ablated already.
    """
    if isinstance(config, DistillationConfig):
        found = _schemes(config, folder)
        usual: tuple[str, ...] = USUAL_SCHEMES
    else:
        found = _networks(config)
        usual = tuple(found)
    unknown = [name for name in names if name not in found]
    if unknown:
        raise ConfigError(
            f"ablation: there is no variant {unknown[0]} of {config.name}. Choose of "
            f"{', '.join(found)}."
        )
    return [v for name, v in found.items() if name in (names or usual)]


def _networks(config: ExperimentConfig) -> dict[str, Variant]:
    model = config.model
    if not (model.block == "adeb" and model.recurrent_offsets and model.wavelet):
        raise ConfigError(
            f"ablation: {config.name} must be the full network, of which parts are "
            'left out: block "adeb", recurrent_offsets and wavelet; got '
            f'"{model.block}", {model.recurrent_offsets} and {model.wavelet}.'
        )
    return {
        name: Variant(
            name,
            label,
            dataclasses.replace(
                config,
                name=f"{config.name}_{name}",
                model=dataclasses.replace(model, **changes),
            ),
            published,
        )
        for name, (label, changes, published) in _ROWS.items()
    }


def _schemes(config: DistillationConfig, folder: Path) -> dict[str, Variant]:
    """The teacher, which the students share, and these."""
    found: dict[str, Variant] = {}
    if config.stage_one is not None:
        found[TEACHER] = Variant(TEACHER, TEACHER, config.stage_one)
    source = config.student.init_decoder_from or str(folder / TEACHER)
    for name, (label, settings) in _SCHEMES.items():
        if name == "frozen":
            settings = {"frozen_steps": config.train.steps // 10 or 1000}
        if name != "plain":
            settings = settings | {"init_decoder_from": source}
        changes = {
            "name": f"{config.name}_{name}",
            "student": StudentConfig(**settings),
        }
        found[name] = Variant(name, label, override(config, changes))
    return found
