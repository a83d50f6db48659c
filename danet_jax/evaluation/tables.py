"""Tables in the shape of the paper's, with its published figures beside one's own."""

import dataclasses
import functools
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources

from danet_jax.evaluation.evaluate import Evaluation, Row

UNSTATED = "sidd_unstated"  # Table 4's column: the paper does not say which part
_EMPTY = "-"
_INPUT = "degraded image"

Column = tuple[str, str]  # set, protocol


@dataclasses.dataclass(frozen=True)
class Published:
    """A published figure as it is printed, None where it is not available.

    ``protocol`` is the one that the text names; whether the authors followed it in all
    is known only where the notes of the table say so.
    """

    table: str
    source: str
    images: str  # name of the set
    protocol: str
    method: str
    psnr: float | None
    ssim: float | None
    ssim_places: int  # printed decimals


@functools.cache
def published() -> tuple[Published, ...]:
    """The figures of Tables 2 to 6 of the paper, those of its peers included."""
    entries = []
    for table in _file()["tables"]:
        for row in table["rows"]:
            columns = zip(table["methods"], row["psnr"], row["ssim"], strict=True)
            entries += [
                Published(
                    table["table"],
                    table["source"],
                    row["set"],
                    row["protocol"],
                    method,
                    psnr,
                    ssim,
                    table["ssim_places"],
                )
                for method, psnr, ssim in columns
            ]
    return tuple(entries)


def comparison(evaluations: Sequence[Evaluation]) -> str:
    """Returns one Markdown table of evaluations and of what is published for them.

    Methods are rows, and each set by each protocol is a column: PSNR in dB / SSIM /
    what else the protocol scores. Sets are told by the names of their folders. Figures
    of SIDD's validation blocks and the paper's, of which nobody knows the part, stand
    in columns of their own. Below come the rules of the protocols, the sources, and
    what is odd about published figures.

    Args:
        evaluations: the scores of any methods, sets and protocols.
    """
    columns: list[Column] = list(dict.fromkeys(map(_column, evaluations)))
    if any(protocol.startswith("sidd_") for _, protocol in columns):
        columns.append(("SIDD", UNSTATED))
    quoted = [p for column in columns for p in published() if _belongs(p, column)]
    rows = _measured(evaluations) | {
        f"{method} (published)": {
            column: _figures(p)
            for column in columns
            for p in quoted
            if p.method == method and _belongs(p, column)
        }
        for method in dict.fromkeys(p.method for p in quoted)
    }
    counts = {_column(one): len(one.rows) for one in evaluations}
    headings = " | ".join(_heading(column, counts) for column in columns)
    lines = [
        f"| method | {headings} |",
        "|---" + "|---:" * len(columns) + "|",
    ]
    for method, cells in rows.items():
        texts = (cells.get(column, _EMPTY) for column in columns)
        lines.append(f"| {method} | {' | '.join(texts)} |")
    return "\n".join([*lines, "", *_legend(evaluations, quoted)]) + "\n"


def _measured(evaluations: Sequence[Evaluation]) -> dict[str, dict[Column, str]]:
    """The cells of one's own rows, by method and column."""
    rows: dict[str, dict[Column, str]] = {}
    for evaluation in evaluations:
        named = {_INPUT: "degraded", evaluation.baseline: "baseline"}
        named[evaluation.method] = "restored"
        for method, column in named.items():
            if method:
                cells = rows.setdefault(method, {})
                cells[_column(evaluation)] = _scores(evaluation, column)
    return rows


def _scores(evaluation: Evaluation, column: str) -> str:
    mean: Row = evaluation.mean
    return " / ".join(
        f"{getattr(mean, f'{metric.name}_{column}'):.{metric.places}f}"
        for metric in evaluation.protocol.metrics
    )


def _figures(entry: Published) -> str:
    psnr = _EMPTY if entry.psnr is None else f"{entry.psnr:.2f}"
    ssim = _EMPTY if entry.ssim is None else f"{entry.ssim:.{entry.ssim_places}f}"
    return _EMPTY if entry.psnr is entry.ssim is None else f"{psnr} / {ssim}"


def _legend(
    evaluations: Sequence[Evaluation], quoted: Sequence[Published]
) -> list[str]:
    protocols = dict.fromkeys(evaluation.protocol for evaluation in evaluations)
    lines = ["- In brackets: the number of images.", *_other_sizes(evaluations)]
    for protocol in protocols:
        headings = " / ".join(metric.heading for metric in protocol.metrics)
        lines.append(f"- {protocol.name} ({headings}): {protocol.rule}.")
    tables = dict.fromkeys(entry.table for entry in quoted)
    for table in _file()["tables"]:
        if table["table"] in tables:
            text = " ".join(table["notes"])
            lines.append(f"- Published: {table['source']}, {table['table']}. {text}")
    return lines


def _heading(column: Column, counts: Mapping[Column, int]) -> str:
    name, protocol = column
    count = f" ({counts[column]})" if column in counts else ""
    return f"{name}{count}, {protocol}"


def _other_sizes(evaluations: Sequence[Evaluation]) -> list[str]:
    """A line for each set that has another number of images than the published one."""
    sizes = {_bare(name): size for name, size in _file()["sizes"].items()}
    found = dict.fromkeys((one.images, len(one.rows)) for one in evaluations)
    lines = []
    for name, count in found:
        size = sizes.get(_plain(name), count)
        if size != count:
            lines.append(
                f"- {name}: the published set has {size} images, not {count}; "
                "published figures do not compare with these."
            )
    return lines


def _column(evaluation: Evaluation) -> Column:
    return evaluation.images, evaluation.protocol.name


def _belongs(entry: Published, column: Column) -> bool:
    name, protocol = column
    return entry.protocol == protocol and _plain(entry.images) == _plain(name)


def _plain(name: str) -> str:
    """A set's name without case and marks, under the name that the tables use."""
    aliases = {_bare(alias): _bare(name) for alias, name in _file()["aliases"].items()}
    return aliases.get(_bare(name), _bare(name))


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@functools.cache
def _file() -> dict:
    path = resources.files("danet_jax.evaluation") / "published.json"
    return json.loads(path.read_text(encoding="utf-8"))
