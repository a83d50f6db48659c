"""Modulated deformable convolution in plain PyTorch, for use without torchvision.

`deform_conv2d` has the arguments and the meaning of
`torchvision.ops.deform_conv2d`, gradients included, and leaves differentiation to
autograd. It is written to be read and compared with, not to be fast.
"""

import torch
from torch import Tensor

Pair = tuple[int, int]


def deform_conv2d(
    input: Tensor,
    offset: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    mask: Tensor | None = None,
) -> Tensor:
    """Convolve `input`, read at displaced positions and scaled, to [N, O, Ho, Wo].

    Convention:
        NCHW. Reading is bilinear and exactly zero outside the image. At a whole
        pixel the derivative by position is that of the cell [floor, floor + 1).

    Args:
        input: [N, C, H, W].
        offset: [N, 2*G*K, Ho, Wo] in the order (group, tap, (dy, dx)), in pixels;
            K = kh*kw taps, row-major. Channel c belongs to group c // (C / G).
        weight: [O, C, kh, kw].
        bias: [O] or None.
        stride, padding, dilation: one number or (vertical, horizontal).
        mask: [N, G*K, Ho, Wo] in the order (group, tap); None means ones.
    """
    n, channels, height, width = input.shape
    kernel, out = weight.shape[2:], offset.shape[2:]
    taps = kernel.numel()
    groups = offset.shape[1] // (2 * taps)
    offset = offset.reshape(n, groups, taps, 2, *out)
    rows, columns = _tap_positions(offset, kernel, stride, padding, dilation)
    images = input.reshape(n, groups, channels // groups, height, width)
    read = _bilinear(images, rows + offset[:, :, :, 0], columns + offset[:, :, :, 1])
    if mask is not None:
        read = read * mask.reshape(n, groups, 1, taps, *out)

    read = read.reshape(n, channels, taps, *out)
    output = torch.einsum("nckyx,ock->noyx", read, weight.flatten(2))
    return output if bias is None else output + bias[:, None, None]


def _pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else value


def _tap_positions(
    offset: Tensor,
    kernel: torch.Size,
    stride: int | Pair,
    padding: int | Pair,
    dilation: int | Pair,
) -> tuple[Tensor, Tensor]:
    """Undisplaced rows [K, Ho, 1] and columns [K, 1, Wo] that the taps read."""
    along_axis = []
    for axis in range(2):
        pixel = torch.arange(offset.shape[axis - 2]).to(offset) * _pair(stride)[axis]
        tap = torch.arange(kernel[axis]).to(offset) * _pair(dilation)[axis]
        along_axis.append(tap[:, None] + pixel - _pair(padding)[axis])
    rows = along_axis[0].repeat_interleave(kernel[1], dim=0)
    columns = along_axis[1].repeat(kernel[0], 1)
    return rows[:, :, None], columns[:, None, :]


def _bilinear(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Read images [N, G, c, H, W] at rows, columns [N, G, K, Ho, Wo].

    Returns [N, G, c, K, Ho, Wo].
    """
    n, groups, channels, height, width = images.shape
    flat = images.flatten(3)
    top, left = rows.floor(), columns.floor()
    down, right = rows - top, columns - left

    def corner(row: Tensor, column: Tensor) -> Tensor:
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        index = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
        index = index.long().reshape(n, groups, 1, -1).expand(-1, -1, channels, -1)
        values = flat.gather(3, index).reshape(n, groups, channels, *rows.shape[2:])
        return values * inside.unsqueeze(2)

    # floor has no gradient, so the position's gradient comes from the weights alone
    # and, at a whole pixel, from the cell that begins there.
    down, right = down.unsqueeze(2), right.unsqueeze(2)
    upper = (1 - right) * corner(top, left) + right * corner(top, left + 1)
    lower = (1 - right) * corner(top + 1, left) + right * corner(top + 1, left + 1)
    return (1 - down) * upper + down * lower
