"""The shape of the network, and the shapes that the paper names."""

import dataclasses
from typing import Literal

from danet_jax.checks import ConfigError, message
from danet_jax.config.fields import check_types


@dataclasses.dataclass(frozen=True, kw_only=True)
class DANetConfig:
    """Everything that decides which parameters a DANet has. Defaults: DANet, gray.

    Raises:
        ConfigError: (a ValueError) fields that contradict one another.
    Source: Huang et al. 2021, Fig. 2 and Table 7; docs/paper_map.md.
    """

    channels: int = 1  # of the image: 1 (gray) or 3 (RGB)
    widths: tuple[int, ...] = (64, 128, 160, 256)  # features by scale, finest first
    encoder_blocks: tuple[int, ...] = (5, 3, 2, 1)  # ADEBs by scale, closing AROB apart
    decoder_blocks: tuple[int, ...] = (5, 3, 2)  # the same; the coarsest has no decoder
    offset_width: int = 96  # features of the offset branches
    offset_groups: int = 8  # channel groups that move together
    block: Literal["adeb", "deform", "conv"] = "adeb"  # deform: in the decoder only
    recurrent_offsets: bool = True  # close each stage with an AROB; needs "adeb"
    wavelet: bool = True  # Haar transforms between scales, else 2x2 convolutions

    def __post_init__(self) -> None:
        self._check_values()
        check_types(self, "DANetConfig")
        self._check_combination()

    @property
    def scales(self) -> int:
        """Number of resolutions; each halves the one before."""
        return len(self.widths)

    @property
    def multiple(self) -> int:
        """Images are padded to multiples of this, and need at least as many pixels."""
        return 2 ** (self.scales - 1)

    def differences(self, other: "DANetConfig") -> str:
        """What keeps another network's decoder from fitting this one's, in words.

        The encoders may have any number of blocks.
        """
        return "; ".join(
            f"{field.name} {getattr(self, field.name)} and {getattr(other, field.name)}"
            for field in dataclasses.fields(DANetConfig)
            if field.name != "encoder_blocks"
            and getattr(self, field.name) != getattr(other, field.name)
        )

    def _check_values(self) -> None:
        def need(ok: bool, name: str, rule: str) -> None:
            if not ok:
                got = repr(getattr(self, name))
                raise ConfigError(message("DANetConfig", name, rule, got))

        need(self.channels in (1, 3), "channels", "be 1 or 3")
        for name in ("offset_width", "offset_groups"):
            need(_whole(getattr(self, name), 1), name, "be a positive whole number")
        for name, least in ("widths", 1), ("encoder_blocks", 0), ("decoder_blocks", 0):
            values = getattr(self, name)
            ok = isinstance(values, tuple | list)
            ok = ok and all(_whole(value, least) for value in values)
            need(ok, name, f"hold whole numbers of at least {least}")

    def _check_combination(self) -> None:
        counts = tuple(
            map(len, (self.widths, self.encoder_blocks, self.decoder_blocks))
        )
        if not counts[0] == counts[1] == counts[2] + 1 >= 2:
            raise ConfigError(
                "DANetConfig: widths and encoder_blocks must have one entry for each "
                "of at least 2 scales, and decoder_blocks one fewer; got "
                f"{counts[0]}, {counts[1]} and {counts[2]} entries."
            )
        uneven = [width for width in self.widths if width % self.offset_groups]
        if self.block != "conv" and uneven:
            rule = f"divide every width of {self.widths}"
            repair = f"It does not divide {', '.join(map(str, uneven))}."
            got = self.offset_groups
            raise ConfigError(
                message("DANetConfig", "offset_groups", rule, got, repair)
            )
        if self.recurrent_offsets and self.block != "adeb":
            rule = f'be False with block "{self.block}"'
            repair = 'Only "adeb" blocks carry offsets.'
            raise ConfigError(
                message("DANetConfig", "recurrent_offsets", rule, True, repair)
            )


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


_ABLATION = dataclasses.replace(DANetConfig(), recurrent_offsets=False, wavelet=False)

# Tables 7 and 8 of the paper; the last four are the rows of the ablation below DANet.
VARIANTS: dict[str, DANetConfig] = {
    "danet": DANetConfig(),
    "danet_s": DANetConfig(encoder_blocks=(2, 1, 1, 1), decoder_blocks=(2, 1, 1)),
    "teacher": DANetConfig(encoder_blocks=(10, 6, 4, 2), decoder_blocks=(2, 1, 1)),
    "unet": dataclasses.replace(_ABLATION, block="conv"),
    "unet_deform": dataclasses.replace(_ABLATION, block="deform"),
    "adeb": _ABLATION,
    "adeb_arob": dataclasses.replace(_ABLATION, recurrent_offsets=True),
}

# For two CPU cores and some minutes: an 85th of DANet's parameters. Not of the paper.
SMALL = DANetConfig(
    widths=(16, 32, 48),
    encoder_blocks=(0, 0, 1),
    decoder_blocks=(0, 0),
    offset_width=8,
    offset_groups=2,
)
