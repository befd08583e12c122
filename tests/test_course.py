"""nbgrader as a teacher uses it: make a course, collect, autograde. Who solved all gets all, who solved half gets half.

The course holds one small lesson: lesson 01's exercises without the trainings between them.
"""

import builtins
import os
import subprocess
import sys
from pathlib import Path
from symtable import SymbolTable, symtable

import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from tools import course

NAME = "01_small"
POINTS = {"count_pairs": 1, "merge": 1, "bigram_table": 1, "next_token_loss": 2, "bits_per_byte": 1}
WRONG = "def bigram_table(tokens, size):\n    return tokens\n"
CHEAT = "def bits_per_byte(*_):\n    return 0.0\n"


def named(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """The cells that nbgrader knows, by their name."""
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}


def small_lesson() -> NotebookNode:
    """Lesson 01 without what lies between imports and exercises."""
    lesson = nbformat.read(next(course.SOLUTIONS.glob("01_*.ipynb")), as_version=4)
    imports = next(cell for cell in lesson.cells if "from vlmcore.exercises.lesson01 import" in cell.source)
    lesson.cells = [imports, *named(lesson).values()]
    return lesson


def nbgrader(folder: Path, *command: str) -> None:
    own = {"JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "IPYTHONDIR": str(folder / "ipython")}
    environment = os.environ | own | {"PATH": course.search_path()}
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with what three students handed in, graded."""
    sources, folder = tmp_path_factory.mktemp("solutions"), tmp_path_factory.mktemp("teacher") / "course"
    nbformat.write(small_lesson(), sources / f"{NAME}.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(course, "SOLUTIONS", sources)
        patch.setenv("PATH", os.defpath)  # nobody has activated anything
        course.course(folder)
        course.course(folder)  # again, as when a lesson has been mended: nothing is in its way

    solved = nbformat.read(folder / "source" / NAME / f"{NAME}.ipynb", as_version=4)
    for student in ("all", "none", "half"):
        submitted = nbformat.read(folder / "release" / NAME / f"{NAME}.ipynb", as_version=4)
        cells, answers = named(submitted), named(solved)
        right = {"all": list(POINTS), "none": [], "half": ["count_pairs", "next_token_loss"]}[student]
        for name in right:
            cells[name].source = answers[name].source
        if student == "half":  # and one wrong answer, and one that would pass if its check were the student's to write
            cells["bigram_table"].source, cells["bits_per_byte"].source = WRONG, CHEAT
            cells["bits_per_byte-check"].source = "print('all is well')"
        path = folder / "submitted" / student / NAME / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(submitted, path)
    nbgrader(folder, "autograde", NAME)
    return folder


@pytest.fixture(scope="module")
def points(made: Path) -> dict[str, dict[str, float]]:
    """{student: {exercise: points}}, as the gradebook has them."""
    with Gradebook(f"sqlite:///{made / 'gradebook.db'}") as book:
        return {
            submission.student.id: {grade.cell.name.removesuffix("-check"): grade.score for grade in notebook.grades}
            for submission in book.assignment_submissions(NAME)
            for notebook in submission.notebooks
        }


@pytest.mark.slow
def test_the_course_is_complete(made):
    assert (made / "nbgrader_config.py").is_file()
    for kind, solved in (("source", True), ("release", False)):
        text = (made / kind / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8")
        assert ("BEGIN SOLUTION" in text) == solved and (course.STUB in text) == (not solved)


@pytest.mark.slow
def test_nothing_is_left_for_a_teacher_to_grade_by_hand(made):
    with Gradebook(f"sqlite:///{made / 'gradebook.db'}") as book:
        assert book.find_assignment(NAME).max_score == sum(POINTS.values())
        assert not any(submission.needs_manual_grade for submission in book.assignment_submissions(NAME))


@pytest.mark.slow
def test_solved_gets_full_marks(points):
    assert points["all"] == POINTS


@pytest.mark.slow
def test_blank_gets_nothing(points):
    assert points["none"] == dict.fromkeys(POINTS, 0)


@pytest.mark.slow
def test_half_solved_gets_its_part_and_a_rewritten_check_does_not_help(points):
    assert points["half"] == dict.fromkeys(POINTS, 0) | {"count_pairs": 1, "next_token_loss": 2}


@pytest.mark.slow
def test_students_are_told_what_went_wrong(made):
    nbgrader(made, "generate_feedback", NAME, "--student", "half")
    (page,) = (made / "feedback" / "half").rglob("*.html")
    text = page.read_text(encoding="utf-8")
    assert "count_pairs: right" in text and "not written yet" in text and "your code here" in text


def bound_and_taken(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell makes, and those that it takes from other cells."""
    lines = ("" if line.startswith(("%", "!")) else line for line in source.splitlines())
    cell = symtable("\n".join(lines), "cell", "exec")
    bound = {symbol.get_name() for symbol in cell.get_symbols() if symbol.is_assigned() or symbol.is_imported()}

    def taken(table: SymbolTable) -> set[str]:
        here = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (table is cell or s.is_global())}
        return here.union(*map(taken, table.get_children()))

    return bound, taken(cell) - bound - set(dir(builtins))


@pytest.mark.parametrize("path", course.sources(), ids=lambda path: path.stem)
def test_no_exercise_hangs_on_another(path):
    """A blank exercise stops the cells that use it. What another needs must come before the first, or lie within."""
    there: set[str] = set()
    missed = False
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            bound, taken = bound_and_taken(cell.source)
            settings = cell.metadata.get("nbgrader", {})
            if settings.get("solution"):
                missed = True
                assert taken <= there, f"{settings.grade_id} needs {taken - there}"
            if not missed:
                there |= bound
