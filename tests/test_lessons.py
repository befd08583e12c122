"""lessons/ is what solutions/ makes it, and nothing of the answers, outputs or widget state goes along."""

import json

import nbformat
import pytest

from tools import course

NOTEBOOKS = course.sources()
BUILT = course.built()


def cells(path):
    return nbformat.read(path, as_version=4).cells


def test_there_are_lessons():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", BUILT, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_nothing_is_stale(path):
    assert path.read_text(encoding="utf-8") == BUILT[path], "run: python solutions/course.py lessons"


def test_no_lesson_without_its_solution():
    assert {path.name for path in course.LESSONS.glob("*.ipynb")} == {path.name for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_lessons_hold_no_answers(path):
    for solved, blank in zip(cells(path), cells(course.LESSONS / path.name), strict=True):
        if solved.metadata.get("nbgrader", {}).get("solution"):
            assert course.STUB in blank.source and "### BEGIN SOLUTION" in solved.source
            answer = solved.source.split("### BEGIN SOLUTION")[1].split("### END SOLUTION")[0].strip()
            assert answer not in blank.source
        else:
            assert blank.source == solved.source
        assert "SOLUTION" not in blank.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_at_least_three_exercises_a_badge_and_a_set_up_cell(path):
    found = cells(path)
    grades = [cell.metadata.nbgrader for cell in found if "nbgrader" in cell.metadata]
    answers = [grade.grade_id for grade in grades if grade.solution]
    checks = {grade.grade_id: grade.points for grade in grades if grade.grade}
    assert len(answers) >= 3 and set(checks) == {f"{name}-check" for name in answers} and min(checks.values()) > 0
    tags = [tag for cell in found for tag in cell.metadata.get("tags", [])]
    on_the_site = {"hide-input", "picture"}  # code that only draws, and the figure that stands for the lesson
    assert sorted(set(tags) - on_the_site) == ["badge", "setup"] and tags.count("picture") == 1
    assert max(map(tags.count, ("badge", "setup"))) == 1
    badge = next(cell for cell in found if "badge" in cell.metadata.get("tags", []))
    assert f"lessons/{path.name}" in badge.source and course.address().rsplit("/", 1)[1] in badge.source


def test_outputs_and_widget_state_are_taken_out(tmp_path, monkeypatch):
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    code.outputs = [nbformat.v4.new_output("stream", text="an output")]
    code.execution_count = 7
    code.metadata.collapsed = True
    notebook.metadata["widgets"] = {"state": {"a": "kept widget"}}
    left = json.dumps(course.clean(notebook))
    assert not any(text in left for text in ("an output", "kept widget", "collapsed", '"execution_count": 7'))


def test_the_address_is_stamped(monkeypatch):
    monkeypatch.setattr(course, "address", lambda: "https://github.com/someone/somewhere")
    notebook = course.stamp(nbformat.read(NOTEBOOKS[0], as_version=4), "01_name")
    text = "\n".join(cell.source for cell in notebook.cells)
    assert "github/someone/somewhere/blob/main/lessons/01_name.ipynb" in text
    assert '"https://github.com/someone/somewhere"' in text and "https" not in course.SETUP


def test_both_versions_in_one_notebook_leave_no_cell_out(tmp_path):
    """What `make test` runs: all of a lesson, blank, and beside each exercise its answer with a strict check."""
    course.both(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in NOTEBOOKS}
    for path in NOTEBOOKS:
        found = [cell.source for cell in cells(tmp_path / path.name)]
        lesson = [cell.source for cell in cells(course.LESSONS / path.name)]
        solved = {c.source for c in cells(path) if c.metadata.get("nbgrader", {}).get("solution")}
        left = iter(found)
        assert all(source in left for source in lesson), "the lesson's cells, in their order"
        assert solved <= set(found)
        for answer in solved:  # blank, checked, then strict: solved, checked
            place = found.index(answer)
            assert '"VLMCORE_STRICT"] = "1"' in found[place - 1] and found[place - 2] == found[place + 1]
            assert "check(" in found[place + 1] and found[place + 2] == 'del os.environ["VLMCORE_STRICT"]'
