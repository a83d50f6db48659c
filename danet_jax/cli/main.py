"""The command ``danet``, and what the scripts beside the package call."""

import argparse
import contextlib
import errno
import io
import logging
import os
import re
import sys
import warnings
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

from danet_jax.checks import ConfigError, UserError
from danet_jax.cli import (
    ablation,
    complexity,
    export,
    prepare,
    restore,
    train,
    visualize,
)
from danet_jax.cli import eval as evaluation
from danet_jax.cli.compiled import keep_compiled

COMMANDS = {
    "prepare": (prepare, "cut the patches of a data set for training"),
    "train": (train, "train a network, or resume a training"),
    "eval": (evaluation, "score a trained network on test images"),
    "restore": (restore, "restore image files"),
    "export": (export, "write a trained network as files of this package"),
    "ablation": (ablation, "train and compare a network's variants"),
    "complexity": (complexity, "count parameters, multiply-adds and memory"),
    "visualize": (visualize, "draw where networks look and what they attend to"),
}

SCRIPTS = (
    "prepare",
    "train",
    "eval",
    "restore",
    "visualize",
)  # those with a file of their own

# What only the user can mend; any other error of the system may be a bug.
_OF_THE_USER = frozenset(
    (
        errno.EACCES,
        errno.EDQUOT,
        errno.ENAMETOOLONG,
        errno.ENOSPC,
        errno.EPERM,
        errno.EROFS,
    )
)


def main(arguments: Sequence[str]) -> int:
    """Runs ``danet ARGUMENTS``.

    Args:
        arguments: a subcommand and its arguments; ``--config.X=Y`` are overrides.
    Returns:
        The exit status: 0; 2 after a user's mistake, explained in one line; 130 after
        Ctrl-C; 141 if the reader of the output went away.
    """
    _prepare_streams()
    try:
        _run(arguments)
        sys.stdout.flush()
    except UserError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _abandon_stdout()
        return 141
    except OSError as error:
        if error.errno not in _OF_THE_USER:
            raise
        _abandon_stdout()
        return _refuse(f"{error.filename or 'danet'}: {error.strerror}.")
    return 0


def entry() -> None:
    """The installed command."""
    sys.exit(main(sys.argv[1:]))


class _Parser(argparse.ArgumentParser):
    """Tells a mistake in one line, where argparse would print its usage as well."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{self.prog}: {message}. See {self.prog} --help.")


class _Version(argparse.Action):
    """Looks it up only when asked: the scripts also run where nothing is installed."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"danet {metadata.version('danet_jax')}")
        parser.exit()


def _run(arguments: Sequence[str]) -> None:
    parsed, rest = _parser().parse_known_args(_protected(arguments))
    if rest and not rest[0].startswith("--config."):
        parsed.parser.error(f"unknown argument {rest[0]}")
    # Orbax and tifffile tell there what they also raise.
    for name in "absl", "asyncio", "tifffile":
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # After an error Orbax leaves its other reads, which Python may notice at the end.
    unread = "coroutine .* was never awaited"
    warnings.filterwarnings("ignore", unread, RuntimeWarning)
    keep_compiled()
    COMMANDS[parsed.command][0].run(parsed, rest)


def _protected(arguments: Sequence[str]) -> Sequence[str]:
    """Points, which argparse takes for options if negative, but not behind a space."""
    if list(arguments[:1]) != ["visualize"]:
        return arguments
    point = re.compile(r"-[\d.]+,-?[\d.]+")
    return [f" {x}" if point.fullmatch(x) else x for x in arguments]


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="danet", description="DANet for image restoration, in JAX.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    names = "|".join(COMMANDS)
    commands = parser.add_subparsers(dest="command", required=True, metavar=names)
    script = Path(sys.argv[0]).name
    for name, (command, summary) in COMMANDS.items():
        one = commands.add_parser(
            name,
            prog=f"python {script}" if script == f"{name}.py" else f"danet {name}",
            help=summary,
            # Else "--config.train.x=1" might be taken for an abbreviation.
            allow_abbrev=False,
        )
        one.set_defaults(parser=one)
        command.add_arguments(one)
    return parser


def _prepare_streams() -> None:
    """Lets standard streams take any text, also where they are closed (``>&-``).

    Names of files need not be text in the terminal's encoding, nor any text at all.
    """
    for name in "stdout", "stderr":
        stream = getattr(sys, name)
        if stream is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, nowhere)
        elif isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _refuse(text: str) -> int:
    print(_as_typed(" ".join(text.split())), file=sys.stderr)
    return 2


def _as_typed(text: str) -> str:
    """Names the scripts in place of ``danet``, for those who have typed one of them."""
    typed = Path(sys.argv[0]).name
    if typed not in {f"{name}.py" for name in SCRIPTS}:
        return text
    return re.sub(rf"\bdanet ({'|'.join(SCRIPTS)})\b", r"python \1.py", text)


def _abandon_stdout() -> None:
    """Keeps the interpreter from writing again, at its end, what failed just now."""
    with contextlib.suppress(io.UnsupportedOperation):  # a notebook's is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
