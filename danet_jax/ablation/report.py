"""The table of an ablation as Markdown and JSON, and its curves as a picture."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from danet_jax.ablation.study import Outcome
from danet_jax.atomic import replace_text
from danet_jax.models.complexity import complexity

HEIGHT, WIDTH = 320, 480  # of the image for which multiply-adds are counted (Table 7)


def rows_of(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """One row a variant: its cost, and its scores as means over the seeds.

    The spread of a score is the largest minus the smallest PSNR of the seeds, in dB.
    """
    rows = []
    for name in dict.fromkeys(outcome.variant.name for outcome in outcomes):
        mine = [outcome for outcome in outcomes if outcome.variant.name == name]
        variant = mine[0].variant
        cost = complexity(variant.config.model, HEIGHT, WIDTH)
        scores = {}
        for images in mine[0].scores:
            psnr, ssim = zip(*(one.scores[images] for one in mine), strict=True)
            scores[images] = {
                "psnr_db": statistics.fmean(psnr),
                "psnr_spread_db": max(psnr) - min(psnr),
                "ssim": statistics.fmean(ssim),
                "psnr_db_of_seeds": list(psnr),
            }
        rows.append(
            {
                "variant": name,
                "label": variant.label,
                "parameters": cost.parameters,
                "macs": cost.macs,
                "steps": mine[0].steps,
                "step_seconds": min(one.step_seconds for one in mine),
                "seeds": [one.seed for one in mine],
                "scores": scores,
                "published": variant.published,
            }
        )
    return rows


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The table: PSNR in dB / SSIM, and in brackets the spread over the seeds."""
    sets = list(rows[0]["scores"])
    published = any(row["published"] for row in rows)
    heads = ["", "parameters", "MACs", "time a step", *sets]
    heads += ["published, Set12"] if published else []
    lines = [f"| {' | '.join(heads)} |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    for row in rows:
        cells = [
            row["label"],
            f"{row['parameters']:,}",
            f"{row['macs'] / 1e9:.2f} G",
            f"{row['step_seconds']:.2f} s",
            *(_score(row["scores"][name], len(row["seeds"])) for name in sets),
        ]
        cells += [row["published"]] if published else []
        lines.append(f"| {' | '.join(cells)} |")
    seeds = "; ".join(
        f"{label} {', '.join(map(str, numbers))}" for label, numbers in _seeds(rows)
    )
    notes = [
        "",
        f"PSNR in dB / SSIM of the last network, mean over seeds ({seeds}); in "
        "brackets the difference between the best and the worst seed. MACs are those "
        f"of a {WIDTH}x{HEIGHT} image. The time is that of the fastest interval "
        "between two records.",
        "",
    ]
    return "\n".join([*lines, *notes])


def write_study(workdir: Path, outcomes: Sequence[Outcome]) -> str:
    """Writes ablation.md, ablation.json and, with matplotlib, curves.png.

    Returns:
        The Markdown.
    Raises:
        OSError: a file cannot be written.
    """
    rows = rows_of(outcomes)
    curves = [
        {"variant": o.variant.name, "seed": o.seed, "step": step, "psnr_db": psnr}
        for o in outcomes
        for step, psnr in o.curve
    ]
    text = markdown(rows)
    values = {"rows": rows, "curves": curves}
    replace_text(workdir / "ablation.json", json.dumps(values, indent=2) + "\n")
    replace_text(workdir / "ablation.md", text)
    if curves:
        _draw(outcomes, workdir / "curves.png")
    return text


def _seeds(rows: Sequence[dict[str, Any]]) -> list[tuple[str, list[int]]]:
    """The seeds of all rows, or of each where they are not the same."""
    if all(row["seeds"] == rows[0]["seeds"] for row in rows):
        return [("all rows:", rows[0]["seeds"])]
    return [(f"{row['variant']}:", row["seeds"]) for row in rows]


def _score(score: dict[str, Any], seeds: int) -> str:
    spread = f" ({score['psnr_spread_db']:.2f})" if seeds > 1 else ""
    return f"{score['psnr_db']:.2f}{spread} / {score['ssim']:.4f}"


def _mean_curve(outcomes: Sequence[Outcome]) -> tuple[list[int], list[float]]:
    """The mean at each step that all have: validations may have been interrupted."""
    curves = [dict(outcome.curve) for outcome in outcomes]
    steps = sorted(set.intersection(*(set(curve) for curve in curves)))
    return steps, [statistics.fmean(c[step] for c in curves) for step in steps]


def _draw(outcomes: Sequence[Outcome], path: Path) -> None:
    """Validation PSNR against steps (Fig. 15): each seed, and thicker their mean."""
    try:
        import matplotlib
    except ImportError:
        return  # the JSON holds the same
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 3.8), layout="constrained")
    for number, name in enumerate(dict.fromkeys(o.variant.name for o in outcomes)):
        mine = [o for o in outcomes if o.variant.name == name and o.curve]
        color = f"C{number}"
        for one in mine:
            axes.plot(*zip(*one.curve, strict=True), color=color, alpha=0.35, lw=0.8)
        if mine:
            label = mine[0].variant.label
            axes.plot(*_mean_curve(mine), "o-", color=color, ms=3, label=label)
    axes.set_xlabel("training step")
    axes.set_ylabel("PSNR on the validation images, dB")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
