"""docs/paper_map.md: what it names exists, and its parameters are all there are."""

import ast
import re
from pathlib import Path

import pytest

from danet_jax import VARIANTS
from tests.models.networks import shapes

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "paper_map.md").read_text(encoding="utf-8")
PLACES = sorted(set(re.findall(r"`([\w/]+\.py):(\w+)`", TEXT)))


def statements(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text(encoding="utf-8")).body


def names(path: Path) -> set[str]:
    """What the statements of a file define at its top."""
    found = set()
    for node in statements(path):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets += [node.target] if isinstance(node, ast.AnnAssign) else []
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("place", PLACES, ids=":".join)
def test_what_the_map_names_is_there(place: tuple[str, str]) -> None:
    file, name = place
    assert name in names(ROOT / file)


def test_the_map_names_every_part_of_the_network() -> None:
    modules = {
        (f"danet_jax/models/{file.name}", node.name)
        for file in (ROOT / "danet_jax" / "models").glob("*.py")
        for node in statements(file)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        if "NamedTuple" not in map(ast.unparse, node.bases)  # those hold no parameters
    }
    assert len(modules) > 10
    assert modules <= set(PLACES)


def test_the_map_lists_all_parameters() -> None:
    outer, inner = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    stems = [line.split()[0] for line in outer.splitlines()]
    blocks = [line.split()[0] for line in inner.splitlines()]
    listed = {
        stem.replace("BLOCK", block)
        for stem in stems
        for block in (blocks if "BLOCK" in stem else [""])
    }
    used = {
        re.sub(r"\.(weight|bias)$", "", re.sub(r"(coder|blocks)\.\d+", r"\1.#", name))
        for config in VARIANTS.values()
        for name in shapes(config)
    }
    assert {name.replace("{i}", "#").replace("{j}", "#") for name in listed} == used
