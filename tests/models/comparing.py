"""Results beside those of a golden file."""

import numpy as np

from tests import tolerances
from tests.golden_files import Golden
from tests.models.running import Results


def numbered(golden: Golden, prefix: str) -> list[np.ndarray]:
    """The arrays prefix/0, prefix/1, ..."""
    found = golden.below(prefix)
    return [found[str(i)] for i in range(len(found))]


def assert_golden(golden: Golden, results: Results) -> None:
    """Compares outputs and the gradients of all inputs and of every parameter."""
    for kind, actual, tolerance in (
        ("output", results.outputs, tolerances.OUTPUT),
        ("grad/input", results.inputs, tolerances.INPUT_GRADIENT),
    ):
        for ours, theirs in zip(actual, numbered(golden, kind), strict=True):
            assert ours.dtype == np.float32
            tolerances.assert_near(ours, theirs, tolerance)
    theirs = golden.below("grad")
    assert results.parameters.keys() == golden.below("state").keys()
    for name, gradient in results.parameters.items():
        tolerances.assert_near(gradient, theirs[name], tolerances.of_parameter(name))
