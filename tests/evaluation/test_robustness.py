"""Robustness: what each condition changes and what it leaves alone; answers that change; the blind."""

from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from vlmcore.evaluation import robustness as module
from vlmcore.evaluation.benchmark import TASKS, benchmark, evaluate, paint_all
from vlmcore.evaluation.corruptions import CORRUPTIONS, SEEN_IN_TRAINING, corrupt
from vlmcore.evaluation.geometry import GEOMETRY
from vlmcore.evaluation.robustness import (
    GREY,
    LIGHTS,
    SEVERITIES,
    Condition,
    OtherArtist,
    answers,
    blind,
    changed,
    conditions,
    moved,
    robustness,
    score_condition,
    stability,
)
from vlmcore.evaluation.strangers import Strangers
from vlmcore.scenes.artwork import TRAINING_ARTISTS, UNSEEN_ARTIST
from vlmcore.scenes.scene import Scene, Thing
from vlmcore.scenes.world import World

WORLD = World(48)
ALL = {condition.name: condition for condition in conditions(48)}


# -- the conditions --------------------------------------------------------------------------------------------------


def test_every_kind_of_damage_is_there_at_three_severities():
    assert next(iter(ALL)) == "clean" and len(ALL) == len(conditions(48))
    assert SEVERITIES == (1, 3, 5)
    for name in CORRUPTIONS:
        family = "seen kinds" if name in SEEN_IN_TRAINING else "unseen kinds"
        assert [ALL[f"{name} {severity}"].family for severity in (1, 3, 5)] == [family] * 3
    families = Counter(condition.family for condition in ALL.values())
    assert families == {
        "clean": 1, "light": len(LIGHTS), "seen kinds": 3 * len(SEEN_IN_TRAINING),
        "unseen kinds": 3 * (len(CORRUPTIONS) - len(SEEN_IN_TRAINING)), "geometry": len(GEOMETRY), "artists": 2,
        "grounds": 3, "words": 1,
    }  # fmt: skip


def test_a_condition_does_to_pictures_what_it_is_called():
    picture = WORLD.paint(WORLD.scene(Random(0)))
    assert ALL["clean"].change is None
    for name, severity in ((name, severity) for name in CORRUPTIONS for severity in SEVERITIES):
        for number in (0, 7):  # and the picture's number is the seed
            expected = corrupt(picture, name, severity, number)
            assert (ALL[f"{name} {severity}"].change(picture, number) == expected).all()
    for share in LIGHTS:
        darker = ALL[f"light {share:.0%}"].change(picture, 0).astype(float)
        assert np.abs(darker - (picture * share).clip(0, 255)).max() < 1
    for name, move in GEOMETRY.items():
        assert (ALL[name].change(picture, 0) == move(picture, [])[0]).all() and ALL[name].move


def test_worlds_are_what_they_are_called():
    assert ALL["unseen artist"].world.artist == UNSEEN_ARTIST and ALL["unseen looks"].world.look == "held_out"
    assert isinstance(ALL["free arrangement"].world, Strangers) and ALL["unseen wordings"].wording == "held_out"
    assert ALL["free, unseen looks"].world.look == "held_out"
    assert all(condition.world.look == "training" for condition in ALL.values() if "looks" not in condition.name)


def test_the_other_artist_paints_what_training_kept_back():
    world, random = OtherArtist(48), Random(0)
    assert world.names and set(world.names) < set(WORLD.names)
    for kind in ("scatter", "hidden", "sum", "unusual", "shape") * 10:
        for thing in world.scene(random, kind, evaluate=True).things:
            if thing.name != "plus":
                assert {thing.sprite.artist} == set(TRAINING_ARTISTS) - set(WORLD.artists(thing.name))


# -- moved scenes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GEOMETRY)
def test_a_moved_scene_has_the_boxes_of_the_moved_picture(name):
    for seed in range(20):
        scene = WORLD.scene(Random(seed), "scatter")
        there = moved(name, scene)
        boxes = GEOMETRY[name](WORLD.paint(scene), [tuple(v / 64 for v in thing.box) for thing in scene.things])[1]
        kept = [box for box in boxes if box[0] < box[2] and box[1] < box[3]]
        assert [thing.box for thing in there.things] == [pytest.approx([64 * v for v in box]) for box in kept]
        assert replace(there, things=()) == replace(scene, things=())


def test_what_has_left_the_picture_is_left_out():
    things = (
        Thing("dog", (60.0, 20.0, 64.0, 30.0)),
        Thing("cat", (20.0, 60.0, 30.0, 63.0)),
        Thing("cow", (9, 9, 19, 19)),
    )
    scene = Scene("scatter", None, things)
    assert [thing.name for thing in moved("shift 6", scene).things] == ["cow"]
    assert [thing.name for thing in moved("shift 2", scene).things] == ["dog", "cat", "cow"]
    assert [thing.name for thing in moved("zoom out 0.85", scene).things] == ["dog", "cat", "cow"]
    assert moved("shift 6", Scene("scatter", None, ())).things == ()


# -- scoring ---------------------------------------------------------------------------------------------------------


def knowing(condition, per_task, seed):
    """Answers rightly, by looking the picture up: whoever shows it another one gets nothing."""
    items = benchmark(condition.world, per_task, seed, condition.wording, condition.tasks, condition.move)
    pictures = paint_all(condition.world, items)
    if condition.change:
        pictures = [condition.change(picture, number) for number, picture in enumerate(pictures)]
    known = {
        (picture.tobytes(), exchange.question): exchange.answer
        for picture, item in zip(pictures, items)
        for exchange in item.conversation
    }
    return lambda asked: [known.get((picture.tobytes(), question), "") for picture, _, question in asked]


@pytest.mark.parametrize("name", ["clean", "fog 3", "shift 6", "unseen artist", "free arrangement", "unseen wordings"])
def test_who_knows_the_changed_pictures_scores_1_and_who_knows_the_clean_ones_does_not(name):
    condition = ALL[name]
    assert set(score_condition(knowing(condition, 1, 5), condition, 1, 5).values()) == {1.0}
    clean = score_condition(knowing(ALL["clean"], 1, 5), condition, 1, 5)
    assert tuple(clean) == tuple(condition.tasks)
    assert name == "clean" or np.mean(list(clean.values())) < 0.2


def test_the_blind_see_grey_of_the_same_size_and_hear_everything():
    heard = []

    def answer_all(asked):
        heard.extend(asked)
        return ["grey"] * len(asked)

    picture = WORLD.paint(WORLD.scene(Random(0)))
    assert blind(answer_all)([(picture, [("a", "b")], "what?")]) == ["grey"]
    ((shown, history, question),) = heard
    assert shown.shape == picture.shape and shown.dtype == np.uint8 and (shown == GREY).all()
    assert (history, question) == ([("a", "b")], "what?")
    assert picture.std() > 0


def test_changed_is_the_share_that_differs():
    assert changed(["a", "b", "c", "d"], ["a", "b", "c", "x"]) == 0.25
    assert changed(["a"], ["a"]) == 0
    with pytest.raises(ValueError):
        changed(["a"], ["a", "b"])


def test_only_first_answers_count_and_without_their_thoughts():
    items = benchmark(WORLD, 2, 1, tasks=["conversation", "count"])
    asked = []

    def answer_all(questions):
        asked.extend(questions)
        return ["top-left no top no: two"] * len(questions)

    assert answers(answer_all, items, paint_all(WORLD, items)) == ["two"] * 4
    assert [question for _, _, question in asked] == [item.conversation[0].question for item in items]
    assert all(history == [] for _, history, _ in asked)


class Stub:
    """Stands for an assistant whose answers hang on what ``look`` makes of picture and question."""

    def __init__(self, look):
        self.about, self.look = {"objects": 48}, look

    def answer_all(self, asked):
        return [str(self.look(picture, question)) for picture, _, question in asked]


def test_stability():
    assert stability(Stub(lambda picture, question: "yes"), 48, 1, 0) == {"shift of 2 pixels": 0, "paraphrase": 0}
    seen = stability(Stub(lambda picture, question: picture.tobytes().hex()), 48, 1, 0)
    assert seen == {"shift of 2 pixels": 1, "paraphrase": 0}
    heard = stability(Stub(lambda picture, question: question), 48, 1, 0)
    assert heard == {"shift of 2 pixels": 0, "paraphrase": 1}


def test_everything_together(monkeypatch):
    """A few conditions, and a stub that answers "yes" where the picture is not grey."""
    few = [ALL["clean"], replace(ALL["fog 3"], tasks=("exists",)), Condition("light", "dark", WORLD, tasks=("exists",))]
    monkeypatch.setattr(module, "conditions", lambda objects: few if objects == 48 else None)
    found = robustness(Stub(lambda picture, question: "yes" if picture.std() else ""), 2, 0)
    assert set(found["conditions"]) == {"clean", "fog 3", "dark"} and (found["per_task"], found["seed"]) == (2, 0)
    items = benchmark(WORLD, 2, 0, tasks=TASKS)
    expected = evaluate(lambda asked: ["yes"] * len(asked), items, paint_all(WORLD, items))
    assert found["tasks"]["clean"] == expected
    assert found["conditions"]["clean"] == pytest.approx(np.mean(list(expected.values())))
    assert found["families"] == {
        "clean": found["conditions"]["clean"], "unseen kinds": found["conditions"]["fog 3"],
        "light": found["conditions"]["dark"],
    }  # fmt: skip
    assert found["blind"] == 0 and found["gain"] == found["conditions"]["clean"]
    assert found["answers that change"] == {"shift of 2 pixels": 0, "paraphrase": 0}
