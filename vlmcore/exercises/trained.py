"""The trained models that lessons begin with, wherever they can be had."""

from __future__ import annotations

from pathlib import Path

from vlmcore.assistant import SHIPPED, Assistant, load
from vlmcore.errors import VlmError
from vlmcore.files import lock
from vlmcore.recipes.llava import AFTER_STAGE1, train
from vlmcore.recipes.llava_presets import CPU
from vlmcore.scenes.objects import DATA
from vlmcore.training.run import OtherRun, forget

RUNS = DATA.parent / "runs"
OWN = RUNS / "lessons"  # lessons keep here what they had to train, and may begin it anew
FOUND = {
    SHIPPED: "the model that the course ships",
    RUNS / "first": "the model of your `make run`",
    OWN: "the model that an earlier lesson trained",
}


def assistant() -> Assistant:
    """The finished assistant: shipped, or of `make run`, or trained now and kept."""
    return _find(Path())


def after_stage1() -> Assistant:
    """What that assistant was before stage 2: it reads pictures, and was never asked about one."""
    return _find(Path(AFTER_STAGE1))


def _find(part: Path) -> Assistant:
    found = _ready(part)
    if found is None:
        print("There is no trained model yet. One is trained now, once: about eight minutes on two fast cores,")
        print("twice as long on slow ones.")
        print("(If another notebook is at it, this one waits.)")
        with lock(RUNS / ".lessons.lock", "", wait=-1):
            found = _ready(part) or _train(part)
    return found


def _ready(part: Path) -> Assistant | None:
    for folder, what in FOUND.items():
        try:
            found = load(folder / part)
        except VlmError:
            continue
        print(f"Here is {what}.")
        return found
    return None


def _train(part: Path) -> Assistant:
    try:
        train(CPU, OWN, resume=True)
    except OtherRun as error:  # of another version of the course; what else goes wrong must not cost what is trained
        print(f"{error}\nIt begins from nothing.")
        forget(OWN, inside=(AFTER_STAGE1,))
        train(CPU, OWN)
    return load(OWN / part)
