"""The parts of DANet in PyTorch: wavelets, attention, offsets and blocks.

Tensors are NCHW. Torchvision's deformable convolution is used where it is installed.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

try:
    from torchvision.ops import deform_conv2d
except ImportError:
    from .torch_deform_conv import deform_conv2d

TAPS = 9


def dwt2(x: Tensor) -> Tensor:
    """Orthonormal Haar transform: [N, C, 2h, 2w] -> [N, 4C, h, w].

    The bands are stacked as all LL, all HL, all LH, all HH.
    """
    a, b, c, d = F.pixel_unshuffle(x, 2).unflatten(1, (-1, 4)).unbind(2)
    bands = (a + b + c + d, -a + b - c + d, -a - b + c + d, a - b - c + d)
    return torch.cat(bands, 1) / 2


def idwt2(x: Tensor) -> Tensor:
    """Inverse and transpose of `dwt2`: [N, 4C, h, w] -> [N, C, 2h, 2w]."""
    ll, hl, lh, hh = x.chunk(4, 1)
    pixels = (
        ll - hl - lh + hh,
        ll + hl - lh - hh,
        ll - hl + lh - hh,
        ll + hl + lh + hh,
    )
    return F.pixel_shuffle(torch.stack(pixels, 2).flatten(1, 2), 2) / 2


def conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    """3x3 convolution that keeps height and width."""
    return nn.Conv2d(inputs, outputs, 3, padding=1)


class DeformConv(nn.Conv2d):
    """Modulated deformable 3x3 convolution of `width` channels (Eq. 3)."""

    def __init__(self, width: int):
        super().__init__(width, width, 3, padding=1)

    def forward(self, x: Tensor, offset: Tensor, mask: Tensor) -> Tensor:
        """[N, C, H, W], [N, 2*G*K, H, W], [N, G*K, H, W] -> [N, C, H, W]."""
        return deform_conv2d(x, offset, self.weight, self.bias, padding=1, mask=mask)


class ChannelAttention(nn.Module):
    """Scales every channel by a gate computed from the channels' means."""

    def __init__(self, width: int):
        super().__init__()
        reduced = max(width // 16, 4)
        self.reduce = nn.Conv2d(width, reduced, 1)
        self.expand = nn.Conv2d(reduced, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H, W]."""
        gate = self.expand(F.relu(self.reduce(x.mean((2, 3), keepdim=True))))
        return x * torch.sigmoid(gate)


class SpatialAttention(nn.Module):
    """Scales every pixel by a gate computed from its largest and mean feature."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H, W]."""
        pooled = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.conv(pooled))


class DualAttention(nn.Module):
    """Both attentions on the same input, fused and added to it."""

    def __init__(self, width: int):
        super().__init__()
        self.channel = ChannelAttention(width)
        self.spatial = SpatialAttention()
        self.fuse = nn.Conv2d(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H, W]."""
        return x + self.fuse(torch.cat([self.channel(x), self.spatial(x)], 1))


class OffsetBranch(nn.Module):
    """Predicts a deformable convolution's offsets and mask from its input.

    Args:
        width: channels of the features.
        offset_width: channels of the offset feature.
        offset_groups: groups of channels that move together.
        recurrent: attend to the offset feature, as AROBs do.
        carried: merge it with the offset feature of the AROB before.
    """

    def __init__(
        self,
        width: int,
        offset_width: int,
        offset_groups: int,
        recurrent: bool,
        carried: bool,
    ):
        super().__init__()
        self.split = (2 * TAPS * offset_groups, TAPS * offset_groups)
        self.feature = conv3x3(width, offset_width)
        self.merge = conv3x3(2 * offset_width, offset_width) if carried else None
        self.attention = DualAttention(offset_width) if recurrent else None
        self.predict = conv3x3(offset_width, sum(self.split))

    def forward(
        self, x: Tensor, carried: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Features [N, C, H, W] -> offset, mask and offset feature [N, F, H, W]."""
        f = F.leaky_relu(self.feature(x), 0.2)
        if self.merge is not None:
            f = F.leaky_relu(self.merge(torch.cat([f, carried], 1)), 0.2)
        if self.attention is not None:
            f = self.attention(f)
        offset, logits = self.predict(f).split(self.split, 1)
        return offset, torch.sigmoid(logits), f


class Block(nn.Module):
    """One block of a stage: an ADEB, an AROB or an ablation's simpler block.

    Args:
        width: channels of the features.
        offset_width, offset_groups: see `OffsetBranch`.
        kind: "adeb", or "deform" for no attention, or "conv" for no offsets either.
        recurrent: an AROB instead of an ADEB.
        carried: the AROB receives the offset feature of the one before.
    """

    def __init__(
        self,
        width: int,
        offset_width: int,
        offset_groups: int,
        kind: str = "adeb",
        recurrent: bool = False,
        carried: bool = False,
    ):
        super().__init__()
        deforms = kind != "conv"
        branch = (width, offset_width, offset_groups, recurrent, carried)
        self.offset = OffsetBranch(*branch) if deforms else None
        self.deform = DeformConv(width) if deforms else conv3x3(width, width)
        self.conv1 = conv3x3(width, width)
        self.conv2 = conv3x3(width, width)
        self.attention = DualAttention(width) if kind == "adeb" else None

    def forward(
        self, x: Tensor, carried: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Features [N, C, H, W] -> features, offset feature [N, F, H, W] or None."""
        if self.offset is None:
            f = None
            y = self.deform(x)
        else:
            offset, mask, f = self.offset(x, carried)
            y = self.deform(x, offset, mask)
        y = self.conv2(F.relu(self.conv1(F.relu(y))))
        if self.attention is not None:
            y = self.attention(y)
        return x + y, f
