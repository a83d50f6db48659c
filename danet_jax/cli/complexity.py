"""``danet complexity``: parameters, multiply-adds and memory of the networks."""

import argparse
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

from danet_jax.checks import ConfigError
from danet_jax.config import VARIANTS, DANetConfig, load_config
from danet_jax.models.complexity import complexity

# Huang et al. 2021, Table 7: thousands of parameters, and 1e9 "FLOPs" (multiply-adds)
# of one gray image of 480x320.
PUBLISHED = {
    "danet": (23481, 1040.9),
    "danet_s": (15940, 571.1),
    "DnCNN": (558, 86.1),
    "MWCNN": (24930, 159.3),
    "SADNet": (4234, 50.1),
    "RIDNet": (1499, 230.0),
}
_SIZE_OF_TABLE_7 = (320, 480)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of ``danet complexity``."""
    parser.description = (
        "Counts parameters, multiply-adds (MACs) and the memory of the features that "
        "training keeps for one image, beside the paper's Table 7."
    )
    add = parser.add_argument
    add(
        "--network",
        nargs="+",
        choices=list(VARIANTS),
        metavar="NAME",
        help=f"of {', '.join(VARIANTS)}; default: all",
    )
    add("--config", type=Path, metavar="FILE", help="the network of a config instead")
    add(
        "--size",
        nargs="+",
        default=["480x320"],
        metavar="WxH",
        help="image sizes in pixels, e.g. 480x320 256x256",
    )
    add("--channels", type=int, choices=(1, 3), help="gray (default) or RGB")
    add("--json", action="store_true", help="print JSON in place of a table")


def run(arguments: argparse.Namespace, overrides: list[str]) -> None:
    """Prints the counts.

    Raises:
        UserError: a size, a config or an argument that cannot be used.
    """
    if overrides:
        raise ConfigError(f"complexity: takes no overrides; got {overrides[0]}.")
    networks = _networks(arguments)
    sizes = [_size(text) for text in arguments.size]
    rows = [
        _row(name, config, *size) for size in sizes for name, config in networks.items()
    ]
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        print(_table(rows), end="")


def _networks(arguments: argparse.Namespace) -> dict[str, DANetConfig]:
    if arguments.config is not None:
        if arguments.network or arguments.channels:
            raise ConfigError(
                "complexity: --config already says which network and how many "
                "channels. Leave --network and --channels out."
            )
        config = load_config(arguments.config)
        return {config.name: config.model}
    return {
        name: dataclasses.replace(VARIANTS[name], channels=arguments.channels or 1)
        for name in arguments.network or VARIANTS
    }


def _size(text: str) -> tuple[int, int]:
    """Height and width of "480x320", which is written as the paper does."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise ConfigError(
            f"complexity: --size must be WIDTHxHEIGHT in pixels, e.g. 480x320; got "
            f"{text}."
        )
    return int(match[2]), int(match[1])


def _row(name: str, config: DANetConfig, height: int, width: int) -> dict[str, Any]:
    try:
        cost = complexity(config, height, width)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    published = None
    if config == VARIANTS.get(name) and (height, width) == _SIZE_OF_TABLE_7:
        published = PUBLISHED.get(name)
    return {
        "network": name,
        "size": f"{width}x{height}",
        "channels": config.channels,
        **cost._asdict(),
        "published_parameters": None if published is None else published[0] * 1000,
        "published_macs": None if published is None else round(published[1] * 1e9),
    }


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| network | image | parameters | published | MACs | published | features |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        cells = [
            row["network"],
            row["size"],
            f"{row['parameters']:,}",
            _thousands(row["published_parameters"]),
            f"{row['macs'] / 1e9:.1f} G",
            _giga(row["published_macs"]),
            f"{row['feature_bytes'] / 2**20:,.0f} MiB",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    if any(row["published_macs"] for row in rows):
        for name in ("DnCNN", "MWCNN", "SADNet", "RIDNet"):
            parameters, macs = PUBLISHED[name]
            lines.append(f"| {name} | 480x320 | | {parameters} k | | {macs} G | |")
    return "\n".join([*lines, ""])


def _thousands(count: int | None) -> str:
    return "" if count is None else f"{count // 1000} k"


def _giga(count: int | None) -> str:
    return "" if count is None else f"{count / 1e9:.1f} G"
