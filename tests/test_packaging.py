"""One set-up, told in several files: pyproject.toml, constraints.txt, environment.yml and the Makefile must agree."""

import json
import re
import tomllib
from importlib import import_module
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import vlmcore

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
NOTEBOOKS = sorted(path for folder in ("lessons", "solutions") for path in (ROOT / folder).glob("**/[!.]*.ipynb"))


def direct() -> dict[str, SpecifierSet]:
    """Name → range of every dependency that pyproject.toml names, extras included."""
    groups = PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()
    return {canonicalize_name(r.name): r.specifier for r in map(Requirement, chain(*groups))}


def pins(lines: list[str]) -> dict[str, str]:
    """Name → version of `name==version` lines; anything looser fails."""
    pinned = {}
    for requirement in map(Requirement, lines):
        (spec,) = requirement.specifier
        assert spec.operator == "==" and "*" not in spec.version, f"{requirement} is not an exact version"
        pinned[canonicalize_name(requirement.name)] = spec.version
    return pinned


def pinned_in(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text("utf-8").splitlines()
    return pins([line for line in lines if line and not line.startswith("#")])


def environment() -> tuple[list[str], list[str]]:
    """The conda and the pip part of environment.yml, which is plain enough to be read without a YAML parser."""
    conda, pip = (ROOT / "environment.yml").read_text("utf-8").split("dependencies:\n")[1].split("- pip:\n")
    return re.findall(r"^ +- (\S+)$", conda, re.M), re.findall(r"^ +- (\S.*)$", pip, re.M)


def test_environment_pins_every_direct_dependency_as_constraints_do():
    pip = environment()[1]
    assert pip.pop() == "-e ."
    assert pins(pip) == {name: pinned_in("constraints.txt").get(name) for name in direct()}


@pytest.mark.parametrize("name", direct())
def test_pin_lies_inside_the_range(name):
    assert direct()[name].contains(pinned_in("constraints.txt")[name])


def test_python_version_agrees():
    (python,) = (entry.removeprefix("python=") for entry in environment()[0] if entry.startswith("python="))
    assert PROJECT["requires-python"] == f">={python}"
    assert PYPROJECT["tool"]["ruff"]["target-version"] == "py" + python.replace(".", "")
    assert f"python{python} -c" in MAKEFILE


def test_colab_is_admitted():
    colab = {"torch": "2.11.0"} | pinned_in("colab.txt")
    assert {"transformers", "ipywidgets", "numpy"} < colab.keys()
    assert SpecifierSet(PROJECT["requires-python"]).contains("3.12")
    assert [name for name, range in direct().items() if name in colab and not range.contains(colab[name])] == []


def test_console_script_resolves():
    module, function = PROJECT["scripts"]["vlmcore"].split(":")
    assert callable(getattr(import_module(module), function))


def test_makefile_documents_its_targets():
    documented = set(re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, re.M))
    assert documented == {
        "help", "run", "test", "quick", "test-colab", "lessons", "lab", "course", "executed", "site", "bench", "format",
        "clean",
    }  # fmt: skip
    assert documented == set(re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.M)[1].split())


def test_what_takes_no_time_is_tested_before_each_commit():
    quick = re.search(r"^quick:.*\n((?:\t.+\n)+)", MAKEFILE, re.M)[1]
    for command in ("ruff check", "ruff format --check", "lint-imports", '-m "not slow"'):
        assert command in quick
    assert any(marker.startswith("slow:") for marker in PYPROJECT["tool"]["pytest"]["ini_options"]["markers"])


def test_versions_agree():
    assert vlmcore.__version__ == PROJECT["version"]
    changes = re.findall(r"^## \[(\d.+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert changes[:1] in ([], [PROJECT["version"]])
    torch = re.findall(r"torch==([\d.]+\d)", (ROOT / "README.md").read_text("utf-8"))
    assert set(torch) <= {pinned_in("constraints.txt")["torch"]}


@pytest.mark.parametrize("name", ["accelerate"])
def test_what_is_not_used_is_not_installed(name):
    assert name not in direct() and name not in pinned_in("constraints.txt")
    imports = re.compile(rf"^\s*(?:import|from) {name}\b", re.M)
    assert not [path for path in (ROOT / "vlmcore").rglob("*.py") if imports.search(path.read_text("utf-8"))]


def test_notebooks_have_no_outputs():
    assert NOTEBOOKS or not (ROOT / "lessons").exists(), "lessons/ is there, but holds no notebook"
    for path in NOTEBOOKS:
        for number, cell in enumerate(json.loads(path.read_text("utf-8"))["cells"]):
            run = cell.get("outputs") or cell.get("execution_count")
            assert not run, f"{path.relative_to(ROOT)}, cell {number}: clear the outputs before you commit"
