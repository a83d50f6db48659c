"""What a preparation will do: the files of a data set, looked at but not decoded."""

from collections.abc import Sequence
from pathlib import Path

from danet_jax.checks import ConfigError, DataError, message
from danet_jax.config import Dataset
from danet_jax.data.images import Gray, read_header, refuse_unusable
from danet_jax.data.listing import Files, hold_out, list_files
from danet_jax.data.manifest import Preparation, PreparedImage
from danet_jax.data.pairing import check_partner
from danet_jax.data.patches import check_crop, patch_grid

Header = tuple[int, int, bool]  # height, width, and whether there is colour


def plan(
    dataset: Dataset,
    source: Path,
    *,
    crop: int,
    interval: int,
    channels: int,
    gray: Gray,
    held_out: Sequence[str],
) -> Preparation:
    """Lists the images of a data set, and how many patches each of them has.

    Args:
        dataset: which files are meant.
        source: folder of the images, as the archive was unpacked.
        crop: pixels a side of a patch, at least 2.
        interval: pixels between the corners of neighbouring patches, at least 1.
        channels: 1 (gray) or 3 (RGB).
        gray: what colour becomes with one channel.
        held_out: patterns of images to leave out.
    Raises:
        ConfigError: a size that is too small.
        DataError: no such images, some that are too small or no images, or pairs that
            do not fit; the first are named, and how many there are.
    """
    for name, value, least in ("crop", crop, 2), ("interval", interval, 1):
        if value < least:
            raise ConfigError(message("prepare", name, f"be at least {least}", value))
    source = source.expanduser().resolve()
    files = list_files(source, dataset.clean, dataset.degraded, advice=dataset.where)
    files, _ = hold_out(files, held_out, where="prepare: --held-out")
    headers = _headers(files, dataset)
    sizes = {name: header[:2] for name, header in headers.items()}
    check_crop("prepare", sizes, crop, option="--crop ")
    images = tuple(
        _listed(source, name, pair, headers[name], crop=crop, interval=interval)
        for name, pair in files.items()
    )
    return Preparation(
        name=dataset.name,
        scale=dataset.scale,
        source=str(source),
        clean=dataset.clean,
        degraded=dataset.degraded,
        held_out=tuple(held_out),
        crop=crop,
        interval=interval,
        channels=channels,
        gray=gray,
        colour=any(colour for _, _, colour in headers.values()),
        images=images,
        records=sum(image.patches for image in images),
    )


def _headers(files: Files, dataset: Dataset) -> dict[str, Header]:
    """The headers of all images and pairs, or an error that names the broken ones.

    Where none can be used, it says what to download: it may be another version.
    """
    headers: dict[str, Header] = {}
    errors: list[DataError] = []
    for name, pair in files.items():
        try:
            headers[name] = _header(pair)
        except DataError as error:
            errors.append(error)
    try:
        refuse_unusable("prepare", errors, len(files))
    except DataError as error:
        how = f" {dataset.download}" if not headers and dataset.download else ""
        raise DataError(f"{error}{how}") from error
    return headers


def _header(pair: tuple[Path, Path | None]) -> Header:
    """The header of an image and its partner, which are of one size."""
    path, partner = pair
    height, width, colour = read_header(path)
    if partner is None:
        return height, width, colour
    other = read_header(partner)
    check_partner(path, (height, width), partner, other[:2])
    return height, width, colour or other[2]


def _listed(
    source: Path,
    name: str,
    pair: tuple[Path, Path | None],
    header: Header,
    *,
    crop: int,
    interval: int,
) -> PreparedImage:
    paths = [path for path in pair if path is not None]
    stats = [path.stat() for path in paths]
    height, width, _ = header
    return PreparedImage(
        name=name,
        files=tuple(path.relative_to(source).as_posix() for path in paths),
        bytes=tuple(stat.st_size for stat in stats),
        mtime_ns=tuple(stat.st_mtime_ns for stat in stats),
        height=height,
        width=width,
        patches=len(patch_grid(height, width, crop=crop, interval=interval)),
    )
