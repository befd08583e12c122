"""The wordings of questions: both kinds ask the same, properly written, and no held-out one is trained on."""

import re
import string
from collections import Counter

from tests.scenes.reading import plain
from vlmcore.scenes.exchange import wordings
from vlmcore.scenes.mix import TASK_WEIGHTS

TEMPLATES = [(task, kind, text) for task, kinds in wordings().items() for kind in kinds for text in kinds[kind]]


def slots_of(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_every_task_has_wordings_of_both_kinds_with_the_same_slots():
    tasks = {task for task, _, _ in TEMPLATES}
    assert set(TASK_WEIGHTS) - {"conversation"} <= tasks
    for task in tasks:
        used = {kind: set().union(*map(slots_of, wordings()[task][kind])) for kind in ("train", "held_out")}
        assert used["train"] == used["held_out"]
        slots_in_all = [slots_of(text) for t, _, text in TEMPLATES if t == task]
        assert task == "exists" or all(slots == used["train"] for slots in slots_in_all)  # every one asks the same
        assert task != "exists" or all(len(slots) == 1 for slots in slots_in_all)


def test_wordings_format_and_are_written_properly():
    for _, _, text in TEMPLATES:
        question = text.format(one="an owl", many="owls", name="owl", place="top-left", where="at the top")
        assert "{" not in question and "  " not in question and question.strip() == question != ""


def test_no_wording_stands_twice_and_no_held_out_one_is_trained_on():
    assert [text for text, count in Counter((t, plain(x)) for t, _, x in TEMPLATES).items() if count > 1] == []
    train = {plain(re.sub(r"\{\w+\}", "{}", text)) for _, kind, text in TEMPLATES if kind == "train"}
    held_out = {plain(re.sub(r"\{\w+\}", "{}", text)) for _, kind, text in TEMPLATES if kind == "held_out"}
    assert train & held_out == set()
