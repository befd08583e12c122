"""The benchmark's own test: right answers score 1, wrong ones 0, and every scene is new."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vlmcore.data.scene import held_out_pair
from vlmcore.data.wording import box_text
from vlmcore.data.world import World
from vlmcore.errors import VlmError
from vlmcore.evaluate import CLAIM, TASKS, benchmark, evaluate, iou, parse_boxes, radar, right

WORLD = World(24)
ALL = (*TASKS, CLAIM)


@pytest.fixture(scope="module")
def items():
    return benchmark(WORLD, 4, seed=3)


# -- boxes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, boxes",
    [
        ("[[000,020,340,980]]", [(0.0, 0.02, 0.34, 0.98)]),
        ("[[000,020,340,980;100,200,300,400]]", [(0.0, 0.02, 0.34, 0.98), (0.1, 0.2, 0.3, 0.4)]),
        ("dog [[100,200,300,400]], cat [[500,600,700,800]] on snow", [(0.1, 0.2, 0.3, 0.4), (0.5, 0.6, 0.7, 0.8)]),
        ("[[100,200,300,1000]]", [(0.1, 0.2, 0.3, 1.0)]),
        ("", []), ("no box", []), ("[[100,200,300]]", []), ("[[1,2,3,4]]", []), ("100 200 300 400", []),
    ],
)  # fmt: skip
def test_boxes_are_found(text, boxes):
    assert np.array(parse_boxes(text)) == pytest.approx(np.array(boxes))


corners = st.tuples(*[st.integers(0, 12)] * 4)


def pixels(box):
    grid = np.zeros((12, 12), dtype=bool)
    grid[box[1] : box[3], box[0] : box[2]] = True
    return grid


@given(corners, corners)
@settings(deadline=None, max_examples=300)
def test_overlap_is_what_counting_pixels_gives(first, second):
    a, b = pixels(first), pixels(second)
    expected = (a & b).sum() / max((a | b).sum(), 1)
    assert iou(first, second) == pytest.approx(expected)
    assert iou([v / 12 for v in first], [v / 12 for v in second]) == pytest.approx(expected)


def test_what_is_right():
    assert right("one on the left: one", "one at the top: one") and right(" two ", "two") and right("a  dog", "a dog")
    assert not right("on the left: three", "on the left: two") and not right("", "two") and not right("Two", "two")
    boxes = ((0.1, 0.1, 0.3, 0.3), (0.6, 0.6, 0.9, 0.9))
    one, other = (box_text([box]) for box in boxes)
    assert right(one + other, "", boxes) and right(other + one, "", boxes)
    for wrong in (one, other, one + one, one + other + other, "", "two", one + box_text([(0.3, 0.3, 0.5, 0.5)])):
        assert not right(wrong, "", boxes)
    assert right("[[100,100,300,220]]", "", boxes[:1])  # 60 %
    assert not right("[[100,100,300,180]]", "", boxes[:1])  # 40 %


# -- the items -------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_benchmark(items):
    assert benchmark(World(24), 4, seed=3) == items
    assert benchmark(WORLD, 4, seed=4) != items
    assert [item.task for item in items] == [task for task in ALL for _ in range(4)]


def test_held_out_wordings_ask_about_the_same_scenes(items):
    others = benchmark(WORLD, 4, seed=3, wording="held_out")
    assert [(item.task, item.scene) for item in others] == [(item.task, item.scene) for item in items]
    ours, theirs = ([turn for item in kind for turn in item.conversation] for kind in (items, others))
    assert len(ours) == len(theirs) and all(a.question != b.question for a, b in zip(ours, theirs))
    assert [turn.answer for turn in ours] == [turn.answer for turn in theirs]


def test_every_scene_holds_a_pair_never_seen(items):
    for item in items:
        names = sorted({thing.name for thing in item.scene.things} - {"plus"})
        pairs = [(name, item.scene.place) for name in names] + [(a, b) for a in names for b in names if a < b]
        assert any(held_out_pair(*pair) for pair in pairs), item.task
    seen = [WORLD.scene(Random(n)) for n in range(300)]
    for scene in seen:
        names = sorted({thing.name for thing in scene.things} - {"plus"})
        assert not any(held_out_pair(name, other) for name in names for other in (scene.place, *names) if name != other)


def test_the_claim_is_about_things_known_from_text_alone(items):
    for item in items:
        if item.task == CLAIM:
            assert all(WORLD.held_out(thing.name) for thing in item.scene.things)


# -- scoring ---------------------------------------------------------------------------------------------------------


def oracle(items, change=lambda task, answer: answer):
    """Answers by looking the picture and the question up."""
    known = {
        (WORLD.paint(item.scene).tobytes(), n, turn.question): change(item.task, turn.answer)
        for item in items
        for n, turn in enumerate(item.conversation)
    }
    return lambda asked: [known[picture.tobytes(), len(history), question] for picture, history, question in asked]


def test_the_perfect_score_1_and_the_wrong_0(items):
    assert evaluate(oracle(items), items, WORLD) == dict.fromkeys(ALL, 1.0)
    assert evaluate(oracle(items, lambda task, answer: f"not {answer[::-1]}"), items, WORLD) == dict.fromkeys(ALL, 0.0)
    assert evaluate(lambda asked: [""] * len(asked), items, WORLD) == dict.fromkeys(ALL, 0.0)


def test_each_task_has_its_own_score(items):
    scores = evaluate(oracle(items, lambda task, answer: "" if task == "count" else answer), items, WORLD)
    assert scores == dict.fromkeys(ALL, 1.0) | {"count": 0.0}


def test_one_of_four_is_a_quarter():
    items = benchmark(WORLD, 4, seed=3, tasks=["background"])
    turn = iter(["", "", "", items[3].conversation[0].answer])
    assert evaluate(lambda asked: [next(turn) for _ in asked], items, WORLD) == {"background": 0.25}


def test_earlier_answers_are_the_models_own():
    items = benchmark(WORLD, 5, seed=3, tasks=["conversation"])
    calls = []

    def answer_all(asked):
        calls.append(asked)
        return [said(n, len(calls) - 1) for n in range(len(asked))]

    def said(n, turn):  # right, with thoughts of its own
        return f"{turn} {n}: {items[n].conversation[turn].answer.split(': ')[-1]}"

    assert evaluate(answer_all, items, WORLD) == {"conversation": 1.0}
    assert len(calls) == 3
    for number, asked in enumerate(calls):
        for n, (picture, history, question) in enumerate(asked):
            assert question == items[n].conversation[number].question
            assert (picture == WORLD.paint(items[n].scene)).all()
            assert history == [(items[n].conversation[t].question, said(n, t)) for t in range(number)]


def test_one_wrong_turn_spoils_a_conversation():
    items = benchmark(WORLD, 5, seed=3, tasks=["conversation"])
    perfect = oracle(items)
    for bad in range(3):
        spoil = lambda asked, bad=bad: ["" if len(a[1]) == bad else answer for a, answer in zip(asked, perfect(asked))]  # noqa: E731
        assert evaluate(spoil, items, WORLD) == {"conversation": 0.0}


def test_the_radar_is_a_picture(tmp_path):
    scores = {name: dict(zip(TASKS, Random(name).choices((0.2, 0.5, 1.0), k=len(TASKS)))) for name in "ab"}
    figure = radar(scores, tmp_path / "new" / "radar.png")
    with Image.open(tmp_path / "new" / "radar.png") as image:
        assert image.format == "PNG" and min(image.size) > 500 and len(set(image.convert("L").tobytes())) > 20
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == list(TASKS)
    line = figure.axes[0].get_lines()[0]
    assert list(line.get_ydata()) == pytest.approx([100 * v for v in [*scores["a"].values(), scores["a"][TASKS[0]]]])
    with pytest.raises(VlmError, match="cannot save the chart"):
        radar(scores, tmp_path / "radar.nonsense")
