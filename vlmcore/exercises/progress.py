"""What a student has solved so far, kept in a small JSON file beside the notebooks."""

from __future__ import annotations

import json
from pathlib import Path

from vlmcore.errors import VlmError
from vlmcore.files import lock, write_json

FILE = "progress.json"
PATIENCE = 5.0  # seconds: a mark waits so long for another notebook's, which takes milliseconds
MARKS = {"right": "✓", "wrong": "✗", "blank": "○"}


def folder() -> Path:
    """lessons/ of this checkout, wherever the notebook was started from; without one, where we are."""
    lessons = Path(__file__).resolve().parents[2] / "lessons"
    return lessons if lessons.is_dir() else Path.cwd()


def load() -> dict[str, dict[str, str]]:
    """{lesson: {exercise: "right", "wrong" or "blank"}}. A damaged file counts as none: nothing else hangs on it."""
    try:
        found = json.loads((folder() / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def note(lesson: str, exercise: str, state: str) -> None:
    """Remember how an exercise stands. A folder that cannot be written to is no reason to stop a lesson."""
    busy = f"another notebook has been writing {FILE} for {PATIENCE:.0f} seconds"
    try:
        with lock(folder() / f".{FILE}.lock", busy, wait=PATIENCE):  # else two notebooks would lose each other's marks
            known = load()
            known.setdefault(lesson, {})[exercise] = state
            write_json(folder() / FILE, known)
    except (OSError, VlmError) as error:
        print(f"(progress not saved: {error})")


def table() -> str:
    """All lessons that were begun, an exercise a column."""
    known = load()
    if not known:
        return "No exercise tried yet. Once you try one, a table of yours stands here."
    lines = []
    for lesson in sorted(known):
        states = known[lesson]
        solved = sum(state == "right" for state in states.values())
        marks = "  ".join(f"{MARKS.get(state, '?')} {name}" for name, state in states.items())
        lines.append(f"{lesson}  {solved}/{len(states)}  {marks}")
    return "\n".join(lines)
