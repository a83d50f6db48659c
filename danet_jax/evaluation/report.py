"""Scores as files: Markdown for readers, CSV and JSON for programs."""

import csv
import dataclasses
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from danet_jax.atomic import replace_text
from danet_jax.checks import DataError
from danet_jax.data.images import make_folder
from danet_jax.evaluation.evaluate import Evaluation, Row

RECORDS = "results.json"  # of write_report
_FIELDS = "psnr_degraded", "ssim_degraded", "psnr_restored", "ssim_restored"


def markdown(evaluations: Sequence[Evaluation]) -> str:
    """Returns a section for each evaluation: its protocol, a table of images, means."""
    sections = []
    for evaluation in evaluations:
        protocol, method = evaluation.protocol, evaluation.method
        title = f"## {evaluation.images}" + (f", {method}" if method else "")
        rule = f"{protocol.name}: {protocol.rule}."
        count = len(evaluation.rows)
        mean = dataclasses.replace(evaluation.mean, image=f"mean of {count}")
        rows = *evaluation.rows, mean
        table = [*_header(evaluation), *(_line(row, evaluation) for row in rows)]
        sections.append("\n".join([title, "", rule, "", *table, ""]))
    return "\n".join(sections)


def write_report(out: Path, evaluations: Sequence[Evaluation]) -> None:
    """Writes results.md, results.csv and results.json into a folder.

    CSV and JSON hold one record for each image and one, "mean", for each evaluation:
    protocol and its rule, set, method if there is one, image, and the scores of the
    degraded and the restored image, and of the baseline if there is one. An infinite
    PSNR (equal images) is null in JSON.

    Args:
        out: the folder; it is made if need be, and its results are replaced.
        evaluations: the scores.
    Raises:
        DataError: a file cannot be written.
    """
    records = [
        _record(evaluation, row)
        for evaluation in evaluations
        for row in (*evaluation.rows, evaluation.mean)
    ]
    table = io.StringIO()
    fields = dict.fromkeys(field for record in records for field in record)
    writer = csv.DictWriter(table, list(fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    write_text(out / "results.md", markdown(evaluations))
    write_text(out / "results.csv", table.getvalue())
    write_text(out / RECORDS, _json(records))


def write_rows(path: Path, evaluations: Sequence[Evaluation]) -> None:
    """Writes a JSON file of one record an image, all with the same six fields.

    They are protocol, image, psnr_degraded, ssim_degraded, psnr_restored and
    ssim_restored; the last two are null where nothing was restored, and so is an
    infinite PSNR. With several sets, an image is called SET/IMAGE.

    Args:
        path: the file to write or replace; its folder is made if need be.
        evaluations: the scores, of one method.
    Raises:
        DataError: the file cannot be written.
    """
    several = len({evaluation.images for evaluation in evaluations}) > 1
    records = []
    for evaluation in evaluations:
        prefix = f"{evaluation.images}/" if several else ""
        for row in evaluation.rows:
            scores = {name: getattr(row, name) for name in _FIELDS}
            image = {"image": f"{prefix}{row.image}"}
            records.append({"protocol": evaluation.protocol.name, **image, **scores})
    write_text(path, _json(records))


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole into a folder, which is made if need be.

    Raises:
        DataError: it cannot be written; the old one is untouched.
    """
    make_folder(path.parent)
    try:
        replace_text(path, text)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror}).") from error


def _json(records: list[dict[str, Any]]) -> str:
    strict = [{k: _finite(v) for k, v in record.items()} for record in records]
    return json.dumps(strict, indent=2, allow_nan=False) + "\n"


def _record(evaluation: Evaluation, row: Row) -> dict[str, Any]:
    protocol = evaluation.protocol
    record = {"protocol": protocol.name, "rule": protocol.rule}
    record["set"] = evaluation.images
    if evaluation.method:
        record["method"] = evaluation.method
    scores = {k: v for k, v in dataclasses.asdict(row).items() if v is not None}
    return {**record, **scores}


def _finite(value: Any) -> Any:
    return None if value == math.inf else value


def _columns(evaluation: Evaluation) -> Mapping[str, str]:
    """The columns of a table: field of a row and its heading."""
    columns = {"degraded": "degraded"}
    if evaluation.baseline:
        columns["baseline"] = evaluation.baseline
    if evaluation.rows[0].psnr_restored is not None:
        columns["restored"] = "restored"
    return columns


def _header(evaluation: Evaluation) -> list[str]:
    cells = [
        f"{name} {metric.heading}"
        for name in _columns(evaluation).values()
        for metric in evaluation.protocol.metrics
    ]
    return [f"| image | {' | '.join(cells)} |", "|---" + "|---:" * len(cells) + "|"]


def _line(row: Row, evaluation: Evaluation) -> str:
    cells = [row.image.replace("|", r"\|")]
    cells += [
        f"{getattr(row, f'{metric.name}_{column}'):.{metric.places}f}"
        for column in _columns(evaluation)
        for metric in evaluation.protocol.metrics
    ]
    return f"| {' | '.join(cells)} |"
