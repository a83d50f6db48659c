"""How ``danet eval`` scores a run by its own config, and what of that may change."""

import argparse
import dataclasses
from typing import NamedTuple

from danet_jax.checks import ConfigError
from danet_jax.config import ExperimentConfig, override, parse_overrides
from danet_jax.config.values import PREFIX, flat
from danet_jax.evaluation.protocols import Protocol, protocol_of, real_pairs


class Scoring(NamedTuple):
    """All that a config decides about scores."""

    protocol: Protocol
    clean: str  # patterns of images in folders, if there are folders
    degraded: str
    cache_gib: float
    validation: tuple[object, ...]  # where there are no folders: whence images come


def apply_overrides(
    arguments: argparse.Namespace, overrides: list[str], stored: ExperimentConfig
) -> tuple[ExperimentConfig, Scoring]:
    """The config of a run with what the command line changes, and what follows of it.

    Raises:
        ConfigError: fields of the network or its training, or a change that would not
            change a score.
    """
    config = parse_overrides(stored, overrides)
    fixed = dataclasses.replace(config, data=stored.data, evaluation=stored.evaluation)
    if fixed != stored:
        raise ConfigError(
            "eval: the network and its training cannot be changed; only "
            "--config.data and --config.evaluation can."
        )
    scoring = _scoring(arguments, config)
    was, now = (flat(dataclasses.asdict(one)) for one in (stored, config))
    for path in now:
        if now[path] != was[path] and _is_idle(arguments, config, path, was[path]):
            raise ConfigError(_refusal(arguments, path))
    return config, scoring


def _scoring(arguments: argparse.Namespace, config: ExperimentConfig) -> Scoring:
    data, channels = config.data, config.model.channels
    protocol = protocol_of(config)
    if arguments.degraded:
        protocol = real_pairs(channels, data.gray, config.evaluation)
    if arguments.data:
        clean, degraded = data.validation_patterns if data.degraded else ("**/*", "")
        clean, degraded = arguments.clean or clean, arguments.degraded or degraded
        return Scoring(protocol, clean, degraded, data.cache_gib, ())
    validation: tuple[object, ...] = data.held_out, data.root, data.clean, data.degraded
    if data.validation_root:
        validation = data.validation_root, data.validation_patterns
    return Scoring(protocol, "", "", data.cache_gib, validation)


def _is_idle(
    arguments: argparse.Namespace, config: ExperimentConfig, path: str, was: object
) -> bool:
    """Whether scores would be the same had a field kept its value."""
    try:
        without = override(config, {path: was})
    except ConfigError:  # it belongs to another change
        return False
    return _scoring(arguments, without) == _scoring(arguments, config)


def _refusal(arguments: argparse.Namespace, path: str) -> str:
    name = path.rpartition(".")[2]
    text = f"eval: {PREFIX}{path} would change no score here. Leave it out."
    if path in ("data.clip", "data.round"):
        text += f" For test images it is {PREFIX}evaluation.{name}."
    if arguments.data and path in ("data.root", "data.held_out"):
        text += " The images are those of --data."
    return text
