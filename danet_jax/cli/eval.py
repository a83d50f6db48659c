"""``danet eval``: scores, tables, pictures and submissions, by named protocols."""

import argparse
import dataclasses
import functools
import sys
from collections.abc import Sequence
from pathlib import Path

from danet_jax.checks import ConfigError
from danet_jax.cli.combinations import check_combination
from danet_jax.cli.folders import Folder, assign, check_apart, read_folder
from danet_jax.cli.jobs import check_folder
from danet_jax.cli.tasks import (
    Run,
    Task,
    check_channels,
    check_places,
    check_single,
    load_runs,
    plan,
    plan_own,
)
from danet_jax.data.images import make_folder, write_png
from danet_jax.evaluation.baselines import NON_LOCAL_MEANS, Baseline
from danet_jax.evaluation.evaluate import Evaluation, Panels, evaluate
from danet_jax.evaluation.pictures import (
    Panel,
    captioned,
    comparison_sheet,
    side_by_side,
)
from danet_jax.evaluation.protocols import PROTOCOLS, SUBMISSIONS, Submission
from danet_jax.evaluation.report import (
    RECORDS,
    markdown,
    write_report,
    write_rows,
    write_text,
)
from danet_jax.evaluation.sidd import ABOUT
from danet_jax.evaluation.tables import comparison
from danet_jax.restoration.inference import make_restorer

_LONG_PX = 40_000_000  # in all images
_SHEET_ROWS = 3
_SHEET_PX = 320  # largest side of a picture on the sheet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of ``danet eval``."""
    parser.description = (
        "Scores trained networks, or without --checkpoint the degraded images alone. "
        "A protocol is a benchmark's rule: docs/protocols.md. Without --protocol it is "
        "the run's own, which --config.evaluation.X=Y and --config.data.X=Y change, "
        "e.g. --config.data.sigma_255=50. Each new image size is compiled anew: a "
        "while, for full-size networks. What has no use beside the other arguments is "
        "refused."
    )
    add = functools.partial(parser.add_argument, default=[])
    add(
        "--checkpoint",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="working directories of trainings; of several, one that was trained for a "
        "protocol that is asked for, not for a range, is scored by that one alone, "
        "others by those of their kind",
    )
    add(
        "--protocol",
        nargs="+",
        metavar="NAME",
        choices=[*PROTOCOLS, *SUBMISSIONS],
        help=f"any of {', '.join([*PROTOCOLS, *SUBMISSIONS])}",
    )
    add(
        "--data",
        type=read_folder,
        nargs="+",
        metavar="DIR",
        help="folders of test images, one set each; PROTOCOL=DIR is for that protocol, "
        "DIR for all; default: the run's own validation",
    )
    _add_options(parser)


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--clean", default="", metavar="PATTERN", help="of the clean images in --data")
    add(
        "--degraded",
        default="",
        metavar="PATTERN",
        help="of their degraded partners; without one, clean images are degraded",
    )
    add("--baseline", choices=["nlm"], help="also score non-local means")
    add(
        "--out", type=Path, metavar="DIR", help="default: eval in the working directory"
    )
    add(
        "--json",
        type=Path,
        metavar="FILE",
        help="also one record for each image, of one network a set and protocol",
    )
    add("--save-images", action="store_true", help="restored images as OUT/SET/images")
    add(
        "--compare",
        action="store_true",
        help="side-by-side pictures as OUT/SET/compare, and OUT/comparison.png",
    )
    add(
        "--about",
        nargs="+",
        default=[],
        metavar="NAME=TEXT",
        help=f"of a submission to SIDD: {', '.join(ABOUT)}",
    )
    add(
        "--validate",
        type=Path,
        metavar="PATH",
        help="only check a submission: SubmitSrgb.mat, SubmitSrgb.csv or the folder "
        "that goes to DND",
    )


def run(arguments: argparse.Namespace, overrides: list[str]) -> None:
    """Evaluates checkpoints: a table to standard output, everything into files.

    Raises:
        UserError: a checkpoint, configuration, folder or image that cannot be used.
    """
    check_combination(arguments, overrides)
    if arguments.validate is not None:
        name = "dnd" if arguments.validate.is_dir() else "sidd_benchmark"
        _validate(SUBMISSIONS[name], arguments.validate)
        return
    names = list(dict.fromkeys(arguments.protocol))
    folders = assign(arguments.data, names or [""])
    about = _about(arguments.about)
    runs = load_runs(arguments.checkpoint)
    out = arguments.out or (runs[0].path / "eval" if len(runs) == 1 else None)
    submissions = [s for n, s in SUBMISSIONS.items() if n in names]
    for submission in submissions:
        check_channels(submission.name, submission.channels, runs[0])
    own = [folder for folder, _ in folders]
    tasks = (
        plan(arguments, folders, runs)
        if names
        else plan_own(arguments, own, overrides, runs[0])
    )
    evaluations = _score(arguments, tasks, out)
    table = comparison(evaluations) if names and evaluations else markdown(evaluations)
    try:  # first, since who reads the table may be gone
        if evaluations:
            _write(arguments, evaluations, out, table)
    finally:
        print(table, end="")
    for submission in submissions:
        assert out is not None  # as there is one checkpoint
        mine = [folder for folder, name in folders if name == submission.name]
        _submit(submission, mine, out, runs[0], about)


def _validate(submission: Submission, path: Path) -> None:
    print(f"{submission.name}: {path} holds {submission.check(path)}, as it must.")


def _score(
    arguments: argparse.Namespace, tasks: Sequence[Task], out: Path | None
) -> list[Evaluation]:
    """Does all tasks, and saves the pictures that are asked for."""
    if arguments.json is not None:
        check_single(tasks)
        if out is not None and arguments.json.resolve() == (out / RECORDS).resolve():
            raise ConfigError(
                f"eval: --json {arguments.json} is a file of --out. Give another."
            )
    if arguments.save_images or arguments.compare:
        check_places(tasks)
        if out is not None:
            check_apart(arguments.data, out)
    baseline = _baseline(arguments, tasks)
    if out is not None:
        check_folder(out)
    sheet: list[list[Panel]] = []
    evaluations = []
    for task in tasks:
        _say_if_long(task)
        save = None
        if out is not None:
            kind = "noisy" if task.protocol.sigma_255 else "degraded"
            save = functools.partial(_save, arguments, out / task.folder, kind, sheet)
        evaluation = evaluate(
            make_restorer(task.run.model) if task.run else None,
            task.images,
            task.protocol,
            baseline=baseline,
            on_image=save,
        )
        label = task.run.label if task.run else ""
        evaluations.append(
            dataclasses.replace(evaluation, images=task.name, method=label)
        )
    if sheet and out is not None:
        write_png(out / "comparison.png", comparison_sheet(sheet, largest=_SHEET_PX))
    return evaluations


def _say_if_long(task: Task) -> None:
    """Tells what is scored where it takes minutes: bars are for terminals only."""
    if sum(height * width for height, width in task.images.sizes) > _LONG_PX:
        of = f"{len(task.images)} images of {task.name}"
        print(f"Scoring {of} by {task.protocol.name}.", file=sys.stderr)


def _baseline(arguments: argparse.Namespace, tasks: Sequence[Task]) -> Baseline | None:
    if not arguments.baseline:
        return None
    for task in tasks:
        if not task.protocol.sigma_255 or task.run is None:
            kind = task.protocol.name if task.run else "no --checkpoint"
            raise ConfigError(
                "eval: --baseline nlm needs noise of known strength and a network to "
                f"stand beside; got {kind}. Leave it out."
            )
    return NON_LOCAL_MEANS


def _write(
    arguments: argparse.Namespace,
    evaluations: Sequence[Evaluation],
    out: Path | None,
    table: str,
) -> None:
    if out is not None:
        write_report(out, evaluations)
        files = "results.md, results.csv, results.json"
        if arguments.protocol:
            write_text(out / "table.md", table)
            files += ", table.md"
        print(f"Written to {out}: {files}.", file=sys.stderr)
    if arguments.json is not None:
        write_rows(arguments.json, evaluations)


def _about(entries: Sequence[str]) -> dict[str, str]:
    """What a submission to SIDD says of itself, from NAME=TEXT."""
    about = {}
    for entry in entries:
        name, equals, text = entry.partition("=")
        if name not in ABOUT or not equals:
            rule = f"must be NAME=TEXT, NAME one of {', '.join(ABOUT)}"
            raise ConfigError(f"eval: --about {rule}; got {entry!r}.")
        about[name] = text
    return about


def _submit(
    submission: Submission,
    folders: Sequence[Folder],
    out: Path,
    run: Run,
    about: dict[str, str],
) -> None:
    """Writes what a benchmark's server takes, and checks it."""
    restore = make_restorer(run.model)
    for folder in folders:
        place = out / (folder.name if len(folders) > 1 else "") / submission.name
        said = {"MethodName": run.label, **about}
        written = submission.export(restore, folder.path, place, said)
        _validate(submission, written)


def _save(
    arguments: argparse.Namespace,
    folder: Path,
    degraded: str,
    sheet: list[list[Panel]],
    panels: Panels,
) -> None:
    """Writes the pictures of one image; the first few go onto the sheet."""
    name = f"{panels.row.image}.png"
    if arguments.save_images:
        path = folder / "images" / name
        make_folder(path.parent)
        write_png(path, panels.restored)
    if arguments.compare:
        row = captioned(panels, degraded=degraded, baseline=NON_LOCAL_MEANS.name)
        path = folder / "compare" / name
        make_folder(path.parent)
        write_png(path, side_by_side(row))
        if len(sheet) < _SHEET_ROWS:
            sheet.append(row)
