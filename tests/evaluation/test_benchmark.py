"""The benchmark's own test: right answers score 1, wrong ones 0, and every scene is new."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from vlmcore.evaluation.benchmark import CLAIM, TASKS, benchmark, evaluate, paint_all, right
from vlmcore.scenes.grounding import box_text, relative
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.scene import held_out_pair
from vlmcore.scenes.thoughts import split_thoughts
from vlmcore.scenes.world import World

WORLD = World(48)
ALL = (*TASKS, CLAIM)


@pytest.fixture(scope="module")
def items():
    return benchmark(WORLD, 4, seed=3)


def test_what_is_right():
    assert right("top no left dog one: one", "top dog one left no: one")
    assert right(" two ", "two") and right("a  dog", "a dog")
    assert not right("top dog one: three", "top dog one: two") and not right("", "two") and not right("Two", "two")
    assert right("the sign says: stop", "the sign says: stop")
    assert not right("the sign says: go, or rather: stop", "stop") and not right("it is one: two", "two")
    boxes = ((0.1, 0.1, 0.3, 0.3), (0.6, 0.6, 0.9, 0.9))
    one, other = (box_text([box]) for box in boxes)
    assert right(one + other, "", boxes) and right(other + one, "", boxes)
    for wrong in (one, other, one + one, one + other + other, "", "two", one + box_text([(0.3, 0.3, 0.5, 0.5)])):
        assert not right(wrong, "", boxes)
    assert right("[[100,100,300,220]]", "", boxes[:1])  # 60 %
    assert not right("[[100,100,300,180]]", "", boxes[:1])  # 40 %


# -- the items -------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_benchmark(items):
    assert benchmark(World(48), 4, seed=3) == items
    assert benchmark(WORLD, 4, seed=4) != items
    assert [item.task for item in items] == [task for task in ALL for _ in range(4)]


def test_held_out_wordings_ask_about_the_same_scenes(items):
    others = benchmark(WORLD, 4, seed=3, wording="held_out")
    assert [(item.task, item.scene) for item in others] == [(item.task, item.scene) for item in items]
    ours, theirs = ([exchange for item in kind for exchange in item.conversation] for kind in (items, others))
    assert len(ours) == len(theirs) and all(a.question != b.question for a, b in zip(ours, theirs))
    assert [exchange.answer for exchange in ours] == [exchange.answer for exchange in theirs]


def test_every_scene_holds_a_pair_never_seen(items):
    for item in items:
        names = sorted({thing.name for thing in item.scene.things} - {"plus"})
        places = [item.scene.place] if item.scene.place else []
        pairs = [(name, place) for name in names for place in places]
        pairs += [(a, b) for a in names for b in names if a < b]
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
        (WORLD.paint(item.scene).tobytes(), n, exchange.question): change(item.task, exchange.answer)
        for item in items
        for n, exchange in enumerate(item.conversation)
    }
    return lambda asked: [known[picture.tobytes(), len(history), question] for picture, history, question in asked]


def test_the_perfect_score_1_and_the_wrong_0(items):
    assert evaluate(oracle(items), items, paint_all(WORLD, items)) == dict.fromkeys(ALL, 1.0)
    assert evaluate(
        oracle(items, lambda task, answer: f"not {answer[::-1]}"), items, paint_all(WORLD, items)
    ) == dict.fromkeys(ALL, 0.0)
    assert evaluate(lambda asked: [""] * len(asked), items, paint_all(WORLD, items)) == dict.fromkeys(ALL, 0.0)


def test_pictures_are_what_is_shown(items):
    """Not the items' own scenes: so a corrupted picture can stand for each."""
    seen = []

    def answer_all(asked):
        seen.extend(picture for picture, *_ in asked)
        return [""] * len(asked)

    pictures = [np.full((8, 8, 3), number % 256, np.uint8) for number in range(len(items))]
    evaluate(answer_all, items, pictures)
    assert all(shown is picture for shown, picture in zip(seen, pictures, strict=True))
    with pytest.raises(IndexError):
        evaluate(answer_all, items, pictures[:3])


def test_all_are_painted_in_order(items):
    pictures = paint_all(WORLD, items)
    assert all((picture == WORLD.paint(item.scene)).all() for picture, item in zip(pictures, items, strict=True))


# -- moved scenes ------------------------------------------------------------------------------------------------------


def upside_down(scene):
    things = tuple(replace(t, box=(t.box[0], 64 - t.box[3], t.box[2], 64 - t.box[1])) for t in scene.things)
    return replace(scene, things=things)


def test_questions_are_asked_about_the_moved_scene_and_the_picture_is_the_old_one():
    tasks = ["position", "box", "what"]
    plain, moved = benchmark(WORLD, 6, 3, tasks=tasks), benchmark(WORLD, 6, 3, tasks=tasks, move=upside_down)
    assert any(item.scene == other.scene for item, other in zip(plain, moved))
    generator = QuestionGenerator(WORLD)
    for number, item in enumerate(moved):
        assert item.scene.things and all(thing.sprite for thing in item.scene.things)
        random = Random(f"ask 3 {item.task} {number % 6}")
        assert item.conversation == getattr(generator, item.task)(upside_down(item.scene), random)
        if item.task == "box":
            there = upside_down(item.scene)
            boxes = {relative(thing, there) for thing in there.things}
            assert boxes >= set(item.conversation[0].boxes)


def test_each_task_has_its_own_score(items):
    scores = evaluate(
        oracle(items, lambda task, answer: "" if task == "count" else answer), items, paint_all(WORLD, items)
    )
    assert scores == dict.fromkeys(ALL, 1.0) | {"count": 0.0}


def test_one_of_four_is_a_quarter():
    items = benchmark(WORLD, 4, seed=3, tasks=["background"])
    told = iter(["", "", "", items[3].conversation[0].answer])
    assert evaluate(lambda asked: [next(told) for _ in asked], items, paint_all(WORLD, items)) == {"background": 0.25}


def test_earlier_answers_are_the_models_own():
    items = benchmark(WORLD, 5, seed=3, tasks=["conversation"])
    calls = []

    def answer_all(asked):
        calls.append(asked)
        return [said(n, len(calls) - 1) for n in range(len(asked))]

    def said(n, number):  # right, with thoughts of its own
        return f"top-left {number} top {n}: {split_thoughts(items[n].conversation[number].answer)[1]}"

    assert evaluate(answer_all, items, paint_all(WORLD, items)) == {"conversation": 1.0}
    assert len(calls) == max(len(item.conversation) for item in items) == 3
    for number, asked in enumerate(calls):
        for n, (picture, history, question) in enumerate(asked):
            assert question == items[n].conversation[number].question
            assert (picture == WORLD.paint(items[n].scene)).all()
            assert history == [(items[n].conversation[t].question, said(n, t)) for t in range(number)]


def test_one_wrong_exchange_spoils_a_conversation():
    items = benchmark(WORLD, 5, seed=3, tasks=["conversation"])
    perfect = oracle(items)
    for bad in range(3):
        spoil = lambda asked, bad=bad: ["" if len(a[1]) == bad else answer for a, answer in zip(asked, perfect(asked))]  # noqa: E731
        assert evaluate(spoil, items, paint_all(WORLD, items)) == {"conversation": 0.0}
