"""Figures of feature maps: offset features, spatial attention and wavelet bands."""

from collections.abc import Iterable, Sequence

import jax.numpy as jnp
import numpy as np

from danet_jax.figures.record import Map, Record
from danet_jax.figures.sheet import Bar, Panel, Row, colours, enlarged, grays, sheet
from danet_jax.ops import dwt2

_BANDS = "LL", "HL", "LH", "HH"
_BAND_TEXTS = "coarse", "left to right", "top to bottom", "diagonal"
_HIGHEST = 0.995  # quantile that is lightest: single pixels may stick out


def feature_sheet(records: dict[str, Record], image: np.ndarray) -> np.ndarray:
    """Draws the offset features of the last block, side by side (the paper's Fig. 14).

    Args:
        records: of the same image, by the networks' names.
        image: float [H, W, 1 or 3] in [0, 1], what went into the networks.
    Returns:
        uint8 [H', W', 3].
    """
    size = image.shape[:2]
    features = {name: _sized(record.feature, *size) for name, record in records.items()}
    means = {name: np.abs(f).mean(axis=2) for name, f in features.items()}
    strong = {name: np.abs(_strongest(f)) for name, f in features.items()}
    several = len(records) > 1
    one, own = (
        (", one scale for all", ", each by its own scale") if several else ("", "")
    )
    rows = [
        _feature_row(f"mean of all channels{one}", means, common=True),
        _feature_row(f"strongest channel{own}", strong, common=False),
    ]
    if several:
        rows.insert(1, _feature_row(f"the same{own}", means, common=False))
    rows[0] = Row(rows[0].heading, [Panel(grays(image), "input"), *rows[0].panels])
    rows[1:] = [Row(row.heading, [None, *row.panels]) for row in rows[1:]]
    place = next(iter(records.values())).feature.name
    text = (
        "Magnitude of the feature from which the last deformable convolution "
        f"({place}) predicts its offsets. Black is 0."
    )
    return sheet("Offset features of the last block", text, rows)


def _feature_row(heading: str, maps: dict[str, np.ndarray], *, common: bool) -> Row:
    """Maps by one scale for all, or each by its own."""
    highest = _highest(maps.values())
    panels = []
    for name, values in maps.items():
        high = highest if common else _highest([values])
        caption = f"{name}: mean {values.mean():.3g}, lightest {high:.3g}"
        panels.append(Panel(colours(values, 0, high), caption))
    return Row(heading, panels)


def attention_sheet(record: Record, image: np.ndarray) -> np.ndarray:
    """Draws the factors by which spatial attention scales the pixels.

    Args:
        record: of a network that has attention.
        image: float [H, W, 1 or 3] in [0, 1], what went into the network.
    Returns:
        uint8 [H', W', 3].
    """
    size = image.shape[:2]
    maps = {part.name: _sized(part, *size)[..., 0] for part in record.attention}
    all_values = np.concatenate([values.ravel() for values in maps.values()])
    low, high = map(float, np.quantile(all_values, (1 - _HIGHEST, _HIGHEST)))
    high = max(high, low + 1e-6)
    panels = {
        name: Panel(
            colours(values, low, high),
            f"{name}: {values.min():.2f} to {values.max():.2f}",
        )
        for name, values in maps.items()
    }
    encoder = [p for name, p in panels.items() if name.startswith("encoder")]
    decoder = [p for name, p in panels.items() if name.startswith("decoder")]
    first = [Panel(grays(image), "input"), *encoder]
    rows = [Row("encoder", first), Row("decoder", [None, *reversed(decoder)])]
    text = (
        "Factors of the pixels in the spatial attention of the block that closes each "
        "stage: at 1 a pixel passes whole, at 0 nothing of it."
    )
    return sheet("Spatial attention", text, rows, bar=Bar(low, high, "factor"))


def wavelet_sheet(downs: Sequence[Map], image: np.ndarray) -> np.ndarray:
    """Draws the Haar bands of an image, and of features on their way down.

    Args:
        downs: features [h, w, C] that go to a coarser scale, h and w even.
        image: float [H, W, 1 or 3] in [0, 1], what went into the network.
    Returns:
        uint8 [H', W', 3].
    """
    even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    low, *details = _bands(even)
    gain = 0.5 / max(_highest(map(np.abs, details)), 1e-6)
    # Orthonormal: the coarse band of a constant image is twice as bright.
    pictures = [low / 2, *(0.5 + gain * detail for detail in details)]
    rows = [Row("the image; details: gray is 0", _panels(list(map(grays, pictures))))]
    for part in downs:
        bands = [np.sqrt((band**2).mean(axis=2)) for band in _bands(part.values)]
        low, *details = bands
        high = _highest(details)
        shown = [colours(low, 0, _highest([low]))]
        shown += [colours(detail, 0, high) for detail in details]
        count = part.values.shape[2]
        heading = f"{part.name}: root mean square over {count} features"
        heading += f"; details: black 0, lightest {high:.3g}"
        rows.append(Row(heading, _panels(shown)))
    text = (
        "One level of the Haar transform: the coarse band, and the differences from "
        "left to right, from top to bottom and of both."
    )
    return sheet("Wavelet bands", text, rows)


def _panels(pictures: Sequence[np.ndarray]) -> list[Panel]:
    return [
        Panel(picture, f"{band}: {text}")
        for picture, band, text in zip(pictures, _BANDS, _BAND_TEXTS, strict=True)
    ]


def _bands(x: np.ndarray) -> list[np.ndarray]:
    """LL, HL, LH and HH [h/2, w/2, C] of [h, w, C]."""
    return np.split(np.asarray(dwt2(jnp.asarray(x)[None])[0]), 4, axis=2)


def _sized(part: Map, height: int, width: int) -> np.ndarray:
    """A map [h, w, C] repeated to the size of the image."""
    return enlarged(part.values, 2**part.scale, height, width)


def _strongest(feature: np.ndarray) -> np.ndarray:
    """The channel that varies most over the image, [H, W]."""
    return feature[..., int(feature.std(axis=(0, 1)).argmax())]


def _highest(maps: Iterable[np.ndarray]) -> float:
    """What nearly all values of some maps lie below; positive."""
    values = np.concatenate([values.ravel() for values in maps])
    return max(float(np.quantile(values, _HIGHEST)), 1e-6)
