"""The filter keeps what is right and finds what was damaged on purpose, rule by rule."""

from dataclasses import replace
from random import Random

import pytest

from vlmcore.scenes.exchange import Exchange
from vlmcore.scenes.filtering import LONGEST, keep, mentioned, problems
from vlmcore.scenes.mix import conversations
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.scene import Scene, Thing
from vlmcore.scenes.world import World

WORLD = World()
SCENE = Scene("scatter", "kitchen", (Thing("cat", (0, 0, 9, 9)),) * 2)
NAME = SCENE.things[0].name
MANY = WORLD.objects[NAME].plural


@pytest.fixture(scope="module")
def made() -> list[tuple[Scene, Exchange]]:
    questions, random, exchanges = QuestionGenerator(WORLD), Random(0), []
    for _ in range(400):
        scene = WORLD.scene(random)
        exchanges += [(scene, exchange) for talk in conversations(questions, scene, random, 6) for exchange in talk]
    return exchanges


def test_hardly_anything_right_is_thrown_away(made):
    kept, _ = keep(made, WORLD)
    assert len(made) > 2000 and len(kept) / len(made) > 0.99


def test_most_answers_about_another_picture_are_found(made):
    """The damage that lesson 06 does: a question keeps its picture and gets the answer of another one's."""
    by_task: dict[str, list[Exchange]] = {}
    for _, exchange in made:
        by_task.setdefault(exchange.task, []).append(exchange)
    random, found, wrong = Random(1), 0, 0
    for scene, exchange in made:
        if exchange.task in ("describe", "background", "unusual", "what", "exists"):
            other = random.choice(by_task[exchange.task]).answer
            if other != exchange.answer:
                wrong += 1
                found += bool(problems(replace(exchange, answer=other), scene, WORLD))
    assert wrong > 300 and found / wrong > 0.6


@pytest.mark.parametrize(
    ("question", "answer", "why"),
    [
        ("", "a dog", "empty"),
        ("What is it?", "  ", "empty"),
        ("What is it?", "word " * LONGEST + "a b c d e f g", "longer"),
        ("What is it?", "According to the caption it is nice.", "gives the game away"),
        ("What is it?", "on the left is on the left is a thing", "repeats itself"),
        ("What is in the picture?", "a whale", "not there: whale"),
        ("Is there a whale?", "yes", "says yes, but there is no whale"),
        (f"Is there a {NAME}?", "no", f"says no, but there is a {NAME}"),
        (f"How many {MANY} are there?", "three", "counts three, there are two"),
        (f"How many {MANY} are there?", f"top-left {NAME} one: one", "counts one, there are two"),
        ("What is the background?", "in the sea", "says in the sea, it is in the kitchen"),
        ("Describe it.", f"in the sea, in the top-left is a {NAME}", "says in the sea"),
    ],
)
def test_each_rule_says_what_it_found(question, answer, why):
    found = problems(Exchange("any", question, answer), SCENE, WORLD)
    assert any(why in text for text in found), found


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (f"How many {MANY} are there?", "two"),
        ("Is there a whale?", "no"),
        ("Is there a whale?", "No, there is no whale."),
        (f"Is there a {NAME}?", "yes"),
        ("What is the background?", "in the kitchen"),
        ("Where would you usually find it?", "in the sea"),
    ],
)
def test_what_is_right_is_kept(question, answer):
    assert problems(Exchange("any", question, answer), SCENE, WORLD) == []


def test_a_photo_has_no_background_to_be_wrong_about():
    photo = Scene("coco", None, SCENE.things, size=(640, 480))
    assert problems(Exchange("any", "What is the background?", "in the kitchen"), photo, WORLD) == []


def test_names_are_whole_words_in_either_number():
    assert mentioned("Two whales, a sunflower and a pancake.", WORLD) & {"whale", "sun", "pan", "sunflower"} <= {
        "whale", "sunflower",
    }  # fmt: skip
    assert "whale" in mentioned("Two Whales!", WORLD)


def test_the_longest_name_counts_and_a_colour_is_no_fruit():
    assert mentioned("a hot dog, two teddy bears and a fire truck", WORLD) == {"hot dog", "teddy bear", "fire truck"}
    assert mentioned("a bear and a teddy bear", WORLD) == {"bear", "teddy bear"}
    assert problems(Exchange("colour", "What colour is it?", "orange"), SCENE, WORLD) == []
    assert problems(Exchange("what", "What is it?", "an orange"), SCENE, WORLD)


def test_problems_are_counted_by_kind():
    wrong, empty = Exchange("any", "Is there a whale?", "yes"), Exchange("any", "What is it?", "")
    kept, counts = keep([(SCENE, wrong), (SCENE, wrong), (SCENE, empty)], WORLD)
    assert kept == [] and counts == {"says yes": 2, "empty": 1}
