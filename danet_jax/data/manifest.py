"""What a folder of prepared records was made from: its file ``preparation.json``."""

import dataclasses
import json
import shlex
from pathlib import Path
from typing import Any

from danet_jax.atomic import replace_text
from danet_jax.checks import ConfigError, DataError, message
from danet_jax.config import IMAGE_FOLDER, PAIRED_FOLDERS, from_dict
from danet_jax.config.fields import check_types
from danet_jax.data.images import Gray

MANIFEST = "preparation.json"
_FORMAT = 1  # of the records; another number means that they must be made anew


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreparedImage:
    """An image, or a pair of images, of which the records hold patches."""

    name: str
    files: tuple[str, ...]  # below the source folder: clean, degraded partner
    bytes: tuple[int, ...]  # of each file
    mtime_ns: tuple[int, ...]  # of each file
    height: int  # pixels
    width: int  # pixels
    patches: int

    def __post_init__(self) -> None:
        check_types(self, "image")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preparation:
    """All that decides what the records are, and where their source lies."""

    format: int = _FORMAT
    name: str = ""  # of the data set
    scale: int = 0  # of super-resolution; 0: none
    source: str = ""  # folder of the images, absolute
    clean: str = "**/*"  # pattern of the clean images
    degraded: str = ""  # pattern of their partners; "": none
    held_out: tuple[str, ...] = ()  # patterns of images that are not in the records
    crop: int = 256  # pixels a side of a patch
    interval: int = 130  # pixels between the corners of neighbouring patches
    channels: int = 3  # 1: gray, 3: RGB
    gray: Gray = "rgb2gray"  # what colour became with one channel
    colour: bool = False  # whether any image file is in colour
    images: tuple[PreparedImage, ...] = ()
    records: int = 0  # patches of all images

    def __post_init__(self) -> None:
        check_types(self, "preparation")

    @property
    def record_bytes(self) -> int:
        """Bytes of the pixels of one record."""
        return self.crop**2 * self.channels * (2 if self.degraded else 1)

    def like(self, other: "Preparation") -> bool:
        """Whether it makes the same records: the source may lie in another folder."""
        return dataclasses.replace(self, source=other.source) == other

    def command(self, out: Path, **changes: Any) -> str:
        """The command that makes such records, with changes such as held_out."""
        wanted = dataclasses.replace(self, **changes)
        folders = shlex.quote(self.source), shlex.quote(str(out))
        words = [
            "danet prepare",
            self.name,
            "--source",
            folders[0],
            "--out",
            folders[1],
        ]
        options = ["scale", "crop", "interval", "channels", "gray"]
        if self.name in (IMAGE_FOLDER, PAIRED_FOLDERS):
            options += ["clean", "degraded"]
        for name in options:
            value = getattr(wanted, name)
            if value != getattr(Preparation(), name):
                words += [f"--{name}", shlex.quote(str(value))]
        if wanted.held_out:
            words += ["--held-out", *map(shlex.quote, wanted.held_out)]
        return " ".join(words)


def write_manifest(folder: Path, preparation: Preparation) -> None:
    """Writes ``preparation.json`` into a folder.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(dataclasses.asdict(preparation), indent=1) + "\n"
    replace_text(folder / MANIFEST, text)


def read_manifest(folder: Path) -> Preparation | None:
    """What the records of a folder were made from; None if it holds none.

    Raises:
        DataError: the manifest cannot be read, or is of records of another format.
    """
    path = Path(folder) / MANIFEST
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        found = values["format"]
        if found != _FORMAT:  # before its fields, which may be others
            raise ConfigError(message(str(path), "format", f"be {_FORMAT}", found))
        images = values.pop("images")
        preparation = from_dict(Preparation, values, where=str(path))
        listed = tuple(PreparedImage(**image) for image in images)
        return dataclasses.replace(preparation, images=listed)
    except ConfigError as error:
        raise DataError(f"{error} Prepare the records anew.") from error
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}). Prepare the records anew."
        ) from error
