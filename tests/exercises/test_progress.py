"""What a student has solved is kept, whatever else writes at the same time, and never stops a lesson."""

import json
import subprocess
import sys

import pytest

from vlmcore.exercises import progress
from vlmcore.files import lock


@pytest.fixture(autouse=True)
def beside(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "folder", lambda: tmp_path)
    return tmp_path


def test_progress_survives_a_damaged_file_and_a_folder_that_is_not_there(beside, monkeypatch, capsys):
    assert progress.table().startswith("No exercise tried yet.")
    progress.note("99", "softmax", "blank")
    progress.note("99", "attend", "right")
    progress.note("01", "bigrams", "wrong")
    assert progress.table() == "01  0/1  ✗ bigrams\n99  1/2  ○ softmax  ✓ attend"
    (beside / progress.FILE).write_text("{")
    progress.note("99", "softmax", "right")
    assert json.loads((beside / progress.FILE).read_text()) == {"99": {"softmax": "right"}}
    (beside / "file").write_text("")
    monkeypatch.setattr(progress, "folder", lambda: beside / "file")
    progress.note("99", "softmax", "wrong")
    assert capsys.readouterr().out.startswith("(progress not saved: ")


NOTES = """
import sys, time
from pathlib import Path
from vlmcore.exercises import progress

folder, lesson = Path(sys.argv[1]), sys.argv[2]
load, progress.folder = progress.load, lambda: folder
progress.load = lambda: (load(), time.sleep(0.02))[0]  # time enough for the other to write in between
(folder / f"{lesson}.here").touch()
while len([*folder.glob("*.here")]) < 2:
    time.sleep(0.01)
for number in range(12):
    progress.note(lesson, f"exercise{number}", "right")
"""


def test_two_notebooks_lose_none_of_each_others_marks(beside):
    command = [sys.executable, "-c", NOTES, str(beside)]
    notebooks = [subprocess.Popen([*command, lesson], stdout=subprocess.PIPE, text=True) for lesson in ("01", "02")]
    assert [notebook.communicate()[0] for notebook in notebooks] == ["", ""]
    marks = {f"exercise{number}": "right" for number in range(12)}
    assert progress.load() == {"01": marks, "02": marks}


def test_a_lesson_does_not_wait_for_ever(beside, monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE", 0.1)
    with lock(beside / f".{progress.FILE}.lock", "held already"):
        progress.note("01", "merge", "right")
    assert capsys.readouterr().out.startswith("(progress not saved: another notebook")
    progress.note("01", "merge", "right")
    assert progress.load() == {"01": {"merge": "right"}} and capsys.readouterr().out == ""


def test_progress_lies_with_the_lessons(monkeypatch):
    monkeypatch.undo()
    assert (progress.folder() / "00_welcome.ipynb").is_file()
