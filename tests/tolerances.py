"""How far results may lie from the golden files: one table for all tests.

Differences are divided by the largest magnitude of the stored array. The numbers leave
room for other compilers and processors; golden/README.md has what was measured on one.
"""

import numpy as np

OUTPUT = 5e-6
INPUT_GRADIENT = 2e-5
PARAMETER_GRADIENT = 2e-4
SPATIAL_BIAS_GRADIENT = 1e-3  # spatial.conv.bias: the sum of terms that cancel
FIRST_ADAM_LOSS = 1e-5
ADAM_LOSS = 2e-4  # the first steps move by the sign of tiny gradients


def assert_near(actual: object, expected: np.ndarray, tolerance: float) -> None:
    """Fails if an array lies further from another than its largest value allows."""
    actual = np.asarray(actual)
    assert actual.shape == expected.shape
    largest = np.abs(expected).max()
    error = np.abs(actual - expected).max() / (largest or 1.0)
    assert error <= tolerance, f"relative error {error:.2g} exceeds {tolerance:g}"


def of_parameter(name: str) -> float:
    """The tolerance of a parameter's gradient, by its torch name."""
    scalar = name.endswith("spatial.conv.bias")
    return SPATIAL_BIAS_GRADIENT if scalar else PARAMETER_GRADIENT
