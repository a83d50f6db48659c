"""The folders of test images that ``danet eval`` is given, and what each is for."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from danet_jax.checks import ConfigError, DataError
from danet_jax.evaluation.protocols import PROTOCOLS, SUBMISSIONS


@dataclasses.dataclass(frozen=True)
class Folder:
    """A folder of images, which is one set."""

    path: Path
    protocol: str = ""  # the one that it is for; "": all that are asked for

    @property
    def name(self) -> str:
        """What results call the set."""
        return self.path.resolve().name


def read_folder(text: str) -> Folder:
    """Reads DIR or PROTOCOL=DIR; a path that exists is taken as it stands."""
    name, _, path = text.partition("=")
    if path and name in {*PROTOCOLS, *SUBMISSIONS} and not Path(text).exists():
        return Folder(Path(path), name)
    return Folder(Path(text))


def assign(
    folders: Sequence[Folder], protocols: Sequence[str]
) -> list[tuple[Folder, str]]:
    """Each folder with each protocol that it is for, in the order of the folders.

    Args:
        folders: of the command line.
        protocols: that are asked for; "" alone for a run's own.
    Raises:
        ConfigError: a folder of another protocol, or a protocol without a folder.
        DataError: two folders of one name for one protocol.
    """
    for folder in folders:
        _check_read(folder)
        if folder.protocol not in ("", *protocols):
            raise ConfigError(
                f"eval: --data {folder.protocol}={folder.path} is for a protocol that "
                f"is not asked for. Add it: --protocol {folder.protocol}."
            )
    pairs = [(f, p) for f in folders for p in protocols if f.protocol in ("", p)]
    for protocol in protocols:
        mine = [folder for folder, other in pairs if other == protocol]
        if protocol and not mine:
            raise ConfigError(
                f"eval: {protocol} needs folders of images: --data DIR, or --data "
                f"{protocol}=DIR."
            )
        _check_names(mine)
    return pairs


def check_apart(folders: Sequence[Folder], out: Path) -> None:
    """Raises ConfigError if pictures would be written among the images of a set."""
    for folder in folders:
        if folder.path.resolve() in (out.resolve(), *out.resolve().parents):
            raise ConfigError(
                f"eval: pictures in {out} would be taken for images of {folder.path} "
                "the next time. Give another --out."
            )


def _check_read(folder: Folder) -> None:
    text = str(folder.path)
    if "=" in text and not folder.protocol and not folder.path.exists():
        raise ConfigError(
            f"eval: --data {text}: no such folder, and what precedes = is no protocol. "
            "Write --data DIR, or --data PROTOCOL=DIR such as jpeg_10=Classic5."
        )


def _check_names(folders: Sequence[Folder]) -> None:
    first: dict[str, Path] = {}
    for folder in folders:
        other = first.setdefault(folder.name, folder.path)
        if other is not folder.path:
            if other.resolve() == folder.path.resolve():
                raise DataError(f"eval: --data {other} is given twice. Leave one out.")
            raise DataError(f'eval: two folders are named "{folder.name}". Rename one.')
