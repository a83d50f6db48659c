"""DANet in PyTorch: the tests' reference for outputs, gradients and speed.

Huang et al., "Learning Deformable and Attentive Network for image restoration",
Knowledge-Based Systems 231 (2021) 107384. Tensors are NCHW, images are in [0, 1].
The parameters' names are those of the weight files that the project reads. The parts
are in `torch_blocks`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from .torch_blocks import Block, conv3x3, dwt2, idwt2


@dataclass(frozen=True)
class DANetConfig:
    """Sizes of a network; sequences go from full resolution to the coarsest scale.

    `encoder_blocks` and `decoder_blocks` count the ADEBs of each scale without the
    AROB that closes every stage.
    """

    channels: int = 1
    widths: Sequence[int] = (64, 128, 160, 256)
    encoder_blocks: Sequence[int] = (5, 3, 2, 1)
    decoder_blocks: Sequence[int] = (5, 3, 2)
    offset_width: int = 96
    offset_groups: int = 8
    block: str = "adeb"  # or "deform", "conv"
    recurrent_offsets: bool = True
    wavelet: bool = True


class Stage(nn.Module):
    """The blocks of one scale; the last is the AROB where offsets recur."""

    def __init__(
        self, config: Any, width: int, count: int, *, kind: str, carried: bool
    ):
        super().__init__()
        sizes = (width, config.offset_width, config.offset_groups, kind)
        recurrent = config.recurrent_offsets
        closing = Block(*sizes, recurrent=recurrent, carried=recurrent and carried)
        self.blocks = nn.ModuleList([*(Block(*sizes) for _ in range(count)), closing])

    def forward(
        self, x: Tensor, carried: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Features [N, C, H, W] and the carried f -> features and the AROB's f."""
        *blocks, closing = self.blocks
        for block in blocks:
            x, _ = block(x)
        return closing(x, carried)


class Down(nn.Module):
    """Halves height and width."""

    def __init__(self, inputs: int, outputs: int, wavelet: bool):
        super().__init__()
        self.wavelet = wavelet
        if wavelet:
            self.conv = nn.Conv2d(4 * inputs, outputs, 1)
        else:
            self.conv = nn.Conv2d(inputs, outputs, 2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, 2h, 2w] -> [N, outputs, h, w]."""
        return self.conv(dwt2(x) if self.wavelet else x)


class Up(nn.Module):
    """Doubles height and width."""

    def __init__(self, inputs: int, outputs: int, wavelet: bool):
        super().__init__()
        self.wavelet = wavelet
        if wavelet:
            self.conv = nn.Conv2d(inputs, 4 * outputs, 1)
        else:
            self.conv = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, h, w] -> [N, outputs, 2h, 2w]."""
        return idwt2(self.conv(x)) if self.wavelet else self.conv(x)


class Encoder(nn.Module):
    """Scale i on the way down."""

    def __init__(self, config: Any, i: int):
        super().__init__()
        widths = config.widths
        kind = "conv" if config.block == "deform" else config.block
        self.down = Down(widths[i - 1], widths[i], config.wavelet) if i else None
        self.stage = Stage(
            config, widths[i], config.encoder_blocks[i], kind=kind, carried=i > 0
        )

    def forward(self, x: Tensor, f: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Features and f of the scale above -> those of this scale."""
        if self.down is not None:
            x = self.down(x)
        # Halved with the resolution, a displacement keeps its meaning.
        carried = None if f is None else F.avg_pool2d(f, 2) / 2
        return self.stage(x, carried)


class Decoder(nn.Module):
    """Scale i on the way up."""

    def __init__(self, config: Any, i: int):
        super().__init__()
        width = config.widths[i]
        self.up = Up(config.widths[i + 1], width, config.wavelet)
        self.fuse = nn.Conv2d(2 * width, width, 1)
        self.stage = Stage(
            config, width, config.decoder_blocks[i], kind=config.block, carried=True
        )

    def forward(
        self, x: Tensor, skip: Tensor, f: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Features and f of the scale below, features of the encoder -> the same."""
        x = self.fuse(torch.cat([self.up(x), skip], 1))
        if f is not None:
            f = 2 * F.interpolate(
                f, scale_factor=2, mode="bilinear", align_corners=False
            )
        return self.stage(x, f)


class DANet(nn.Module):
    """The network: `DANet(config)`, or `DANet(widths=..., ...)` by field.

    Args:
        config: a `DANetConfig` or any object with its attributes.
        fields: fields of a `DANetConfig`, where no config is given.
    """

    def __init__(self, config: Any = None, **fields: Any):
        super().__init__()
        if config is None:
            config = DANetConfig(**fields)
        scales = len(config.widths)
        self.recurrent_offsets = config.recurrent_offsets
        self.multiple = 2 ** (scales - 1)
        self.head = conv3x3(config.channels, config.widths[0])
        self.encoder = nn.ModuleList(Encoder(config, i) for i in range(scales))
        self.decoder = nn.ModuleList(Decoder(config, i) for i in range(scales - 1))
        self.tail = conv3x3(config.widths[0], config.channels)
        initialise(self)

    def forward(self, degraded: Tensor) -> Tensor:
        """Degraded images [N, channels, H, W] -> restored images of that shape."""
        height, width = degraded.shape[-2:]
        padding = (0, -width % self.multiple, 0, -height % self.multiple)
        image = F.pad(degraded, padding, mode="reflect")

        x, f, skips = self.head(image), None, []
        for encoder in self.encoder:
            x, f = encoder(x, f if self.recurrent_offsets else None)
            skips.append(x)
        for decoder, skip in zip(self.decoder[::-1], skips[-2::-1], strict=True):
            x, f = decoder(x, skip, f if self.recurrent_offsets else None)
        return (image + self.tail(x))[..., :height, :width]


@torch.no_grad()
def initialise(network: nn.Module) -> None:
    """Draw He-normal kernels such that the network returns its input exactly."""
    for name, module in network.named_modules():
        if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            continue
        fan_in = module.in_channels
        if isinstance(module, nn.Conv2d):  # an output of the other sees one tap
            fan_in *= module.kernel_size[0] * module.kernel_size[1]
        nn.init.normal_(module.weight, std=sqrt(2 / fan_in))
        nn.init.zeros_(module.bias)
        if name == "tail" or name.endswith("offset.predict"):
            nn.init.zeros_(module.weight)
        elif name.endswith("conv2"):
            module.weight.mul_(0.1)
