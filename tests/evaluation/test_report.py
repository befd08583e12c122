"""The table of scores: each task a row, each model a column, the claim apart from the mean."""

import pytest

from vlmcore.evaluation.benchmark import CLAIM, TASKS
from vlmcore.evaluation.report import columns, score, table


@pytest.fixture(scope="module")
def result(tiny_assistant):
    return score(tiny_assistant, per_task=1, seed=0)


def test_the_mean_leaves_the_claim_out(result):
    for part in (result, result["held_out_wordings"]):
        assert tuple(part["tasks"]) == TASKS and CLAIM not in part["tasks"]
        assert part["mean"] == pytest.approx(sum(part["tasks"].values()) / len(TASKS))
        assert 0 <= part["unusual_new"] <= 1
    assert result["scenes"] == len(TASKS) + 1 and result["model"] == "assistant" and result["seed"] == 0


def test_the_table_has_a_row_a_task(result):
    lines = table(result).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["task", *TASKS, "mean", CLAIM]
    assert "known wordings" in lines[0] and "held-out wordings" in lines[0]


def test_columns_are_as_wide_as_their_names():
    scores = {name: dict.fromkeys((*TASKS, CLAIM), value) for name, value in (("a model", 0.5), ("b", 1.0))}
    head, first, *_, mean, claim = columns(scores).splitlines()
    assert head.index("a model") + len("a model") == first.index("50.0%") + len("50.0%")
    assert head.endswith("b") and first.endswith("100.0%") and len(head) == len(first)
    assert mean.split()[-2:] == ["50.0%", "100.0%"] and "text alone" in claim
