"""SIDD, noise of smartphones: its validation blocks, and what its server takes.

Two different things: the validation blocks come with their ground truth, of the
benchmark's only the server has it.
"""

import base64
import contextlib
import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from danet_jax.atomic import replacing
from danet_jax.checks import DataError
from danet_jax.data.images import make_folder, to_float, to_uint8
from danet_jax.data.listing import find_file
from danet_jax.data.matlab import cell, check_array, check_cell, read_mat, write_mat
from danet_jax.data.patches import Sample
from danet_jax.restoration.inference import Restorer

ABOUT = ("MethodName", "Authors", "PaperTitle", "Venue")  # fields of OptionalData
MAT, CSV = "SubmitSrgb.mat", "SubmitSrgb.csv"
_CELL = "DenoisedBlocksSrgb"
_HEADER = ["ID", "BLOCK"]


@dataclasses.dataclass(frozen=True)
class SiddLayout:
    """How many blocks there are; tests have fewer and smaller ones."""

    images: int = 40
    blocks: int = 32  # of each image
    side: int = 256  # pixels

    @property
    def block(self) -> tuple[int, int, int]:
        """The shape of one block."""
        return self.side, self.side, 3


SIDD = SiddLayout()
_DOWNLOAD = (
    "Download {} from https://abdokamel.github.io/sidd; DIR is the folder of {}."
)
_VALIDATION = "ValidationGtBlocksSrgb", "ValidationNoisyBlocksSrgb"
_BENCHMARK = "BenchmarkNoisyBlocksSrgb"
_ADVICE = {  # by variable
    **dict.fromkeys(
        _VALIDATION,
        _DOWNLOAD.format(
            "the sRGB files of SIDD Validation Data and Ground Truth",
            " and ".join(f"{name}.mat" for name in _VALIDATION),
        ),
    ),
    _BENCHMARK: _DOWNLOAD.format(
        "the noisy sRGB file of SIDD Benchmark Data", f"{_BENCHMARK}.mat"
    ),
}


class SiddBlocks:
    """The pairs of blocks of the validation files, as a set of images."""

    paired = True

    def __init__(self, clean: np.ndarray, degraded: np.ndarray) -> None:
        self._clean, self._degraded = clean, degraded
        images, self._blocks, side = clean.shape[:3]
        places = np.ndindex(images, self._blocks)
        self.names = [f"{i + 1:02d}_{j + 1:02d}" for i, j in places]
        self.sizes = [(side, side)] * len(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        place = divmod(index, self._blocks)
        clean, degraded = self._clean[place], self._degraded[place]
        return Sample(self.names[index], *map(np.ascontiguousarray, (clean, degraded)))


def open_validation_blocks(folder: Path, layout: SiddLayout = SIDD) -> SiddBlocks:
    """Opens ValidationGtBlocksSrgb.mat and ValidationNoisyBlocksSrgb.mat of a folder.

    Raises:
        DataError: a file that is missing or corrupt, or of other blocks.
    Source: SIDD, "SIDD Validation Data and Ground Truth".
    """
    return SiddBlocks(*(_read_blocks(folder, name, layout) for name in _VALIDATION))


def export_sidd(
    restore: Restorer,
    data: Path,
    out: Path,
    about: Mapping[str, str],
    layout: SiddLayout = SIDD,
) -> Path:
    """Restores BenchmarkNoisyBlocksSrgb.mat and writes what SIDD's servers take.

    SubmitSrgb.mat holds DenoisedBlocksSrgb, a cell of images x blocks of single
    precision in [0, 1]; TimeMPSrgb, seconds per megapixel; and OptionalData.
    SubmitSrgb.csv holds the same blocks for Kaggle, uint8 in base64, numbered from 0.
    Blocks are clipped and rounded to 8 bits.

    Args:
        restore: a restorer of RGB images; see make_restorer.
        data: folder of the noisy blocks.
        out: folder to write into; it is made if need be.
        about: OptionalData: any of MethodName, Authors, PaperTitle and Venue.
        layout: of the blocks.
    Returns:
        The .mat file.
    Raises:
        DataError: a file that cannot be read or written, or other blocks.
    Source: SIDD_Benchmark_Code_v1.2 (SIDD_Denoise.m, DenoiseSrgb.m, Demo_SIDD.m), and
        kaggle.com/competitions/sidd-benchmark-srgb-psnr with its example script.
    """
    noisy = _read_blocks(data, _BENCHMARK, layout)
    make_folder(out)
    restored = np.empty(noisy.shape, np.uint8)
    places = list(np.ndindex(noisy.shape[:2]))
    restore(to_float(np.ascontiguousarray(noisy[0, 0]))[None])  # compiles
    began = time.perf_counter()
    for place in tqdm(places, "restoring", leave=False, disable=None):
        image = to_float(np.ascontiguousarray(noisy[place]))
        restored[place] = to_uint8(restore(image[None])[0])
    megapixels = len(places) * layout.side**2 / 1024**2
    seconds = (time.perf_counter() - began) / megapixels
    blocks = [restored[place] for place in places]
    variables = {
        _CELL: cell(map(to_float, blocks), (layout.images, layout.blocks)),
        "TimeMPSrgb": seconds,
        "OptionalData": {name: about.get(name, "") for name in ABOUT},
    }
    write_mat(out / MAT, variables)
    _write_csv(out / CSV, blocks)
    return out / MAT


def check_sidd(path: Path, layout: SiddLayout = SIDD) -> str:
    """Checks that a file is what SIDD's servers take: a .mat, or for Kaggle a .csv.

    Returns:
        What it holds, in a few words.
    Raises:
        DataError: what does not fit, and what is expected.
    """
    if path.suffix == ".csv":
        return _check_csv(path, layout)
    found = read_mat(path, _CELL, "TimeMPSrgb", "OptionalData")
    cells, wanted = found[_CELL], (layout.images, layout.blocks)
    check_cell(path, _CELL, cells, wanted)
    for i, j in np.ndindex(wanted):
        check_picture(path, f"{_CELL}{{{i + 1}, {j + 1}}}", cells[i, j], layout.block)
    seconds = found["TimeMPSrgb"]
    check_array(path, "TimeMPSrgb", seconds, (1, 1))
    about = found["OptionalData"]
    for name in ABOUT:
        text = about[name][0] if isinstance(about, dict) and name in about else None
        if not isinstance(text, str):
            raise DataError(f"{path}: OptionalData must hold the text {name}.")
    return f"{layout.images}x{layout.blocks} blocks, {seconds.item():.3g} s/Mpixel"


def check_picture(
    path: Path, name: str, image: np.ndarray, shape: tuple[int, ...]
) -> None:
    """Checks a restored picture of a submission: floats in [0, 1], of a shape.

    Raises:
        DataError: it is of another shape or type, or has other values.
    """
    check_array(path, name, image, shape, "single", "double")
    low, high = image.min(), image.max()
    if not (low >= 0 and high <= 1):
        rule = f"{path}: {name} must lie in [0, 1]"
        raise DataError(f"{rule}; got values from {low} to {high}.")


def _check_csv(path: Path, layout: SiddLayout) -> str:
    count = layout.images * layout.blocks
    try:
        rows = [line.split(",") for line in path.read_text("ascii").splitlines()]
    except (OSError, UnicodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error}).") from error
    first = ",".join(rows[0])[:20] if rows else ""
    if rows[:1] != [_HEADER] or len(rows) != count + 1:
        raise DataError(
            f'{path}: must hold the line "ID,BLOCK" and {count} blocks; got '
            f"{len(rows)} lines, the first {first!r}."
        )
    for index, row in enumerate(rows[1:]):
        size = None
        with contextlib.suppress(ValueError):  # no base64
            size = len(base64.b64decode(row[-1], validate=True))
        if row[:-1] != [str(index)] or size != np.prod(layout.block):
            rule = f"must be {index} and {layout.block} bytes in base64"
            raise DataError(f"{path}: line {index + 2} {rule}.")
    return f"{count} blocks"


def _read_blocks(folder: Path, variable: str, layout: SiddLayout) -> np.ndarray:
    """uint8 [images, blocks, side, side, 3] of the file named like its variable."""
    path = find_file(folder, f"{variable}.mat", _ADVICE[variable])
    blocks = read_mat(path, variable)[variable]
    wanted = (layout.images, layout.blocks, *layout.block)
    check_array(path, variable, blocks, wanted, "uint8")
    return blocks


def _write_csv(path: Path, blocks: list[np.ndarray]) -> None:
    try:
        with replacing(path) as partial, partial.open("w", encoding="ascii") as file:
            file.write(",".join(_HEADER) + "\n")
            for index, block in enumerate(blocks):
                text = base64.b64encode(block.tobytes()).decode()
                file.write(f"{index},{text}\n")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror}).") from error
