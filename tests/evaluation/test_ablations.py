"""The ablations of the lecture's claim: three trainings, five columns, and nothing trained twice."""

import json

import numpy as np
import pytest

from tests.killing import bits
from tests.one_tokenizer import one_tokenizer
from tests.tiny_run import TINY
from vlmcore.assistant import Assistant
from vlmcore.evaluation.ablations import ablations
from vlmcore.evaluation.benchmark import CLAIM, TASKS
from vlmcore.evaluation.report import columns

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def seen():
    """What any assistant is asked: a set for each call, True for a picture that is all grey. Answers are cut short."""
    asked, answer_all = [], Assistant.answer_all

    def listen(self, questions):
        asked.append({picture.std() == 0 for picture, *_ in questions})
        return answer_all(self, questions, max_tokens=8)

    with one_tokenizer(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Assistant, "answer_all", listen)
        yield asked


@pytest.fixture(scope="module")
def made(tmp_path_factory, seen):
    folder = tmp_path_factory.mktemp("ablations")
    return folder, ablations(TINY, folder, per_task=1, seed=0)


def test_every_column_scores_every_task(made):
    _, results = made
    assert list(results) == [
        "after stage 2", "after stage 1 alone", "no language pretraining", "facts removed", "blind baseline",
    ]  # fmt: skip
    assert all(set(scores) == {*TASKS, CLAIM} for scores in results.values())
    text = columns(results)
    assert all(name in text for name in (*results, *TASKS, CLAIM)) and len(text.splitlines()) == len(TASKS) + 3


def test_each_ablation_leaves_out_one_thing(made):
    folder, _ = made
    presets = {path.name: json.loads((path / "run.json").read_bytes())["preset"] for path in folder.iterdir()}
    whole = presets.pop("whole")
    changed = {
        name: {key: value for key, value in preset.items() if value != whole[key]} for name, preset in presets.items()
    }
    assert changed.keys() == {"no-pretraining", "no-facts"}
    assert changed["no-facts"] == {"facts": 0.0}
    assert changed["no-pretraining"].keys() == {"language"} and changed["no-pretraining"]["language"]["steps"] == 0
    assert json.loads((folder / "no-pretraining" / "language.json").read_bytes())["losses"] == []


def test_one_column_of_five_sees_nothing_but_grey(made, seen):
    rounds = len(seen) // 5  # of a conversation: every column asks all
    assert len(seen) == 5 * rounds > 0
    assert set().union(*seen[:-rounds]) == {False} and set().union(*seen[-rounds:]) == {True}


def test_a_second_call_trains_nothing_again(made, monkeypatch):
    folder, results = made
    before = bits(folder / "whole")
    monkeypatch.setattr("vlmcore.training.run.fit", lambda *_, **__: pytest.fail("trained again"))
    again = ablations(TINY, folder, per_task=1, seed=0)
    assert again == results and bits(folder / "whole") == before
    assert all(np.isfinite(list(scores.values())).all() for scores in again.values())
