"""What an ablation compares: networks (Table 8) or ways to distil (Fig. 15)."""

import dataclasses
from typing import Any

from danet_jax.checks import ConfigError
from danet_jax.config import (
    DistillationConfig,
    ExperimentConfig,
    StudentConfig,
    override,
)
from danet_jax.evaluation.protocols import protocol_of
from danet_jax.training.distillation import TEACHER


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

USUAL_SCHEMES = (TEACHER, "plain", "transfer")  # the curves of Fig. 15


def variants_of(config: ExperimentConfig, names: tuple[str, ...] = ()) -> list[Variant]:
    """The rows of an ablation, in their order.

    Args:
        config: of the full network, for Table 8; or a distillation, for Fig. 15.
        names: those wanted; by default all of Table 8, or the teacher and the students
            without and with its decoder.
    Raises:
        ConfigError: an unknown name, or a config whose network is ablated already.
    """
    found, usual = all_variants(config), USUAL_SCHEMES
    unknown = [name for name in names if name not in found]
    if unknown:
        raise ConfigError(
            f"ablation: there is no variant {unknown[0]} of {config.name}. Choose of "
            f"{', '.join(found)}."
        )
    if not names and isinstance(config, DistillationConfig):
        return [found[name] for name in usual if name in found]
    return [variant for name, variant in found.items() if name in (names or found)]


def all_variants(config: ExperimentConfig) -> dict[str, Variant]:
    """All rows that there may be, by name."""
    if isinstance(config, DistillationConfig):
        return _schemes(config)
    return _networks(config)


def _networks(config: ExperimentConfig) -> dict[str, Variant]:
    model = config.model
    if not (model.block == "adeb" and model.recurrent_offsets and model.wavelet):
        raise ConfigError(
            f"ablation: {config.name} must be the full network, of which parts are "
            'left out: block "adeb", recurrent_offsets and wavelet; got '
            f'"{model.block}", {model.recurrent_offsets} and {model.wavelet}.'
        )
    comparable = protocol_of(config).name == "awgn_gray_25"
    return {
        name: Variant(
            name,
            label,
            dataclasses.replace(
                config,
                name=f"{config.name}_{name}",
                model=dataclasses.replace(model, **changes),
            ),
            published if comparable else "",
        )
        for name, (label, changes, published) in _ROWS.items()
    }


def _schemes(config: DistillationConfig) -> dict[str, Variant]:
    """The teacher, which the students share, and these.

    A weight or a time of rest that the config itself has is that of its row.
    """
    own = config.student
    steps = config.train.steps
    rest = own.frozen_steps or (steps // 10 if steps else 1000)
    weight, other = own.feature_weight or 0.01, own.output_weight or 1.0
    # How a student may begin and learn: label, and what its config has.
    schemes: dict[str, tuple[str, dict[str, Any]]] = {
        "transfer": ("student, the teacher's decoder", {}),
        "frozen": (f"+ at rest for {rest} steps", {"frozen_steps": rest}),
        "features": (
            f"+ {weight:g} x distance of features (as PISR)",
            {"feature_weight": weight},
        ),
        "outputs": (f"+ {other:g} x distance of outputs", {"output_weight": other}),
    }
    plain = override(config, {"student": StudentConfig(transfer=False)})
    found = {"plain": Variant("plain", "student, without a teacher", plain)}
    for name, (label, settings) in schemes.items():
        student = StudentConfig(init_decoder_from=own.init_decoder_from, **settings)
        one = override(config, {"student": student})
        found[name] = Variant(name, label, one)
        if one.stage_one is not None:
            found[TEACHER] = Variant(TEACHER, TEACHER, one.stage_one)
    return {name: found[name] for name in (TEACHER, *found) if name in found}
