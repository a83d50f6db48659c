"""Where a deformable convolution reads: rows and weights of the four corner pixels.

An image is read from a *table*: it is padded by two zeros on every side and viewed as
rows of c = C / G channels, one row for each (pixel, offset group); NHWC memory already
lies like that. Two zeros are enough for positions clipped to [-2, size]: the pair of
lines (floor, floor + 1) around a position then holds exactly the pixels and the zeros
that bilinear interpolation and its derivative ask for, outside the image too, so that
neither direction needs validity masks.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

BORDER = 2


class Geometry(NamedTuple):
    """The static sizes of one deformable convolution (hashable, all Python ints)."""

    image: tuple[int, int, int, int]  # N, H, W, C
    output: tuple[int, int]  # Ho, Wo
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int  # offset groups G

    @property
    def taps(self) -> int:
        """K, the taps of the kernel."""
        return self.kernel[0] * self.kernel[1]

    @property
    def samples(self) -> int:
        """J = G K, the samples of one output position, ordered (group, tap)."""
        return self.groups * self.taps

    @property
    def width(self) -> int:
        """The channels of one table row, c = C / G."""
        return self.image[3] // self.groups

    @property
    def positions(self) -> int:
        """T = N Ho Wo, the output positions of the whole batch."""
        return self.image[0] * self.output[0] * self.output[1]

    @property
    def corner_steps(self) -> tuple[int, int, int, int]:
        """Table rows from the upper left corner to each of the four."""
        line = (self.image[2] + 2 * BORDER) * self.groups
        return (0, self.groups, line, line + self.groups)


class Corners(NamedTuple):
    """The samples of P output positions; all arrays are [P, J]."""

    row: jax.Array  # table row of the upper left corner; uint32: none is negative
    ly: jax.Array  # distance below the upper corners, pixels in [0, 1)
    lx: jax.Array  # distance right of the left corners


def table_of(x: jax.Array, geometry: Geometry) -> jax.Array:
    """The rows [N (H + 4) (W + 4) G, c] of an image [N, H, W, C]."""
    border = (BORDER, BORDER)
    padded = jnp.pad(x, ((0, 0), border, border, (0, 0)))
    return padded.reshape(-1, geometry.width)


def image_of(table: jax.Array, geometry: Geometry) -> jax.Array:
    """The transpose of ``table_of``: drops what was added to the border."""
    n, h, w, c = geometry.image
    padded = table.reshape(n, h + 2 * BORDER, w + 2 * BORDER, c)
    return padded[:, BORDER:-BORDER, BORDER:-BORDER]


def corners(first: jax.Array, offsets: jax.Array, geometry: Geometry) -> Corners:
    """Locates the samples of consecutive output positions.

    Args:
        first: number of the first output position, in row-major order over (n, y, x).
        offsets: [P, 2J] displacements in pixels, ordered (group, tap, (dy, dx)).
        geometry: sizes.
    Source: Dai et al. 2017, Eq. 2 to 4.
    """
    _, h, w, _ = geometry.image
    out_h, out_w = geometry.output
    count = offsets.shape[0]
    position = first + jnp.arange(count, dtype=jnp.int32)[:, None]
    tap = jnp.arange(geometry.samples, dtype=jnp.int32)[None] % geometry.taps
    number = position // (out_h * out_w)
    out_y, out_x = position // out_w % out_h, position % out_w
    grid_y = _grid(out_y, tap // geometry.kernel[1], geometry, axis=0)
    grid_x = _grid(out_x, tap % geometry.kernel[1], geometry, axis=1)
    displacement = offsets.reshape(count, geometry.samples, 2)
    top, ly = _cell(grid_y.astype(offsets.dtype) + displacement[..., 0], h)
    left, lx = _cell(grid_x.astype(offsets.dtype) + displacement[..., 1], w)
    line = number * (h + 2 * BORDER) + top
    row = (line * (w + 2 * BORDER) + left) * geometry.groups
    row = row + (jnp.arange(geometry.samples, dtype=jnp.int32)[None] // geometry.taps)
    return Corners(row.astype(jnp.uint32), ly, lx)


def weights_of(at: Corners, mask: jax.Array) -> tuple[jax.Array, ...]:
    """The weights [P, J] of the four corners, mask [P, J] included.

    Source: Dai et al. 2017, Eq. 3; Zhu et al. 2019, Eq. 1 (the modulation).
    """
    lower = mask * at.ly
    upper = mask - lower
    return upper - upper * at.lx, upper * at.lx, lower - lower * at.lx, lower * at.lx


def _grid(
    out: jax.Array, tap: jax.Array, geometry: Geometry, *, axis: int
) -> jax.Array:
    """Undisplaced coordinate p0 + pn along one axis."""
    start = out * geometry.stride[axis] - geometry.padding[axis]
    return start + tap * geometry.dilation[axis]


def _cell(coordinate: jax.Array, size: int) -> tuple[jax.Array, jax.Array]:
    """Table line before a coordinate, and the distance from that line.

    The pair is (floor, floor + 1), also at whole pixels: all offsets start there, and a
    floor paired with a ceil would have no derivative.
    """
    inside = jnp.clip(coordinate, -BORDER, size)
    line = jnp.floor(inside)
    # NaN stays in the distance, and so reaches the output, but never becomes an index.
    index = jnp.where(line >= -BORDER, line, -BORDER).astype(jnp.int32)
    return index + BORDER, inside - line
