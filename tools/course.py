"""From solutions/ to what students and teachers get.

    python tools/course.py lessons        lessons/: answers, hidden tests, outputs and widget state taken out
    python tools/course.py course DIR     a complete nbgrader course: source and release, an assignment a lesson
    python tools/course.py both DIR       for tests: both versions of each lesson as one notebook

Design choices:
- solutions/NN_name.ipynb is the one source; lessons/ is never edited, and a test fails when it is stale;
- nbgrader's and nbconvert's own preprocessors do the work: what students see here is what they see when it is assigned;
- the repository's address stands once, in pyproject.toml; cells tagged "badge" and "setup" are stamped from it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sysconfig
import tomllib
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ClearMetadataPreprocessor, ClearOutputPreprocessor
from nbformat import NotebookNode
from nbgrader.apps import NbGraderAPI
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, ClearSolutions
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[1]
SOLUTIONS, LESSONS = ROOT / "solutions", ROOT / "lessons"
STUB = "raise NotImplementedError  # your code here"
SETTINGS = Config({"ClearSolutions": {"code_stub": {"python": STUB}}})
COURSE = f"""\
# Made by `make course`. All settings: nbgrader --help-all
c = get_config()
c.CourseDirectory.course_id = "vlmcore"
c.ClearSolutions.code_stub = {{"python": {STUB!r}}}
c.Execute.timeout = 300  # seconds a cell: lessons train in their cells, and nbgrader's own 30 would stop them
c.Execute.iopub_timeout = 60  # a busy machine is not a broken one
"""
BADGE = (
    "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/{repository}/blob/main/lessons/{name}.ipynb)"
)
SETUP = """\
# The same cell opens every lesson. On Colab it fetches the course; after `make lab`
# there is nothing to do. Your own copy of the course? Put its address here.
COURSE = "{address}"

import importlib.util
import subprocess
import sys
from pathlib import Path

if importlib.util.find_spec("vlmcore") is None:
    folder = Path("course").resolve()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--editable"]
    steps = [[*install, str(folder)]]
    if not (folder / "pyproject.toml").exists():  # else an earlier try has fetched it
        clone = ["git", "clone", "--quiet", "--depth", "1"]
        steps.insert(0, [*clone, COURSE, str(folder)])
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True)
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split())[-300:]
            told = f"check COURSE above and the network, or delete {{folder}}"
            raise SystemExit(f"{{Path(step[0]).name}} failed: {{told}}. It said: {{said}}")
    sys.path.insert(0, str(folder))
%matplotlib inline
import matplotlib.pyplot as plt

plt.style.use("seaborn-v0_8-colorblind")  # colours that nearly everybody can tell apart"""


def address() -> str:
    """Where the repository lives: https://github.com/owner/name."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]


def stamp(notebook: NotebookNode, name: str) -> NotebookNode:
    """Write badge and set-up into the cells that are tagged so."""
    where = address()
    texts = {
        "badge": BADGE.format(repository=where.removeprefix("https://github.com/"), name=name),
        "setup": SETUP.format(address=where),
    }
    for cell in notebook.cells:
        for tag in texts.keys() & set(cell.metadata.get("tags", [])):
            cell.source = texts[tag]
    return notebook


def clean(notebook: NotebookNode) -> NotebookNode:
    """Without outputs, execution counts and widget state, as notebooks are committed."""
    notebook, resources = ClearOutputPreprocessor().preprocess(notebook, {})
    keep = {"preserve_nb_metadata_mask": {"kernelspec"}, "preserve_cell_metadata_mask": {"alt", "tags", "nbgrader"}}
    return ClearMetadataPreprocessor(**keep).preprocess(notebook, resources)[0]


def blank(notebook: NotebookNode) -> NotebookNode:
    """A student's version: answers and hidden tests taken out."""
    for step in (ClearSolutions, ClearHiddenTests, ClearMarkScheme):
        notebook, _ = step(config=SETTINGS).preprocess(notebook, {})
    return notebook


def text(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook) + "\n"


def sources() -> list[Path]:
    return sorted(SOLUTIONS.glob("[0-9][0-9]_*.ipynb"))


def built() -> dict[Path, str]:
    """What every notebook should be: solutions stamped and clean, and the lesson made of each."""
    files = {}
    for path in sources():
        notebook = clean(stamp(nbformat.read(path, as_version=4), path.stem))
        files[path] = text(notebook)
        files[LESSONS / path.name] = text(blank(notebook))
    return files


def lessons() -> None:
    files = built()
    LESSONS.mkdir(exist_ok=True)
    for stale in set(LESSONS.glob("*.ipynb")) - set(files):
        stale.unlink()
    for path, content in files.items():
        path.write_text(content, encoding="utf-8")


def both(folder: Path) -> None:
    """Both versions of every lesson in one notebook each, for the tests: what lies between exercises is run once.

    Each exercise comes twice: first blank, as students get it, which must let the lesson go on; then solved, with a
    strict check, and the solution is what the cells that follow run with.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.ipynb"):
        stale.unlink()
    for path in sources():
        solved, lesson = (nbformat.read(where / path.name, as_version=4) for where in (SOLUTIONS, LESSONS))
        cells, answer = [], None
        for right, cell in zip(solved.cells, lesson.cells, strict=True):
            cells.append(cell)
            settings = cell.metadata.get("nbgrader", {})
            if settings.get("solution"):
                answer = right.source
            elif settings.get("grade"):
                strict = 'import os\n\nos.environ["VLMCORE_STRICT"] = "1"'
                again = [strict, answer, cell.source, 'del os.environ["VLMCORE_STRICT"]']
                cells += map(nbformat.v4.new_code_cell, again)
        lesson.cells = cells
        (folder / path.name).write_text(text(lesson), encoding="utf-8")


def search_path() -> str:
    """PATH as if the virtual environment were activated: nbgrader starts a program of its own, alembic."""
    return os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)))


def course(folder: Path) -> None:
    """nbgrader's layout: source/ with answers, release/ without, one assignment a lesson, ready to be autograded.

    Made again it renews both; settings, gradebook and what students handed in are a teacher's, and stay.
    """
    os.environ["PATH"] = search_path()
    config = Config({"CourseDirectory": {"root": str(folder.resolve())}}, **SETTINGS)
    for path in sources():
        target = folder / "source" / path.stem / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    settings = folder / "nbgrader_config.py"
    if not settings.exists():
        settings.write_text(COURSE, encoding="utf-8")
    api = NbGraderAPI(config=config)
    for path in sources():
        result = api.generate_assignment(path.stem, force=True, create=True)
        if not result["success"]:
            raise SystemExit(f"nbgrader could not release {path.stem}:\n{result['error'] or result['log']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("lessons", "course", "both"))
    parser.add_argument("folder", nargs="?", type=Path, help="where the course, or both versions, go")
    arguments = parser.parse_args()
    if arguments.what == "lessons":
        lessons()
    elif arguments.folder is None:
        parser.error(f"say where it should go: python tools/course.py {arguments.what} DIR")
    else:
        {"course": course, "both": both}[arguments.what](arguments.folder)


if __name__ == "__main__":
    main()
