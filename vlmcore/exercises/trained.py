"""The trained models that lessons begin with, wherever they can be had."""

from __future__ import annotations

from pathlib import Path

from vlmcore.assistant import SHIPPED, Assistant, load
from vlmcore.data.objects import DATA
from vlmcore.errors import VlmError
from vlmcore.pipeline import AFTER_STAGE1, Run, train
from vlmcore.presets import CPU

RUNS = DATA.parent / "runs"
FOUND = {
    SHIPPED: "the model that the course ships",
    RUNS / "first": "the model of your `make run`",
    RUNS / "lessons": "the model that an earlier lesson trained",
}


def assistant() -> Assistant:
    """The finished assistant: shipped, or of `make run`, or trained now and kept."""
    return _find(Path())


def after_stage1() -> Assistant:
    """What that assistant was before stage 2: it reads pictures, and was never asked about one."""
    return _find(Path(AFTER_STAGE1))


def _find(part: Path) -> Assistant:
    for folder, what in FOUND.items():
        try:
            found = load(folder / part)
        except VlmError:
            continue
        print(f"Here is {what}.")
        return found
    print("There is no trained model yet. One is trained now, once: about twelve minutes on two cores.")
    own = RUNS / "lessons"
    try:
        Run(CPU, own, resume=True)
        resume = True
    except VlmError as error:  # what lies there is of another version of the course
        print(f"{error}\nIt begins from nothing.")
        resume = False
    train(CPU, own, resume)  # what goes wrong from here on must not cost what has been trained
    return load(own / part)
