"""The rules of the layout: who imports whom, and how long things may be."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = sorted(ROOT.glob("danet_jax/**/*.py"))
FOLDERS = ("configs", "tests", "benchmarks")
OTHERS = sorted(path for name in FOLDERS for path in ROOT.glob(f"{name}/**/*.py"))
FILES = [*PACKAGE, *OTHERS, *sorted(ROOT.glob("*.py"))]

LEAVES = {"atomic", "checks", "config", "locks"}
ARROWS = {  # what a room may import besides itself
    "atomic": set(),
    "checks": set(),
    "config": {"checks"},
    "locks": set(),
    "ops": {"checks"},
    "models": {"ops"} | LEAVES,
    "data": LEAVES,
    "restoration": {"models", "ops", "data"} | LEAVES,
    "evaluation": {"restoration", "data"} | LEAVES,
    "training": {"evaluation", "restoration", "models", "ops", "data"} | LEAVES,
    "ablation": {"training", "evaluation", "restoration", "models"} | LEAVES,
    "interop": {"models", "ops"} | LEAVES,
    "pretrained": {"interop", "models"} | LEAVES,
    "figures": {"evaluation", "restoration", "models", "ops", "data"} | LEAVES,
    "cli": {"training", "ablation", "evaluation", "restoration", "figures"}
    | {"pretrained", "interop", "models", "ops", "data"}
    | LEAVES,
    "__init__": {"config", "interop", "models", "ops", "pretrained"},
}


def _tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(tree):
    """The modules that a file imports, with the names it takes from them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _imports_at_once(tree):
    """Those of them that are imported as the file is read, not in a function."""
    nodes = list(tree.body)
    for node in nodes:  # which grows on the way
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imports(node)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            nodes.extend(ast.iter_child_nodes(node))


def _room(path):
    return path.relative_to(ROOT / "danet_jax").parts[0].removesuffix(".py")


def _functions():
    for path in FILES:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}", node


def _length(function):
    """Lines from def to the end, without docstrings."""
    documented = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    texts = [
        node.body[0]
        for node in ast.walk(function)
        if isinstance(node, documented) and ast.get_docstring(node) is not None
    ]
    lines = sum(text.end_lineno - text.lineno + 1 for text in texts)
    return function.end_lineno - function.lineno + 1 - lines


def test_every_room_has_its_arrows():
    assert {_room(path) for path in PACKAGE} == set(ARROWS)


def test_rooms_import_only_along_the_arrows():
    wrong = []
    for path in PACKAGE:
        room = _room(path)
        for name in _imports(_tree(path)):
            package, _, rest = name.partition(".")
            target = rest.partition(".")[0]
            ours = package in ("danet_jax", "")  # "": a relative import, never used
            if ours and target not in ARROWS[room] | {room}:
                wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert wrong == []


def test_torch_is_for_interop_alone():
    users = {
        _room(path)
        for path in PACKAGE
        if any(name.split(".")[0] == "torch" for name in _imports(_tree(path)))
    }
    assert users == {"interop"}


def test_what_is_optional_is_imported_when_it_is_needed():
    optional = {"torch", "torchvision", "tensorboardX", "matplotlib", "h5py"}
    assert not [
        f"{path.relative_to(ROOT)}: {name}"
        for path in PACKAGE
        for name in _imports_at_once(_tree(path))
        if name.split(".")[0] in optional
    ]


def test_what_nothing_imports_or_calls():
    wrong = []
    for path in FILES:
        tree = _tree(path)
        names = [f"{name}." for name in _imports(tree)]
        used = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
        names += [f"{ast.unparse(node)}." for node in used]
        refused = ("tensorflow.", "clu.", "flax.linen.", "jax.pmap.", "linen.")
        wrong += [f"{path}: {name}" for name in names if name.startswith(refused)]
    assert wrong == []


def test_there_is_no_room_for_everything():
    names = {path.stem for path in FILES}
    assert not names & {"utils", "util", "helpers", "misc", "common"}


def test_no_function_is_written_twice():
    places = {}
    for path in PACKAGE:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("__"):
                body = node.body[ast.get_docstring(node) is not None :]
                text = ast.unparse([node.args, *body])
                places.setdefault(text, []).append(f"{_room(path)}: {node.name}")
    assert [found for found in places.values() if len(found) > 1] == []


def test_files_are_short():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in FILES
    }
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_functions_are_short():
    lengths = {name: _length(function) for name, function in _functions()}
    assert {name: length for name, length in lengths.items() if length > 40} == {}
