"""Scores as files: Markdown for readers, CSV and JSON for programs."""

import csv
import dataclasses
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from danet_jax.checks import DataError
from danet_jax.data.images import make_folder
from danet_jax.evaluation.evaluate import Evaluation, Row


def markdown(evaluations: Mapping[str, Evaluation]) -> str:
    """Returns a section for each set: its protocol, and a table of images and means."""
    sections = []
    for name, evaluation in evaluations.items():
        table = [_line(row, evaluation) for row in (*evaluation.rows, evaluation.mean)]
        head = [f"## {name}", "", f"{evaluation.protocol}.", "", *_header(evaluation)]
        sections.append("\n".join([*head, *table, ""]))
    return "\n".join(sections)


def write_report(out: Path, evaluations: Mapping[str, Evaluation]) -> None:
    """Writes results.md, results.csv and results.json into a folder.

    CSV and JSON hold one record for each image and one, "mean", for each set: protocol,
    set, image, PSNR in dB and SSIM of the degraded and the restored image, and of the
    baseline if there is one. An infinite PSNR (equal images) is null in JSON.

    Args:
        out: the folder; it is made if need be, and its results are replaced.
        evaluations: by the name of the set.
    Raises:
        DataError: a file cannot be written.
    """
    records = [
        _record(name, evaluation, row)
        for name, evaluation in evaluations.items()
        for row in (*evaluation.rows, evaluation.mean)
    ]
    table = io.StringIO()
    fields = dict.fromkeys(field for record in records for field in record)
    writer = csv.DictWriter(table, list(fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    strict = [{k: _finite(v) for k, v in record.items()} for record in records]
    texts = {
        "results.md": markdown(evaluations),
        "results.csv": table.getvalue(),
        "results.json": json.dumps(strict, indent=2, allow_nan=False) + "\n",
    }
    make_folder(out)
    try:
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{out}: cannot be written ({error.strerror}).") from error


def _record(name: str, evaluation: Evaluation, row: Row) -> dict[str, Any]:
    scores = {k: v for k, v in dataclasses.asdict(row).items() if v is not None}
    return {"protocol": evaluation.protocol, "set": name, **scores}


def _finite(value: Any) -> Any:
    return None if value == math.inf else value


def _columns(evaluation: Evaluation) -> dict[str, str]:
    """The columns of a table: field of a row and its heading."""
    columns = {"degraded": "degraded"}
    if evaluation.baseline:
        columns["baseline"] = evaluation.baseline
    return columns | {"restored": "restored"}


def _header(evaluation: Evaluation) -> list[str]:
    names = _columns(evaluation).values()
    cells = [f"{name} PSNR [dB] | {name} SSIM" for name in names]
    return [f"| image | {' | '.join(cells)} |", "|---" + "|---:" * 2 * len(cells) + "|"]


def _line(row: Row, evaluation: Evaluation) -> str:
    cells = [row.image.replace("|", r"\|")]
    for column in _columns(evaluation):
        psnr_db = getattr(row, f"psnr_{column}")
        cells += [f"{psnr_db:.2f}", f"{getattr(row, f'ssim_{column}'):.4f}"]
    return f"| {' | '.join(cells)} |"
