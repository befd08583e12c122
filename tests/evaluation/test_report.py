"""The tables of scores: each task a row, each model a column, the claim apart; of robustness every condition a row."""

from pathlib import Path

import pytest
from PIL import Image

from vlmcore.evaluation import report
from vlmcore.evaluation.benchmark import CLAIM, TASKS, Item
from vlmcore.evaluation.report import columns, robust_score, robust_table, score, spread_table, table
from vlmcore.scenes.exchange import Exchange
from vlmcore.scenes.grounding import box_text


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
    elsewhere = ["unseen artist", "the other artist", "unseen looks", "free arrangement", "free, unseen looks"]
    assert list(result["boxes_elsewhere"]) == elsewhere
    names = [line.split("  ")[0].split(" box ")[0] for line in lines]
    assert names == ["task", *TASKS, "mean", CLAIM, "mean IoU, box", *elsewhere]
    assert "known wordings" in lines[0] and "held-out wordings" in lines[0]
    assert 0 <= result["mean_iou"]["box"] <= 1 and lines[-6].split()[-1] == f"{result['mean_iou']['box']:.3f}"
    assert lines[-1].endswith(f"box {result['boxes_elsewhere']['free, unseen looks']['box']:.1%}")


def test_mean_iou_counts_every_box_that_should_be_there(tiny_assistant, monkeypatch):
    one, two = (0.08, 0.08, 0.32, 0.32), (0.48, 0.48, 0.88, 0.88)  # the grid on which coordinates are written
    items = [Item("box", None, [Exchange("box", "where?", "", boxes)]) for boxes in ((one,), (one, two), (two,))] + [
        Item("what", None, [Exchange("what", "what?", "a dog")])
    ]
    answers = [box_text([one]), box_text([two]), "nowhere"]
    monkeypatch.setattr(tiny_assistant, "answer_all", lambda asked: answers[: len(asked)])
    assert report.mean_iou(tiny_assistant, items, [None] * 4, "box") == pytest.approx(2 / 4)


def test_columns_are_as_wide_as_their_names():
    scores = {name: dict.fromkeys((*TASKS, CLAIM), value) for name, value in (("a model", 0.5), ("b", 1.0))}
    head, first, *_, mean, claim = columns(scores).splitlines()
    assert head.index("a model") + len("a model") == first.index("50.0%") + len("50.0%")
    assert head.endswith("b") and first.endswith("100.0%") and len(head) == len(first)
    assert mean.split()[-2:] == ["50.0%", "100.0%"] and "text alone" in claim


def test_the_table_of_seeds_has_medians_and_ends():
    runs = [{"count": value, CLAIM: value / 2, "bits": 2 + value} for value in (0.5, 0.25, 1.0)]
    head, count, mean, claim, text = spread_table({"a model": runs, "once": runs[:1]}).splitlines()
    assert head.split("  ")[0] == "task" and "a model" in head and head.endswith("once")
    assert count.startswith("count") and "50.0 (25.0–100.0)" in count and "50.0 (50.0–50.0)" in count
    assert mean.startswith("mean ") and mean.removeprefix("mean ") == count.removeprefix("count")  # without the claim
    assert claim.startswith(CLAIM) and "25.0 (12.5–50.0)" in claim
    assert text.startswith("bits of a token") and "2.500 (2.250–3.000)" in text


# -- robustness ------------------------------------------------------------------------------------------------------

FOUND = {
    "per_task": 5,
    "seed": 1,
    "conditions": {"clean": 0.94, "fog 3": 0.5, "a condition with a long name": 1.0},
    "families": {"clean": 0.94, "unseen kinds": 0.75},
    "tasks": {},
    "blind": 0.311,
    "gain": 0.629,
    "answers that change": {"shift of 2 pixels": 0.125, "paraphrase": 0.0},
}


def test_the_robust_table_tells_families_then_every_condition_then_the_rest():
    lines = [line for line in robust_table(FOUND).splitlines() if line]
    assert [line.rsplit(maxsplit=1)[0].strip() for line in lines] == [
        "family", "clean", "unseen kinds", "condition", "clean", "fog 3", "a condition with a long name",
        "picture hidden", "gained by seeing", "answers change: shift of 2 pixels", "answers change: paraphrase",
    ]  # fmt: skip
    assert [line.split()[-1] for line in lines] == [
        "mean", "94.0%", "75.0%", "mean", "94.0%", "50.0%", "100.0%", "31.1%", "62.9%", "12.5%", "0.0%",
    ]  # fmt: skip


def test_robust_scores_name_the_model_and_draw_the_families(monkeypatch, tmp_path, tiny_assistant):
    monkeypatch.setattr(report, "robustness", lambda assistant, per_task, seed: FOUND | {"seed": seed})
    found = robust_score(tiny_assistant, 5, 7, tmp_path / "chart.png")
    assert found == FOUND | {"seed": 7, "model": "assistant"}
    with Image.open(tmp_path / "chart.png") as chart:
        assert chart.format == "PNG"
    monkeypatch.setattr(report, "load", lambda path: tiny_assistant)
    assert robust_score(Path("some/run"), 5, 7)["model"] == str(Path("some/run"))
