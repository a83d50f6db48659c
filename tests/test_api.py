"""The shape of the public interface."""

import importlib
import inspect
import pkgutil
import subprocess
import sys

import danet_jax

MODULES = [
    module.name
    for module in pkgutil.walk_packages(danet_jax.__path__, "danet_jax.")
    if not module.name.rpartition(".")[2].startswith("_")
]
PUBLIC = [
    "VARIANTS",
    "DANet",
    "DANetConfig",
    "deform_conv2d",
    "dwt2",
    "from_torch",
    "idwt2",
    "load_pretrained",
    "to_torch",
    "transfer_decoder",
]


def test_the_names_of_the_package():
    assert danet_jax.__all__ == PUBLIC
    for name in PUBLIC:
        assert hasattr(danet_jax, name)


def _modules():
    return [importlib.import_module(name) for name in ("danet_jax", *MODULES)]


def _exported():
    for module in _modules():
        for name in getattr(module, "__all__", []):
            yield f"{module.__name__}.{name}", getattr(module, name, None)


def _own(module):
    """Public functions, classes and methods of a module, by qualified name."""
    for name, value in vars(module).items():
        own = getattr(value, "__module__", None) == module.__name__
        if own and not name.startswith("_") and callable(value):
            yield name, value
            members = vars(value).items() if inspect.isclass(value) else ()
            for inner, member in members:
                code = inspect.isfunction(member) or isinstance(member, property)
                if code and not inner.startswith("_"):
                    yield f"{name}.{inner}", member


def _documented(name, value):
    text = value.__doc__ or ""
    return text and not text.startswith(f"{name}(")  # as dataclasses get without one


def test_all_lists_what_is_there():
    names = list(_exported())
    assert len(dict(names)) == len(names)
    assert [name for name, value in names if value is None] == []


def test_everything_public_is_documented():
    modules = _modules()
    assert [module.__name__ for module in modules if not module.__doc__] == []
    own = [(module.__name__, *pair) for module in modules for pair in _own(module)]
    assert len(own) > 100
    assert [entry[:2] for entry in own if not _documented(*entry[1:])] == []


def test_options_are_keyword_only():
    positional = [
        f"{name}({parameter})"
        for name, value in _exported()
        if callable(value)
        for parameter in inspect.signature(value).parameters.values()
        # An operand that may be left out, such as a bias, is None then: no option.
        if parameter.default not in (inspect.Parameter.empty, None)
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    assert positional == []


def test_the_package_imports_alone_and_without_warnings():
    lazy = ["torch", "tensorflow", "tensorboardX", "matplotlib", "orbax", "grain"]
    lazy += ["tensorflow_datasets"]
    code = f"import danet_jax, sys; print(*set({lazy}) & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, [], "")
