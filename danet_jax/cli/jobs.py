"""What ``danet restore`` reads and writes, and which process does which part of it."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from danet_jax.checks import ConfigError, DataError, message
from danet_jax.data.images import SUFFIXES, find_images, make_folder

Jobs = list[tuple[Path, Path]]  # what to read and where to write it
Shard = tuple[int, int]  # the number of a part, from 1, and how many there are

FORMATS = " ".join(sorted(SUFFIXES))
MARK = "_restored"  # at the end of a result's name
COMPARED = ".compare.png"  # after the whole name of a result

# Where those who start processes leave their number, from 0, and their count. mpirun
# may have been started inside a job of Slurm, so it comes first.
_PROCESSES = (
    ("JAX_PROCESS_ID", "JAX_NUM_PROCESSES"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("SLURM_PROCID", "SLURM_NTASKS"),
)


def plan(source: Path, out: Path | None) -> tuple[Path, Jobs]:
    """The file or folder to write, and all that is read and written.

    Args:
        source: image file or folder.
        out: where to write; by default beside it.
    Raises:
        DataError: either cannot be used.
    """
    if source.is_dir():
        named = source.resolve() if source.name in ("", "..") else source
        out = out or named.with_name(f"{named.name}{MARK}")
        if out.is_file():
            raise DataError(f"{out}: must be a folder, as {source} is; got a file.")
        files = find_images(source)
        if source.resolve() in out.resolve().parents:  # of an earlier restoration
            files = [p for p in files if out.resolve() not in p.resolve().parents]
        known = set(files)
        inputs = (path for path in files if not _is_result(path, known))
        return out, [(path, out / path.relative_to(source)) for path in inputs]
    if not source.exists():
        raise DataError(f"{source}: no such file or folder.")
    if source.suffix.lower() not in SUFFIXES:
        raise DataError(
            f'{source}: must end in one of {FORMATS}; got "{source.suffix}". Convert '
            "it first."
        )
    if out is None:
        out = source.with_stem(f"{source.stem}{MARK}")
    elif out.is_dir():
        out = out / source.name
    elif out.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"{out}: must end in one of {FORMATS}, or be a folder that exists; got "
            f'"{out.suffix}".'
        )
    return out, [(source, out)]


def parse_shard(text: str, environment: Mapping[str, str] = os.environ) -> Shard:
    """Reads which part of the images a process restores.

    Args:
        text: "I/N", the I-th of N parts, from 1; or "auto": by the number that srun,
            mpirun, or JAX_PROCESS_ID and JAX_NUM_PROCESSES give the process.
        environment: the variables of the process.
    Raises:
        ConfigError: neither, or nobody gives a number.
    """
    number, count = text.partition("/")[::2]
    if text == "auto":
        for names in _PROCESSES:
            if all(name in environment for name in names):
                index, count = (environment[name] for name in names)
                number = str(int(index) + 1) if index.isdecimal() else index
                break
        else:
            raise ConfigError(
                "restore: --shard auto finds no process number; looked for "
                f"{', '.join(name for name, _ in _PROCESSES)}. Start it by srun or "
                "mpirun, or give --shard 1/4."
            )
    whole = number.isdecimal() and count.isdecimal()
    if not whole or not 1 <= int(number) <= int(count):
        rule = "be I/N with I from 1 to N, or auto"
        got = text if text != "auto" else f"{number}/{count} from the environment"
        raise ConfigError(message("restore", "--shard", rule, got))
    return int(number), int(count)


def share_of(jobs: Jobs, shard: Shard) -> Jobs:
    """Every N-th job: the shares of all parts are disjoint, and together all jobs."""
    number, count = shard
    return jobs[number - 1 :: count]


def compared(target: Path) -> Path:
    """The picture of input and result that belongs to a result."""
    return target.with_name(target.name + COMPARED)


def outputs(target: Path, *, compare: bool) -> list[Path]:
    """What is written for one image: the result, and its comparison if wanted."""
    return [target, compared(target)] if compare else [target]


def unfinished(jobs: Jobs, *, compare: bool) -> Jobs:
    """The jobs of which something that they would write does not exist yet."""
    return [
        (source, target)
        for source, target in jobs
        if not all(path.exists() for path in outputs(target, compare=compare))
    ]


def check_targets(jobs: Jobs, sources: Jobs, *, replace: bool, compare: bool) -> None:
    """Checks that no input, and no result unless wanted, would be overwritten.

    Args:
        jobs: what is read and written now.
        sources: the same of all processes.
        replace: whether results may exist, since they are to be replaced or left alone.
        compare: whether pictures are written beside the results.
    Raises:
        DataError: something would be.
    """
    inputs = {source.resolve() for source, _ in sources}
    targets = [path for _, target in jobs for path in outputs(target, compare=compare)]
    for target in targets:
        if target.resolve() in inputs:
            raise DataError(
                f"{target}: is an input, which is never overwritten. Choose another "
                "--out."
            )
    existing = [target for target in targets if target.exists()]
    if existing and not replace:
        raise DataError(
            f"{existing[0]}: exists already, one of {len(existing)} such results. "
            "Choose another --out, or add --overwrite, or --skip-existing to go on "
            "with what is missing."
        )


def check_folder(folder: Path) -> None:
    """Makes a folder, and tries whether it takes a file before any time is spent.

    Raises:
        DataError: it cannot be made, or takes no files.
    """
    make_folder(folder)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror
        raise DataError(f"{folder}: takes no files ({reason}).") from error


def _is_result(path: Path, files: set[Path]) -> bool:
    """Whether a file is what restoring its neighbour alone has written."""
    if path.name.endswith(COMPARED):
        return path.with_name(path.name.removesuffix(COMPARED)) in files
    stem = path.stem.removesuffix(MARK)
    return stem != path.stem and path.with_stem(stem) in files
