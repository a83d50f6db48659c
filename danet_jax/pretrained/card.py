"""What is known of a network of the package: JSON, and a section of text."""

import dataclasses
import json
import math
import textwrap
from typing import Any

from danet_jax.checks import ConfigError, message
from danet_jax.config import DANetConfig, from_dict

TASKS = {
    "gray25": "gray images with Gaussian noise of sigma 25",
    "color_blind": "colour images with Gaussian noise of unknown strength",
    "jpeg_blind": "JPEG files of unknown low quality, 10 to 40",
    "real": "photographs with the noise of a camera",
}
DTYPES = ("float32", "float16")
_TEXTS = ("command", "data", "terms")
_SCORES = ("psnr_degraded", "psnr_restored", "ssim_degraded", "ssim_restored")
_WIDTH = 90  # of a line of text


@dataclasses.dataclass(frozen=True)
class Figure:
    """What a network achieves on a set of images: means of PSNR in dB, and SSIM."""

    protocol: str
    set: str
    psnr_degraded: float
    psnr_restored: float
    ssim_degraded: float
    ssim_restored: float


@dataclasses.dataclass(frozen=True)
class Card:
    """Where a network comes from and what it does.

    Raises:
        ConfigError: an unknown task or dtype, an empty text, or no steps.
    """

    task: str  # one of TASKS
    model: DANetConfig
    command: str  # that trained it
    data: str  # that it was trained on
    terms: str  # of that data
    steps: int  # of training
    dtype: str  # in which its parameters are stored
    figures: tuple[Figure, ...]

    def __post_init__(self) -> None:
        _need(self.task in TASKS, "task", f"be one of {', '.join(TASKS)}", self.task)
        _need(self.dtype in DTYPES, "dtype", f"be {' or '.join(DTYPES)}", self.dtype)
        _need(self.steps > 0, "steps", "be positive", self.steps)
        for name in _TEXTS:
            _need(bool(getattr(self, name).strip()), name, "not be empty", '""')


def to_json(card: Card) -> str:
    """A card as JSON; ``channels`` stands beside the model, for readers."""
    values = dataclasses.asdict(card)
    return json.dumps({"channels": card.model.channels} | values, indent=2) + "\n"


def from_json(text: str, *, where: str) -> Card:
    """The inverse of ``to_json``.

    Args:
        text: JSON.
        where: what to name in errors, e.g. the file.
    Raises:
        ConfigError: no JSON, or none of a card.
    """
    try:
        values = json.loads(text)
        values.pop("channels")
        figures = tuple(_figure(figure) for figure in values.pop("figures"))
        model = from_dict(DANetConfig, values.pop("model"), where="model")
        return Card(**values, model=model, figures=figures)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"{where}: is no card of a network ({error}).") from error


def markdown(card: Card) -> str:
    """A section that describes a network, for docs/models.md."""
    about = TASKS[card.task]
    channels = f"{card.model.channels} channel{'s' * (card.model.channels > 1)}"
    lines = [
        f"## {card.task}",
        "",
        *_wrapped(
            f"{about[0].upper()}{about[1:]}. Widths {_listed(card.model.widths)}, "
            f"{channels}; {card.steps} steps; stored as {card.dtype}."
        ),
        "",
        *_command(card.command),
        "",
        *_wrapped(f"Data: {card.data.rstrip('.')}. Terms: {card.terms.rstrip('.')}."),
        "",
        "| set | degraded | restored | protocol |",
        "|---|---:|---:|---|",
    ]
    for figure in card.figures:
        degraded = f"{figure.psnr_degraded:.2f} / {figure.ssim_degraded:.3f}"
        restored = f"{figure.psnr_restored:.2f} / {figure.ssim_restored:.3f}"
        lines.append(f"| {figure.set} | {degraded} | {restored} | {figure.protocol} |")
    return "\n".join([*lines, ""])


def figures_of(records: Any, *, where: str) -> tuple[Figure, ...]:
    """The means in the records of a results.json of ``danet eval``.

    Args:
        records: the list that the file holds.
        where: what to name in errors, e.g. the file.
    Raises:
        ConfigError: there is no mean in it.
    """
    try:
        means = [record for record in records if record["image"] == "mean"]
        names = [field.name for field in dataclasses.fields(Figure)]
        figures = tuple(_figure({n: mean[n] for n in names}) for mean in means)
    except (TypeError, KeyError) as error:
        raise ConfigError(f"{where}: is no results.json of eval ({error}).") from error
    if not figures:
        raise ConfigError(f"{where}: holds no means. Give a results.json of eval.")
    return figures


def _figure(values: Any) -> Figure:
    figure = Figure(**values)
    scores = tuple(vars(figure)[name] for name in _SCORES)
    if not all(isinstance(score, float | int) for score in scores):
        raise TypeError(f"figures must be numbers; got {scores}")
    if not all(map(math.isfinite, scores)):
        raise ValueError(f"figures must be finite; got {scores}")
    return figure


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _command(text: str) -> list[str]:
    """A command as a block of code, whose lines break before options."""
    first, *options = text.split(" --")
    lines = [f"    {first}"]
    for option in options:
        if len(f"{lines[-1]} --{option}") + len(" \\") <= _WIDTH:
            lines[-1] += f" --{option}"
        else:
            lines[-1] += " \\"
            lines.append(f"      --{option}")
    return lines


def _listed(values: tuple[int, ...]) -> str:
    return ", ".join(map(str, values))


def _need(ok: bool, name: str, rule: str, got: object) -> None:
    if not ok:
        raise ConfigError(message("Card", name, rule, got))
