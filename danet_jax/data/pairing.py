"""Which two files of a folder show the same picture: two patterns decide."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

from danet_jax.checks import ConfigError, DataError

Texts = tuple[str, ...]  # what the wildcards of a pattern matched, in their order
_WILDCARD = re.compile(r"(\*\*/|\*|\?|\[!?\]?[^\]]*\])")


def check_partner(
    clean: Path, size: tuple[int, ...], degraded: Path, other: tuple[int, ...]
) -> None:
    """Checks that the two images of a pair are equally large.

    Args:
        clean: the clean file.
        size: its height and width in pixels.
        degraded: its partner.
        other: likewise.
    Raises:
        DataError: they are not.
    """
    if size != other:
        raise DataError(
            f"{degraded}: must be as large as {clean}; got {other[1]}x{other[0]} and "
            f"{size[1]}x{size[0]} pixels (width x height)."
        )


def match_pairs(
    names: Iterable[str], *, clean: str, degraded: str, where: str = "data"
) -> list[tuple[str, str]]:
    """Pairs the names whose wildcards matched the same text.

    Where a pattern ends in ``*``, which leaves the suffix open, ``clean/a.png`` and
    ``noisy/a.jpg`` are a pair, too, unless there is a ``noisy/a.png``.

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
        DataError: a name without a partner, one with several, or one that matches both
            patterns.
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
    same = sides[0].keys() & sides[1].keys()
    pairs = [(sides[0][text], sides[1][text]) for text in same]
    rest = [{t: name for t, name in side.items() if t not in same} for side in sides]
    stems = [_by_stem(rest[0], clean), _by_stem(rest[1], degraded)]
    for stem in sorted(stems[0].keys() & stems[1].keys()):
        pairs.append(_only_pair(stems[0][stem], stems[1][stem], where))
    paired = {name for pair in pairs for name in pair}
    single = [
        (name, _fill(pattern, text))
        for side, pattern in zip(rest, (degraded, clean), strict=True)
        for text, name in side.items()
        if name not in paired
    ]
    if single:
        name, partner = single[0]
        raise DataError(
            f"{where}: images without a partner: {len(single)}. First: {name}, which "
            f"needs {partner}. Add what is missing or correct the patterns."
        )
    return sorted(pairs)


def _by_stem(side: Mapping[Texts, str], pattern: str) -> dict[Texts, list[str]]:
    """Names by what their wildcards matched, less a suffix that is part of it."""
    found: dict[Texts, list[str]] = {}
    for texts, name in side.items():
        if pattern.endswith("*"):
            texts = (*texts[:-1], texts[-1].removesuffix(PurePath(name).suffix))
        found.setdefault(texts, []).append(name)
    return found


def _only_pair(clean: list[str], degraded: list[str], where: str) -> tuple[str, str]:
    if len(clean) > 1 or len(degraded) > 1:
        raise DataError(
            f"{where}: {', '.join(clean)} and {', '.join(degraded)} differ in their "
            "suffix, and more than one pair is possible. Remove what is too much, or "
            "let the patterns end in a suffix, as in '*.png'."
        )
    return clean[0], degraded[0]


def _by_text(names: Iterable[str], pattern: str) -> dict[Texts, str]:
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


def _fill(pattern: str, text: Texts) -> str:
    """The one name that matches a pattern with these texts for its wildcards."""
    pieces = _WILDCARD.split(pattern)
    pieces[1::2] = text
    return "".join(pieces)
