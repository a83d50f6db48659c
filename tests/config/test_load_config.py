import pytest

from danet_jax.checks import ConfigError
from danet_jax.config import ExperimentConfig, load_config

GOOD = "from danet_jax.config import *\ndef get_config():\n"


def test_load_config(tmp_path):
    path = tmp_path / "x.py"
    path.write_text(GOOD + "    return ExperimentConfig(name='y')\n")
    assert load_config(path) == load_config(str(path)) == ExperimentConfig(name="y")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("x = 1\n", r"a config must define get_config\(\)."),
        ("get_config = 3\n", "TypeError: 'int' object is not callable."),
        (GOOD, r"IndentationError: expected an indented block .*line 2\)."),
        ("def get_config(:\n", r"SyntaxError: invalid syntax \(x.py, line 1\)."),
        ("import nowhere\n", "line 1: ModuleNotFoundError: No module named 'nowhere'."),
        (GOOD + "    return nothing\n", "line 3: NameError: name 'nothing' .*"),
        (GOOD + "    return VARIANTS['x']\n", "line 3: KeyError: 'x'."),
        (GOOD + "    return ExperimentConfig(x=1)\n", "line 3: TypeError: .*'x'."),
        (GOOD + "    return 3\n", r"get_config\(\) must return Experiment.*; got int."),
        (
            GOOD + "    return TrainConfig(steps='3')\n",
            "train: \"steps\" must be a whole number; got '3'.",
        ),
        (
            GOOD + "    return override(ExperimentConfig(), {'train.step': 3})\n",
            "unknown field train.step. Did you mean train.steps. Known: .*",
        ),
        (GOOD + "    return load_config('y.py')\n", "y.py: no such config. Beside .*"),
    ],
)
def test_files_are_refused(tmp_path, monkeypatch, text, match):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.py").write_text(text)
    with pytest.raises(ConfigError, match=f"^x.py: {match}$"):
        load_config("x.py")


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("c/z.py", "c/z.py: no such config. Beside it: c/x.py, c/y.py."),
        ("d/z.py", "d/z.py: no such config. Beside it: none."),
        ("c", "c: is a folder. Give one of its files: c/x.py, c/y.py."),
        ("c/x.json", r"c/x.json: a config must be a Python file, \*.py."),
    ],
)
def test_paths_are_refused(tmp_path, monkeypatch, path, match):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c").mkdir()
    for name in "x.py", "y.py", "x.json":
        (tmp_path / "c" / name).touch()
    with pytest.raises(ConfigError, match=f"^{match}$"):
        load_config(path)
