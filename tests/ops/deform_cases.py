"""What the tests of the deformable convolution share: cases, inputs, one way to run."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from danet_jax import deform_conv2d

Arrays = dict[str, np.ndarray]  # x, offsets, mask, kernel, bias; the two may lack
Run = Callable[[Any, Any], tuple[jax.Array, dict[str, jax.Array]]]

# Compiles in half the time; for tests that compile the same program many times.
QUICK = {"xla_backend_optimization_level": 0}
KINDS = ("normal", "whole", "halves", "zero", "far", "huge", "border")


@dataclasses.dataclass(frozen=True)
class Case:
    """The static arguments of one call."""

    image: tuple[int, int, int, int]  # N, H, W, C
    groups: int = 1
    outputs: int = 1
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)

    @property
    def out(self) -> tuple[int, int]:
        """Ho, Wo: in how many places the kernel fits into the padded image."""
        height, width = (
            len(range(0, size + 2 * p - d * (k - 1), s))
            for size, k, s, p, d in zip(
                self.image[1:3],
                self.kernel,
                self.stride,
                self.padding,
                self.dilation,
                strict=True,
            )
        )
        return height, width

    @property
    def options(self) -> dict[str, tuple[int, int]]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
        }

    @property
    def samples(self) -> tuple[int, ...]:
        """The shape of the mask, [N, Ho, Wo, G, K]."""
        taps = self.kernel[0] * self.kernel[1]
        return (self.image[0], *self.out, self.groups, taps)

    def grid(self) -> np.ndarray:
        """Undisplaced positions (y, x) of all samples, [1, Ho, Wo, 1, K, 2]."""
        oy, ox, ky, kx = np.indices((*self.out, *self.kernel))
        y = oy * self.stride[0] - self.padding[0] + ky * self.dilation[0]
        x = ox * self.stride[1] - self.padding[1] + kx * self.dilation[1]
        taps = self.kernel[0] * self.kernel[1]
        return np.stack([y, x], -1).reshape(1, *self.out, 1, taps, 2)

    def arrays(
        self, seed: int, kind: str = "normal", dtype: Any = np.float64
    ) -> Arrays:
        """Random inputs whose offsets are of one of KINDS."""
        random = np.random.RandomState(seed)
        arrays = {
            "x": random.standard_normal(self.image),
            "offsets": self._offsets(random, kind),
            "mask": random.standard_normal(self.samples),
            "kernel": random.standard_normal(
                (*self.kernel, self.image[3], self.outputs)
            ),
            "bias": random.standard_normal(self.outputs),
        }
        return {name: array.astype(dtype) for name, array in arrays.items()}

    def cotangent(self, seed: int, dtype: Any = np.float64) -> np.ndarray:
        shape = (self.image[0], *self.out, self.outputs)
        return np.random.RandomState(seed + 1).standard_normal(shape).astype(dtype)

    def _offsets(self, random: np.random.RandomState, kind: str) -> np.ndarray:
        normal = 2 * random.standard_normal((*self.samples, 2))
        if kind == "border":
            points = [random.choice(border(n), self.samples) for n in self.image[1:3]]
            return np.stack(points, -1) - self.grid()
        return {
            "normal": normal,
            "whole": np.round(normal),
            "halves": np.round(normal) + 0.5,
            "zero": 0 * normal,
            "far": 40 * normal,
            "huge": 1e12 * normal,
        }[kind]


def border(size: int) -> np.ndarray:
    """Coordinates at which some rule of an axis of ``size`` pixels begins or ends."""
    low = [-2, -1 - 1e-3, -1, -1 + 1e-3, -0.5, 0]
    high = [size - 1, size - 0.5, size - 1e-3, size, size + 1e-3, size + 1]
    return np.array(low + high)


# Odd sizes, one to eight channels a group, even kernels, an image of one pixel.
CASES = {
    "plain": Case((2, 5, 7, 4), 2, 3, padding=(1, 1)),
    "stride_2": Case((1, 6, 5, 6), 3, 2, stride=(2, 2), padding=(1, 1)),
    "uneven": Case((1, 7, 6, 8), 1, 3, (5, 3), (2, 1), (2, 0), (1, 2)),
    "1x1": Case((2, 4, 5, 3), 3, 2, (1, 1)),
    "2x2": Case((3, 2, 1, 4), 2, 1, (2, 2), (1, 3), (1, 1)),
    "one_pixel": Case((1, 1, 1, 4), 2, 2, padding=(1, 1)),
}


def call(arrays: Any, **options: Any) -> jax.Array:
    """``deform_conv2d`` of arrays by name."""
    return deform_conv2d(
        arrays["x"],
        arrays["offsets"],
        arrays.get("mask"),
        arrays["kernel"],
        arrays.get("bias"),
        **options,
    )


def gradients(**options: Any) -> Run:
    """The function (arrays, cotangent) -> (output, gradients by name), not jitted."""

    def run(arrays: Any, cotangent: Any) -> tuple[jax.Array, dict[str, jax.Array]]:
        output, pull = jax.vjp(lambda a: call(a, **options), arrays)
        return output, pull(cotangent)[0]

    return run


def pairs(
    actual: tuple[Any, dict[str, Any]], expected: tuple[Any, dict[str, Any]]
) -> Iterator[tuple[str, Any, Any]]:
    """(name, actual, expected) of the output and of every gradient."""
    assert set(actual[1]) == set(expected[1])
    yield "output", actual[0], expected[0]
    for name, value in expected[1].items():
        yield name, actual[1][name], value
