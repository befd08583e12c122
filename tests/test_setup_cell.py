"""The cell that opens every lesson: on Colab it fetches the course, once, and says in a sentence what went wrong."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools import course

PYTHON = """\
#!/bin/sh
echo "$@" >> {folder}/calls
if [ -e {folder}/full ]; then echo "ERROR: no space left" >&2; exit 1; fi
"""


@pytest.fixture
def colab(tmp_path, monkeypatch):
    """A machine without vlmcore, whose Python only notes what it is called with; the course lies in origin/."""
    if shutil.which("git") is None or os.name == "nt":
        pytest.skip("the cell clones with git, and the Python here is a shell script")
    origin, work = tmp_path / "origin", tmp_path / "work"
    origin.mkdir(), work.mkdir()
    (origin / "pyproject.toml").write_text("[project]\n")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "--quiet"], ["add", "."], [*who, "commit", "--quiet", "--message", "the course"]):
        subprocess.run(["git", *command], cwd=origin, check=True)
    python = tmp_path / "python"
    python.write_text(PYTHON.format(folder=tmp_path))
    python.chmod(0o755)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(work)
    return tmp_path


def run_cell(address: str) -> None:
    """The cell as plain Python."""
    lines = course.SETUP.format(address=address).splitlines()
    exec("\n".join(line for line in lines if not line.startswith("%")), {})


def calls(colab: Path) -> list[str]:
    return (colab / "calls").read_text().splitlines()


def test_it_fetches_and_installs_the_course(colab, monkeypatch):
    run_cell((colab / "origin").as_uri())
    folder = colab / "work" / "course"
    assert (folder / "pyproject.toml").is_file() and Path(sys.path[0]) == folder
    assert calls(colab) == [f"-m pip install --quiet --editable {folder}"]
    monkeypatch.chdir(colab)  # a lesson may go elsewhere afterwards
    assert os.path.isdir(sys.path[0])


def test_a_failed_installation_goes_on_without_fetching_again(colab):
    (colab / "full").touch()
    with pytest.raises(SystemExit, match=r"python failed: .* It said: ERROR: no space left"):
        run_cell((colab / "origin").as_uri())
    (colab / "full").unlink()
    shutil.rmtree(colab / "origin")  # there is nothing to be fetched from any more
    run_cell((colab / "origin").as_uri())
    assert len(calls(colab)) == 2 and sys.path[0] == str(colab / "work" / "course")


def test_an_address_that_cannot_be_reached_is_told_in_one_sentence(colab):
    with pytest.raises(SystemExit) as stopped:
        run_cell("file:///nowhere/course")
    told = str(stopped.value)
    assert told.startswith("git failed: check COURSE above and the network") and "\n" not in told and len(told) < 500
    assert "nowhere" in told and not (colab / "calls").exists()


def test_where_the_course_is_installed_nothing_is_done(colab, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: "found")
    before = sys.path[:]
    run_cell("file:///nowhere/course")
    assert sys.path == before and list((colab / "work").iterdir()) == []


@pytest.mark.parametrize("path", course.sources(), ids=lambda path: path.stem)
def test_the_address_stands_in_one_line(path):
    (cell,) = (c for c in nbformat.read(path, as_version=4).cells if "setup" in c.metadata.get("tags", []))
    (line,) = (line for line in cell.source.splitlines() if "://" in line)
    assert line.startswith(f'COURSE = "{course.address()}"')
