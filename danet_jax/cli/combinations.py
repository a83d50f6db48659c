"""Which arguments of ``danet eval`` go together: none is passed over in silence."""

import argparse

from danet_jax.checks import ConfigError
from danet_jax.evaluation.protocols import SUBMISSIONS

_OPTIONS = {
    name: f"--{name.replace('_', '-')}"
    for name in (
        *("checkpoint", "protocol", "data", "clean", "degraded", "baseline"),
        *("out", "json", "save_images", "compare", "about"),
    )
}
_PATTERNS = "clean", "degraded"
_OF_SCORES = *_PATTERNS, "baseline", "json", "save_images", "compare"


def check_combination(arguments: argparse.Namespace, overrides: list[str]) -> None:
    """Refuses arguments that do not go together, or that would have no effect.

    Raises:
        ConfigError: such arguments.
    """
    if arguments.validate is not None:
        _check_alone(arguments, overrides)
    elif arguments.protocol:
        _check_protocols(arguments, overrides)
    else:
        _check_own(arguments)
    count = len(arguments.checkpoint)
    if not count and (arguments.save_images or arguments.compare):
        raise ConfigError("eval: pictures of restored images need a --checkpoint.")
    if count > 1 and not arguments.out:
        raise ConfigError("eval: several checkpoints need --out DIR, for the results.")


def _check_alone(arguments: argparse.Namespace, overrides: list[str]) -> None:
    """Validating a submission takes nothing but its path."""
    others = [*_given(arguments, *_OPTIONS), *(o.partition("=")[0] for o in overrides)]
    if others:
        raise ConfigError(
            "eval: --validate only checks the submission that it names. Leave "
            f"{others[0]} out."
        )


def _check_protocols(arguments: argparse.Namespace, overrides: list[str]) -> None:
    names, count = arguments.protocol, len(arguments.checkpoint)
    if overrides:
        option = overrides[0].partition("=")[0]
        raise ConfigError(f"eval: {names[0]} is fixed. Leave {option} out.")
    served = [name for name in names if name in SUBMISSIONS]
    if served and count != 1:
        raise ConfigError(
            f"eval: only its server can score {served[0]}. Give one --checkpoint to "
            f"restore its images with; got {count}."
        )
    useless = _given(arguments, *_OF_SCORES)
    if len(served) == len(names) and useless:
        raise ConfigError(
            f"eval: {useless[0]} is for what is scored here; only its server can score "
            f"{served[0]}. Leave it out."
        )
    if arguments.about and "sidd_benchmark" not in served:
        raise ConfigError("eval: --about is for the protocol sidd_benchmark alone.")


def _check_own(arguments: argparse.Namespace) -> None:
    count = len(arguments.checkpoint)
    if count != 1:
        got = "several" if count else "none"
        raise ConfigError(
            "eval: without --protocol, which says how to score, one --checkpoint must "
            f"be given; got {got}."
        )
    if arguments.about:
        raise ConfigError("eval: --about is for the protocol sidd_benchmark alone.")
    patterns = _given(arguments, *_PATTERNS)
    if patterns and not arguments.data:
        raise ConfigError(
            f"eval: {patterns[0]} is a pattern of images in --data DIR, which is "
            "missing. The run's own validation images are those of its config."
        )


def _given(arguments: argparse.Namespace, *names: str) -> list[str]:
    """Those of some options that stand on the command line."""
    return [_OPTIONS[name] for name in names if getattr(arguments, name)]
