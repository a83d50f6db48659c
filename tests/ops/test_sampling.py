"""Where a deformable convolution reads: table rows and weights."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from danet_jax.ops.sampling import Geometry, corners, image_of, table_of, weights_of

GEOMETRY = Geometry((2, 3, 4, 6), (3, 4), (1, 1), (1, 1), (0, 0), (1, 1), 2)


def test_table_rows_by_hand() -> None:
    x = jnp.arange(2.0 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    table = table_of(x, GEOMETRY)
    assert table.shape == (2 * 7 * 8 * 2, 3)
    # Image 1, row 2, column 3, group 1, each two lines further in.
    row = ((1 * 7 + 2 + 2) * 8 + 3 + 2) * 2 + 1
    assert table[row].tolist() == x[1, 2, 3, 3:].tolist()
    assert float(table.sum()) == float(x.sum())
    np.testing.assert_array_equal(image_of(table, GEOMETRY), x)


def test_corners_by_hand() -> None:
    """The last position of image 0 and the first of image 1, both moved."""
    displacements = jnp.array([[[-0.75, 0.5], [0, 0]], [[1, 2.25], [-9, 9]]])
    mask = jnp.array([[1.0, 2.0], [4.0, 1.0]])
    locate = jax.jit(corners, static_argnums=2)
    at = locate(jnp.int32(11), displacements.reshape(2, 4), GEOMETRY)
    lines = [[0 * 7 + 1 + 2, 0 * 7 + 2 + 2], [1 * 7 + 1 + 2, 1 * 7 + 0]]
    columns = [[3 + 2, 3 + 2], [2 + 2, 4 + 2]]
    rows = [
        [(lines[p][g] * 8 + columns[p][g]) * 2 + g for g in range(2)] for p in range(2)
    ]
    assert at.row.tolist() == rows
    assert at.ly.tolist() == [[0.25, 0], [0, 0]]
    assert at.lx.tolist() == [[0.5, 0], [0.25, 0]]
    weights = np.stack(weights_of(at, mask), axis=-1)
    assert weights[0, 0].tolist() == [0.375, 0.375, 0.125, 0.125]
    assert weights[0, 1].tolist() == [2, 0, 0, 0]
    assert weights[1, 0].tolist() == [3, 1, 0, 0]


@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_no_offset_leads_out_of_the_table(stride: tuple[int, int]) -> None:
    geometry = GEOMETRY._replace(stride=stride)
    rows = table_of(jnp.zeros((2, 3, 4, 6)), geometry).shape[0]

    @jax.jit
    def first_and_last(displacement: jax.Array) -> tuple[jax.Array, jax.Array]:
        offsets = jnp.tile(displacement.reshape(1, 2), (24, 2))
        row = corners(jnp.int32(0), offsets, geometry).row
        return row.min(), row.max() + geometry.corner_steps[3]

    values = [0, -1e30, 1e30, np.inf, -np.inf, np.nan, -2.5, 3.5, 2.0**31, -(2.0**33)]
    for pair in itertools.product(values, repeat=2):
        first, last = first_and_last(jnp.array(pair, jnp.float32))
        assert 0 <= first <= last < rows
