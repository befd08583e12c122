"""The controls of the lecture's claim: three trainings, five columns, and nothing trained twice."""

import json

import numpy as np
import pytest

from tests.killing import bits
from tests.tiny_run import TINY
from vlmcore.controls import controls
from vlmcore.evaluate import CLAIM, TASKS
from vlmcore.report import columns


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("controls")
    return folder, controls(TINY, folder, per_task=1, seed=0)


def test_every_column_scores_every_task(made):
    _, results = made
    assert list(results) == [
        "after stage 2", "after stage 1 alone", "no language pretraining", "facts removed", "picture hidden",
    ]  # fmt: skip
    assert all(set(scores) == {*TASKS, CLAIM} for scores in results.values())
    text = columns(results)
    assert all(name in text for name in (*results, *TASKS, CLAIM)) and len(text.splitlines()) == len(TASKS) + 3


def test_each_control_leaves_out_one_thing(made):
    folder, _ = made
    presets = {path.name: json.loads((path / "run.json").read_bytes())["preset"] for path in folder.iterdir()}
    whole = presets.pop("whole")
    changed = {
        name: {key: value for key, value in preset.items() if value != whole[key]} for name, preset in presets.items()
    }
    assert changed.keys() == {"no-pretraining", "no-facts"}
    assert changed["no-facts"] == {"facts": 0.0}
    assert changed["no-pretraining"].keys() == {"reading"} and changed["no-pretraining"]["reading"]["steps"] == 0
    assert json.loads((folder / "no-pretraining" / "language.json").read_bytes())["losses"] == []


def test_a_second_call_trains_nothing_again(made, monkeypatch):
    folder, results = made
    before = bits(folder / "whole")
    monkeypatch.setattr("vlmcore.pipeline.fit", lambda *_, **__: pytest.fail("trained again"))
    assert controls(TINY, folder, per_task=1, seed=0) == results
    assert bits(folder / "whole") == before


def test_a_hidden_picture_is_grey(made, monkeypatch):
    from vlmcore.assistant import Assistant

    seen = []

    def answer_all(self, questions):
        seen.append({picture.std() == 0 for picture, *_ in questions})
        return ["?"] * len(questions)

    monkeypatch.setattr(Assistant, "answer_all", answer_all)
    results = controls(TINY, made[0], per_task=1, seed=0)
    assert {True} in seen and {False} in seen and all(np.isfinite(list(s.values())).all() for s in results.values())
