"""Thoughts are told from answers: all that the question generator thinks aloud, and no colon of the answer's own."""

from random import Random

import pytest

from tests.scenes.reading import thought
from vlmcore.scenes.backgrounds import IN_PLACE
from vlmcore.scenes.exchange import Exchange
from vlmcore.scenes.mix import TASK_WEIGHTS
from vlmcore.scenes.questions import SIDES, QuestionGenerator
from vlmcore.scenes.scene import Scene, Thing
from vlmcore.scenes.thoughts import belongs, look_around, point, split_thoughts
from vlmcore.scenes.world import World

QUESTIONS = QuestionGenerator(World())
PHOTO = Scene("coco", None, (Thing("person", (0.0, 0.0, 9.0, 9.0)),), (640, 480))
ALOUD = {"count", "sum", "unusual", "exists", "box", "found", "does", "it_count"}  # tasks that are thought about


@pytest.fixture(scope="module")
def written(scenes) -> list[Exchange]:
    """What is asked about every kind of scene, every task in turn."""
    random, tasks = Random(3), [*TASK_WEIGHTS, "box_alone"]
    talks = [getattr(QUESTIONS, task)(scene, random) for scene in scenes for task in tasks]
    return [exchange for talk in talks if talk for exchange in talk]


def test_what_the_generator_writes_is_split_at_its_last_colon(written):
    assert {exchange.task for exchange in written} > ALOUD and len(written) > 10_000
    for answer in (exchange.answer for exchange in written):
        aloud, said = split_thoughts(answer)
        assert (f"{aloud}: {said}" if aloud else said) == answer
        assert [aloud, said] == [*answer.rpartition(": ")][::2]


def test_every_task_that_thinks_aloud_is_known_to(written):
    for exchange in written:
        aloud = split_thoughts(exchange.answer)[0]
        assert exchange.task in ALOUD or not aloud
        assert aloud or exchange.task not in ALOUD - {"box"}  # box_alone does not think
    assert any(split_thoughts(e.answer)[0] for e in written if e.task == "box")


def test_answers_of_a_model_are_split_by_their_form(written):
    """A model errs in names and numbers, hardly in form; and it may think of what no scene holds."""
    for text, said in (
        ("top-left xylophone one top no: nine", "nine"),
        ("left no: ", ""),
        ("the sign is nowhere: no", "no"),
        ("the letter L is everywhere: yes", "yes"),
        ("on the left is an owl that belongs in the sea as here: nothing, because …", "nothing, because …"),
        ("an owl: it sleeps: well", "it sleeps: well"),
        ("a dog: in the kitchen", "in the kitchen"),
    ):
        assert split_thoughts(text)[1] == said and split_thoughts(text)[0] == text[: len(text) - len(said) - 2]


@pytest.mark.parametrize(
    "text",
    [
        "the sign says: stop", "Two things: a dog and a cat", "a clock that shows: 12", "the time is: noon",
        "yes: a dog", "the dog is: on the left", "a dog:", "left", "top-left", "the dog is on the left", "", ": no",
        "in the sea: a whale", "top:left: no", "two: [[000,040,080,120]]",
    ],
)  # fmt: skip
def test_any_other_colon_is_the_answers_own(text):
    assert split_thoughts(text) == ("", text)


# -- what is thought -------------------------------------------------------------------------------------------------


def test_looking_around_numbers_what_is_counted(scenes):
    for scene in [scene for scene in scenes if scene.kind != "shape"][:300]:
        for name in {thing.name for thing in scene.things} | {"nothing"}:
            assert look_around(scene, [name]) == f"{thought(scene, name)}: "
            assert look_around(scene, [name], SIDES) == f"{thought(scene, name, SIDES)}: "


def test_all_counted_names_are_numbered_together_and_the_others_not_at_all():
    left, middle, right = ((x, 24.0, x + 16, 40.0) for x in (2.0, 24.0, 46.0))
    scene = Scene("scatter", None, (Thing("hat", left), Thing("dog", middle), Thing("shoe", right)))
    above, below = "top-left no top no top-right no", "bottom-left no bottom no bottom-right no"
    for counted, row in (
        ((), "left hat middle dog right shoe"),
        (["hat"], "left hat one middle dog right shoe"),
        ({"hat", "shoe"}, "left hat one middle dog right shoe two"),
    ):
        assert look_around(scene, counted) == f"{above} {row} {below}: "


def test_looking_around_says_what_is_hidden(scenes):
    """Behind its name and number, whether it is counted or not."""
    for scene in [scene for scene in scenes if scene.kind != "shape"][:300]:
        hidden = scene.things[::2]
        for name in {thing.name for thing in scene.things} | {"nothing"}:
            aloud = look_around(scene, [name], hidden=hidden)
            assert aloud == f"{thought(scene, name, hidden=hidden)}: " and aloud.count(" hidden") == len(hidden)
            assert split_thoughts(f"{aloud}two, all in full view") == (aloud[:-2], "two, all in full view")


def test_a_photo_is_looked_at_like_a_painting():
    aloud = (
        "top-left person one top no top-right no left no middle no right no bottom-left no bottom no bottom-right no"
    )
    assert look_around(PHOTO, ["person"]) == f"{aloud}: "
    assert point(PHOTO, "person") == "the person is in the top-left: " and point(PHOTO, "dog") == "the dog is nowhere: "


def test_what_belongs_elsewhere_is_not_as_here():
    sea, farm = IN_PLACE["sea"], IN_PLACE["farm"]
    assert belongs("at the top", "owl", sea, sea) == f"at the top is an owl that belongs {sea} as here"
    assert belongs("at the top", "cow", farm, sea) == f"at the top is a cow that belongs {farm} not here"
