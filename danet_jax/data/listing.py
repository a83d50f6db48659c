"""Which files of a folder belong to a data set, and which of them are held out."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from danet_jax.checks import DataError
from danet_jax.data.images import check_pattern, find_images
from danet_jax.data.pairing import match_pairs

Files = dict[str, tuple[Path, Path | None]]  # name -> clean file, degraded partner


def list_files(
    root: Path, clean: str, degraded: str = "", *, advice: str = ""
) -> Files:
    """The files below a folder by name, in pairs if ``degraded`` is a pattern.

    A name is the clean file's path below root, without suffix. Where two names would be
    equal (a.png, a.jpg), all names keep their suffix.

    Args:
        root: the folder.
        clean: pattern of the clean files.
        degraded: pattern of their partners, or nothing.
        advice: what an error ends with, where the folder seems to be another one.
    Raises:
        DataError: no folder, no images, or files without a partner or with several;
            where a folder above or below has such images, it is named.
        ConfigError: a pattern that is empty, absolute, or holds ".." or a bare "**", or
            two whose wildcards differ.
    """
    root = Path(root)
    for pattern in (clean, degraded) if degraded else (clean,):
        check_pattern(pattern)
    _refuse_neighbour(root, clean, above="/" in clean)
    try:
        pairs = _pairs(root, clean, degraded)
    except DataError as error:
        how = f" {advice}" if advice and root.is_dir() else ""
        raise DataError(f"{error}{how}") from error
    full = [path.relative_to(root) for path, _ in pairs]
    bare = [path.with_suffix("") for path in full]
    unique = len(set(bare)) == len(bare)
    names = [path.as_posix() for path in (bare if unique else full)]
    return dict(zip(names, pairs, strict=True))


def find_file(root: Path, name: str, advice: str) -> Path:
    """A file of a folder, as its archive was unpacked.

    Args:
        root: the folder.
        name: of the file.
        advice: what an error ends with where no folder nearby has the file.
    Raises:
        DataError: no folder, or no such file; a folder above or below that has it is
            named.
    """
    if (root / name).exists():
        return root / name
    if not root.is_dir():
        raise DataError(f"{root}: no such folder. Looked there for {name}.")
    _refuse_neighbour(root, name, above=True)
    raise DataError(f"{root}: holds no {name}. {advice}")


def _refuse_neighbour(root: Path, pattern: str, *, above: bool) -> None:
    """Raises DataError if a folder has no match of a pattern, but one near it does.

    For archives that were unpacked a folder too deep or too high. Above, only patterns
    with folders in them, and names of files, tell one archive from another.
    """
    known = root.is_dir() and pattern and "**" not in pattern
    if not known or next(root.glob(pattern), None):
        return
    near = [*root.resolve().parents[:2]] if above else []
    near += [*root.glob("*/"), *root.glob("*/*/")]
    fits = [folder for folder in near if next(folder.glob(pattern), None)]
    if fits:
        named = " or ".join(map(str, fits[:3]))
        raise DataError(
            f"{root}: holds no {pattern}, but a folder above or below it does. Give "
            f"{named}."
        )


def _pairs(root: Path, clean: str, degraded: str) -> list[tuple[Path, Path | None]]:
    found = [path.relative_to(root) for path in find_images(root, clean)]
    pairs: list[tuple[Path, Path | None]] = [(root / path, None) for path in found]
    if degraded:
        found += [path.relative_to(root) for path in find_images(root, degraded)]
        matched = match_pairs(
            {path.as_posix() for path in found},
            clean=PurePath(clean).as_posix(),
            degraded=PurePath(degraded).as_posix(),
            where=str(root),
        )
        pairs = [(root / one, root / other) for one, other in matched]
    return pairs


def hold_out(
    files: Files, patterns: Sequence[str], *, where: str = "data.held_out"
) -> tuple[Files, Files]:
    """Splits files into those for training and those held out for validation.

    Args:
        files: of a data set.
        patterns: of the names, or the clean files' names, to hold out.
        where: what errors name.
    Raises:
        DataError: a pattern that matches nothing, or patterns that match everything.
    """
    for pattern in patterns:
        if not matching(files, [pattern]):
            raise DataError(
                f"{where}: {pattern!r} matches none of {len(files)} images; "
                f"their names look like {next(iter(files))}."
            )
    held_out = matching(files, patterns)
    if len(held_out) == len(files):
        raise DataError(
            f"{where}: {', '.join(patterns)} matches all {len(files)} "
            "images. Leave some for training."
        )
    training = {name: pair for name, pair in files.items() if name not in held_out}
    return training, {name: files[name] for name in files if name in held_out}


def matching(files: Files, patterns: Sequence[str]) -> set[str]:
    """The names of files whose name, or clean file's name, matches any pattern."""
    return {
        name
        for name, (clean, _) in files.items()
        for pattern in patterns
        if fnmatchcase(name, pattern) or fnmatchcase(clean.name, pattern)
    }
