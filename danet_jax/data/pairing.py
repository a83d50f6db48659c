"""Which two files of a folder show the same picture: two patterns decide."""

import re
from collections.abc import Iterable

from danet_jax.checks import ConfigError, DataError

_WILDCARD = re.compile(r"(\*\*/|\*|\?|\[!?\]?[^\]]*\])")


def match_pairs(
    names: Iterable[str], *, clean: str, degraded: str, where: str = "data"
) -> list[tuple[str, str]]:
    """Pairs the names whose wildcards matched the same text.

    Args:
        names: paths relative to one folder, with "/"; those that match neither pattern
            are ignored.
        clean: pattern of the clean images, with the wildcards of a glob: ``*``, ``?``,
            ``[...]`` within a name and ``**/`` for any folders.
        degraded: pattern of their partners, with the same wildcards in the same order.
        where: what errors name, the folder.
    Returns:
        (clean name, degraded name), sorted.
    Raises:
        ConfigError: the wildcards of the two patterns differ.
        DataError: a name without a partner, or one that matches both patterns.
    Example:
        >>> match_pairs(["a_x.png", "a_y.png"], clean="*_x.png", degraded="*_y.png")
        [('a_x.png', 'a_y.png')]
    """
    if _WILDCARD.findall(clean) != _WILDCARD.findall(degraded):
        raise ConfigError(
            "data: clean and degraded must hold the same wildcards in the same order; "
            f"got {clean!r} and {degraded!r}."
        )
    names = sorted(names)
    sides = [_by_text(names, clean), _by_text(names, degraded)]
    both = sorted(set(sides[0].values()) & set(sides[1].values()))
    if both:
        raise DataError(
            f"{where}: {both[0]} matches both {clean!r} and {degraded!r}, as do "
            f"{len(both)} files in all. Choose patterns that exclude one another."
        )
    single = [
        (side[text], _fill(pattern, text))
        for side, other, pattern in (
            (sides[0], sides[1], degraded),
            (sides[1], sides[0], clean),
        )
        for text in side
        if text not in other
    ]
    if single:
        name, partner = single[0]
        raise DataError(
            f"{where}: images without a partner: {len(single)}. First: {name}, which "
            f"needs {partner}. Add what is missing or correct the patterns."
        )
    return [(name, sides[1][text]) for text, name in sides[0].items()]


def _by_text(names: Iterable[str], pattern: str) -> dict[tuple[str, ...], str]:
    """The names that match a pattern, by the texts that its wildcards matched."""
    pieces = _WILDCARD.split(pattern)  # literal, wildcard, literal, ...
    pieces[0::2] = map(re.escape, pieces[0::2])
    pieces[1::2] = map(_expression, pieces[1::2])
    expression = re.compile("".join(pieces))
    matches = ((name, expression.fullmatch(name)) for name in names)
    return {match.groups(): name for name, match in matches if match}


def _expression(wildcard: str) -> str:
    if wildcard == "**/":
        return "((?:[^/]+/)*)"
    if wildcard == "*":
        return "([^/]*)"
    if wildcard == "?":
        return "([^/])"
    body = re.sub(r"([\\\[&|~^])", r"\\\1", wildcard[1:-1])
    return f"((?!/)[{re.sub('^!', '^', body)}])"


def _fill(pattern: str, text: tuple[str, ...]) -> str:
    """The one name that matches a pattern with these texts for its wildcards."""
    pieces = _WILDCARD.split(pattern)
    pieces[1::2] = text
    return "".join(pieces)
