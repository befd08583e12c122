"""What Colab's versions of Python and its libraries must be able to do with this repository.

Part of `make test`, and of `make test-colab`, which has Colab's ipywidgets, transformers, numpy and IPython: pytest and
the standard library are all that is used here.
"""

import ast
import json
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = [
    path.relative_to(ROOT)
    for folder in ("vlmcore", "tools", "solutions", "lessons", "tests")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".ipynb"} and ".ipynb_checkpoints" not in path.parts
]
NOTEBOOKS = [path for path in FILES if path.suffix == ".ipynb"]
GONE = {"asynchat", "asyncore", "distutils", "imp", "smtpd"}  # from Python 3.12


def codes(path: Path) -> list[str]:
    """A file's code: all of it, or cell by cell without IPython's own % and ! lines."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.suffix == ".py":
        return [text]
    cells = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    return ["\n".join("" if line.startswith(("%", "!")) else line for line in cell.splitlines()) for cell in cells]


def imports(path: Path) -> list[ast.stmt]:
    """Every import statement of a file, those inside functions too."""
    nodes = (node for code in codes(path) for node in ast.walk(ast.parse(code)))
    return [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]


def modules(path: Path) -> set[str]:
    """The names of all that a file imports from: `os.path` for `import os.path` and for `from os.path import join`."""
    found = imports(path)
    plain = {alias.name for node in found if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module for node in found if isinstance(node, ast.ImportFrom) and node.module}


def test_there_are_lessons():
    assert len(NOTEBOOKS) >= 2


@pytest.mark.parametrize("path", NOTEBOOKS, ids=str)
def test_what_a_lesson_imports_can_be_imported(path):
    assert any(name.startswith("vlmcore") for name in modules(path))
    for node in imports(path):
        exec(compile(ast.Module([node], []), str(path), "exec"), {})


@pytest.mark.parametrize("path", FILES, ids=str)
def test_python_3_12_understands_it(path):
    """Its grammar has all of 3.11's; what it began to warn of, unknown escapes in strings, is an error here."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for code in codes(path):
            compile(ast.parse(code, str(path), feature_version=(3, 12)), str(path), "exec")
    assert not {name.split(".")[0] for name in modules(path)} & GONE
