"""Reading the golden files, whose arrays keep torch's layouts; see golden/README.md."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "golden"


@dataclasses.dataclass(frozen=True)
class Golden:
    """One file: what it says of itself, and its arrays by name."""

    name: str
    meta: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def below(self, prefix: str) -> dict[str, np.ndarray]:
        """The arrays whose names begin with "prefix/", by the rest of their names."""
        start = f"{prefix}/"
        return {
            name.removeprefix(start): array
            for name, array in self.arrays.items()
            if name.startswith(start)
        }


def load(name: str) -> Golden:
    """Reads tests/golden/NAME.npz."""
    with np.load(FOLDER / f"{name}.npz") as file:
        arrays = {key: file[key] for key in file.files if key != "meta"}
        return Golden(name, json.loads(str(file["meta"])), arrays)


def of_kind(*kinds: str) -> list[str]:
    """The names of all files of some kinds: at least one, or tests would be void."""
    names = [path.stem for path in sorted(FOLDER.glob("*.npz"))]
    found = [name for name in names if load(name).meta["kind"] in kinds]
    assert found, f"no golden files of kind {kinds}"
    return found


def to_nhwc(array: np.ndarray) -> np.ndarray:
    """NCHW to NHWC."""
    return array.transpose(0, 2, 3, 1)


def to_nchw(array: np.ndarray) -> np.ndarray:
    """NHWC to NCHW."""
    return array.transpose(0, 3, 1, 2)
