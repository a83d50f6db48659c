"""The files of the networks that come with the package, TASK.safetensors and .json."""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np

from danet_jax.atomic import replace_text
from danet_jax.checks import CheckpointError, ConfigError, WeightsError, message
from danet_jax.interop import (
    from_torch,
    read_state_dict,
    to_torch,
    write_state_dict,
)
from danet_jax.models import DANet
from danet_jax.pretrained.card import TASKS, Card, from_json, to_json

MOST_BYTES = 1_500_000  # of a network, so that the package stays small


def load_pretrained(task: str) -> DANet:
    """Loads a network that comes with the package.

    Args:
        task: gray25, color_blind, jpeg_blind or real; ``read_card`` tells more.
    Raises:
        ConfigError: another task.
        CheckpointError: the network is not in this installation.
        WeightsError: its file is damaged.
    """
    card = read_card(task)
    with resources.as_file(_folder() / f"{task}.safetensors") as path:
        try:
            return from_torch(read_state_dict(path), card.model)
        except WeightsError as error:
            # Errors of reading name the file, those of matching do not.
            text = str(error).removeprefix(f"{path}: ")
            raise WeightsError(f"{path}: {text} Install the package anew.") from error


def read_card(task: str) -> Card:
    """Reads what is known of a network that comes with the package.

    Raises:
        ConfigError: another task, or a damaged card.
        CheckpointError: the network is not in this installation.
    """
    if task not in TASKS:
        rule = f"be one of {', '.join(TASKS)}"
        raise ConfigError(message("load_pretrained", "task", rule, repr(task)))
    if task not in shipped():
        others = ", ".join(shipped()) or "none"
        raise CheckpointError(
            f'pretrained: the network "{task}" is not in this installation, which has '
            f"{others}. Train one and give its working directory: --checkpoint DIR."
        )
    path = _folder() / f"{task}.json"
    card = from_json(path.read_text(encoding="utf-8"), where=str(path))
    if card.task != task:
        raise ConfigError(f"{path}: must be the card of {task}; got {card.task}.")
    return card


def shipped() -> list[str]:
    """The tasks whose networks are in this installation."""
    names = {file.name for file in _folder().iterdir()}
    return [task for task in TASKS if {f"{task}.safetensors", f"{task}.json"} <= names]


def write_pretrained(folder: Path, card: Card, model: DANet) -> Path:
    """Writes TASK.safetensors and TASK.json, as the package holds them.

    Args:
        folder: an existing one, e.g. danet_jax/pretrained of a checkout.
        card: its ``dtype`` is that of the parameters in the file.
        model: the network, of the card's config.
    Returns:
        The file of the parameters.
    Raises:
        ConfigError: the file would be larger than 1.5 MB, or the config differs.
        FileNotFoundError: no such folder.
    """
    if model.config != card.model:
        raise ConfigError(message("pretrained", "model", "be the card's", model.config))
    with np.errstate(over="ignore"):  # it becomes infinity, which is refused
        state = {n: array.astype(card.dtype) for n, array in to_torch(model).items()}
    _check_arrays(state)
    path = folder / f"{card.task}.safetensors"
    write_state_dict(path, state)
    replace_text(folder / f"{card.task}.json", to_json(card))
    return path


def _check_arrays(state: dict[str, np.ndarray]) -> None:
    size = sum(array.nbytes for array in state.values())
    if size > MOST_BYTES:
        raise ConfigError(
            f"pretrained: a network must take at most {MOST_BYTES / 1e6} MB; got "
            f"{size / 1e6:.2f} MB. Store float16 (--half), or train a smaller one."
        )
    if not all(np.isfinite(array).all() for array in state.values()):
        raise ConfigError(
            "pretrained: the parameters hold NaN or infinity, or values too large for "
            "float16. Train anew, or leave --half out."
        )


def _folder() -> Traversable:
    return resources.files("danet_jax.pretrained")
