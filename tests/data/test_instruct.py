"""Every answer is worked out again from the scene, starting from the rendered question; nothing held out is told."""

import re
import string
from collections import Counter
from functools import cache
from itertools import chain
from random import Random

import pytest

from vlmcore.data.backgrounds import IN_PLACE, PLACES
from vlmcore.data.instruct import Conversation, Teacher, Turn, wordings
from vlmcore.data.mix import TASK_WEIGHTS, conversations
from vlmcore.data.scene import SLOTS, Scene, Thing, any_held_out_pair, held_out_pair
from vlmcore.data.wording import (
    CELLS,
    IN_SLOT,
    NUMBERS,
    PRECISION,
    a,
    box_text,
    in_order,
    join,
    number,
    relative,
    split_thoughts,
    word_map,
)
from vlmcore.data.world import World

WORLD = World()
OBJECTS = WORLD.objects
SINGULAR = {item.plural: item.name for item in OBJECTS.values()}
HELD_OUT = {name for name, item in OBJECTS.items() if item.unusual == "held_out"}
TEMPLATES = [(task, kind, text) for task, kinds in wordings().items() for kind in kinds for text in kinds[kind]]


def plain(text: str) -> str:
    """Without capitals and punctuation, by which two wordings should not differ alone."""
    return " ".join("".join(c for c in text.lower() if c not in string.punctuation or c in "{}").split())


def slots_of(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@cache
def pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(template)))


def asked(turn: Turn, kind: str = "train") -> dict[str, str]:
    """What a rendered question asks about, by slot: {"place": "top"}, {"many": "dogs"}, …"""
    valid = {"place": SLOTS, "many": SINGULAR, "name": OBJECTS, "one": {a(name) for name in OBJECTS}}
    for template in wordings()[turn.task][kind]:
        found = pattern(template).fullmatch(turn.question)
        if found and all(value in valid[slot] for slot, value in found.groupdict().items()):
            return found.groupdict()
    raise AssertionError(f"no wording of {turn.task} gives {turn.question!r}")


def asked_name(turn: Turn) -> str:
    slots = asked(turn)
    return slots.get("name") or SINGULAR.get(slots.get("many", "")) or slots["one"].split(" ", 1)[1]


def asked_thing(scene: Scene, turn: Turn) -> Thing:
    """The one thing in the place that is asked about."""
    (thing,) = (thing for thing in scene.things if thing.slot == SLOTS.index(asked(turn)["place"]))
    assert thing.name != "plus"
    return thing


def parse_boxes(text: str) -> list[list[float]]:
    assert re.fullmatch(r"\[\[\d{3,4}(,\d{3,4}){3}(;\d{3,4}(,\d{3,4}){3})*\]\]", text), text
    return [[int(value) / 1000 for value in box.split(",")] for box in text[2:-2].split(";")]


LAST = 1 - PRECISION / 1000  # the largest coordinate that three digits can tell


def close(found: list[list[float]], exact: list[tuple[float, ...]]) -> bool:
    values = list(zip(chain(*found), chain(*exact), strict=True))
    return len(found) == len(exact) and all(abs(x - min(y, LAST)) <= PRECISION / 2000 + 1e-9 for x, y in values)


def counted(text: str) -> tuple[str, int]:
    """a dog → (dog, 1), three dogs → (dog, 3)."""
    word, name = text.split(" ", 1)
    if word in ("a", "an"):
        assert text == a(name)
        return name, 1
    count = NUMBERS.index(word)
    return (name if count == 1 else SINGULAR[name]), count


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    random = Random(0)
    kinds = [None] * 5 + ["hidden", "sum", "unusual", "shape", "unusual new"]
    return [
        WORLD.scene(random, kinds[i % 10], evaluate=i % 3 == 0 or kinds[i % 10] == "unusual new") for i in range(1500)
    ]


@pytest.fixture(scope="module")
def training() -> list[tuple[Scene, Conversation]]:
    """Conversations as training holds them."""
    random, teacher = Random(1), Teacher(WORLD)
    made = []
    for _ in range(8000):
        scene = WORLD.scene(random)
        made += [(scene, talk) for talk in conversations(teacher, scene, random, 6)]
    return made


def answers(scenes: list[Scene], task: str, repeat: int = 2, alone: bool = False) -> list[tuple[Scene, Turn]]:
    """Single-turn conversations of one task about these scenes."""
    random, teacher = Random(2), Teacher(WORLD)
    make = getattr(teacher, f"{task}_alone" if alone else task)
    talks = [(scene, make(scene, random)) for scene in scenes for _ in range(repeat)]
    found = [(scene, talk[0]) for scene, talk in talks if talk is not None]
    assert len(found) > 50 and {turn.task for _, turn in found} == {task}
    assert all(talk is None or len(talk) == 1 for _, talk in talks)
    return found


# -- wordings --------------------------------------------------------------------------------------------------------


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


def test_no_held_out_question_is_ever_asked_in_training(training):
    random, teacher = Random(3), Teacher(WORLD, "held_out")
    asked_in_training = {plain(turn.question) for _, talk in training for turn in talk}
    measured = {
        plain(turn.question)
        for scene in [WORLD.scene(random, evaluate=True) for _ in range(1500)]
        for talk in conversations(teacher, scene, random, 8)
        for turn in talk
    }
    assert len(measured) > 1000
    assert measured & asked_in_training == set()


# -- what is held out ------------------------------------------------------------------------------------------------


def test_training_never_tells_a_held_out_fact_before_a_picture(training):
    """Neither where such an object belongs nor what it does, in no turn of no task."""
    deeds = {OBJECTS[name].does for name in HELD_OUT}
    for scene, talk in training:
        subject = None
        for turn in talk:
            assert not any(deed in turn.answer for deed in deeds)
            if turn.task in ("found", "does", "what", "colour"):
                subject = asked_thing(scene, turn).name
            elif turn.task == "exists":
                subject = asked_name(turn)
            if turn.task in ("found", "does", "it_found"):
                assert subject is not None and subject not in HELD_OUT
            elif "belong" in turn.answer or "because" in turn.answer:
                told = {thing.name for thing in scene.things} if turn.task == "unusual" else set()
                told |= set(re.findall(r" is an? (\S+) that belongs", turn.answer))
                assert turn.task in ("unusual", "suppose") and not HELD_OUT & told


def test_held_out_objects_are_seen_and_named_in_training(training):
    assert {turn.answer for _, talk in training for turn in talk if turn.task == "what"} == {a(n) for n in OBJECTS}


# -- the answers -----------------------------------------------------------------------------------------------------


def thought(scene: Scene, counted: str, slots: tuple[int, ...] = tuple(range(9))) -> str:
    """What is thought before an answer: every place, what is there, and the how-manyth it is of what is counted."""
    at = {thing.slot: thing.name for thing in scene.things}
    parts = []
    for n, slot in enumerate(slots):
        parts.append(f"{SLOTS[slot]} {at.get(slot, 'no')}")
        if at.get(slot) == counted:
            parts.append(NUMBERS[sum(at.get(earlier) == counted for earlier in slots[: n + 1])])
    return " ".join(parts)


def test_caption(scenes):
    teacher = Teacher(WORLD)
    for scene, turn in answers(scenes, "caption"):
        assert turn.answer in teacher.captions(scene) + teacher.grounded_captions(scene)
    for scene in scenes:
        here = IN_PLACE[scene.place]
        assert all(caption.endswith(f" {here}") for caption in teacher.captions(scene))
        texts = [caption.removesuffix(f" {here}") for caption in teacher.captions(scene)]
        there = Counter(thing.name for thing in scene.things)
        if scene.kind == "shape":
            assert texts == [f"many small {OBJECTS[next(iter(there))].plural} that form {a(scene.shape)}"]
        elif scene.kind == "sum":
            left, right = (counted(part) for part in texts[0].split(" plus "))
            assert {left[0], right[0]} == set(there) - {"plus"} and left[1] + right[1] == there[left[0]]
        else:
            how_many, where = (re.split(r", | and ", text) for text in texts)
            assert Counter(dict(counted(part) for part in how_many)) == there
            assert Counter(where) == Counter(f"{a(thing.name)} {IN_SLOT[thing.slot]}" for thing in scene.things)
            (grounded,) = teacher.grounded_captions(scene)
            boxes = re.split(r", (?=a)| and ", grounded.removesuffix(f" {here}"))
            first = scene.things[-3:]
            assert [part.rsplit(" ", 1)[0] for part in boxes] == [a(thing.name) for thing in first]
            found = [parse_boxes(part.rsplit(" ", 1)[1])[0] for part in boxes]
            assert close(found, [relative(thing, scene) for thing in first])


def test_describe(scenes):
    for scene, turn in answers(scenes, "describe"):
        here, *things = turn.answer.split(", ")
        assert here == IN_PLACE[scene.place]
        ordered = sorted(scene.things, key=lambda thing: thing.slot)
        assert things == [f"{IN_SLOT[thing.slot]} is {a(thing.name)}" for thing in ordered]


def test_background(scenes):
    assert all(turn.answer == IN_PLACE[scene.place] for scene, turn in answers(scenes, "background"))


def test_count(scenes):
    told = Counter()
    for scene, turn in answers(scenes, "count"):
        count = sum(thing.name == asked_name(turn) for thing in scene.things)
        assert turn.answer == f"{thought(scene, asked_name(turn))}: {NUMBERS[count]}"
        told[count] += 1
    assert 0.05 < told[0] / told.total() < 0.15 and max(told) >= 5


def test_position(scenes):
    for scene, turn in answers(scenes, "position"):
        (thing,) = scene.named(asked_name(turn))
        assert turn.answer == f"the {thing.name} is {IN_SLOT[thing.slot]}"


def test_what(scenes):
    assert all(turn.answer == a(asked_thing(scene, turn).name) for scene, turn in answers(scenes, "what"))


def test_colour(scenes):
    for scene, turn in answers(scenes, "colour"):
        assert turn.answer == OBJECTS[asked_thing(scene, turn).name].colour


def test_exists(scenes):
    told = Counter()
    for scene, turn in answers(scenes, "exists"):
        there = any(thing.name == asked_name(turn) for thing in scene.things)
        places = [
            IN_SLOT[thing.slot] for thing in scene.things if thing.name == asked_name(turn) and thing.slot is not None
        ]
        where = places if scene.kind != "shape" and there else ["everywhere" if there else "nowhere"]
        thought, said = split_thoughts(turn.answer)
        assert said == ("yes" if there else "no")
        assert thought in {f"the {asked_name(turn)} is {place}" for place in where}
        told[there] += 1
    assert told[True] / told.total() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("alone", [False, True])
def test_box(scenes, alone):
    for scene, turn in answers(scenes, "box", alone=alone):
        things = sorted(scene.named(asked_name(turn)), key=lambda thing: thing.slot)
        exact = [tuple(value / side for value, side in zip(thing.box, scene.size * 2)) for thing in things]
        assert 1 <= len(things) <= 3 and list(turn.boxes) == exact
        aloud, said = split_thoughts(turn.answer)
        assert aloud == ("" if alone else thought(scene, asked_name(turn)))
        said = re.split(", | and ", said)
        places, texts = zip(*(part.rsplit(" ", 1) for part in said), strict=True)
        assert list(places) == [IN_SLOT[thing.slot] for thing in things]
        assert close([parse_boxes(text)[0] for text in texts], exact)


def test_suppose(scenes):
    told = Counter()
    for scene, turn in answers(scenes, "suppose"):
        where, name, home, fits = re.fullmatch(
            r"(.+) is an? (\S+) that belongs (.+) (as|not) here", turn.answer
        ).groups()
        assert a(name) in turn.question and where in turn.question
        assert name not in HELD_OUT and not scene.named(name)
        assert home == IN_PLACE[OBJECTS[name].found] and (fits == "as") == (home == IN_PLACE[scene.place])
        assert any_held_out_pair(scene) or not held_out_pair(name, scene.place)
        told[fits] += 1
    assert min(told.values()) > 10


def test_sum(scenes):
    for scene, turn in answers(scenes, "sum"):
        aloud, said = turn.answer.split(": ")
        left, right, total = (counted(part) for part in re.split(" plus | is ", said))
        (plus,) = scene.named("plus")
        sides = Counter(t.centre[0] < plus.centre[0] for t in scene.things if t.name != "plus")
        assert (left[1], right[1], total[1]) == (sides[True], sides[False], sides.total())
        assert {left[0], right[0], total[0]} | {"plus"} == {thing.name for thing in scene.things}
        assert aloud == thought(scene, left[0], (0, 3, 6, 2, 5, 8))


def test_unusual(scenes):
    for scene, turn in answers(scenes, "unusual"):
        away = [t.name for t in scene.things if OBJECTS[t.name].found != scene.place]
        here = IN_PLACE[scene.place]
        aloud, verdict = turn.answer.split(": ")
        ordered = sorted(scene.things, key=lambda thing: thing.slot)
        if away:  # looking ends where the odd one is found
            ordered = ordered[: [thing.name for thing in ordered].index(away[0]) + 1]
        homes = [IN_PLACE[OBJECTS[thing.name].found] for thing in ordered]
        assert aloud.split(", ") == [
            f"{IN_SLOT[t.slot]} is {a(t.name)} that belongs {home} {'as' if home == here else 'not'} here"
            for t, home in zip(ordered, homes)
        ]
        if away:
            home = IN_PLACE[OBJECTS[away[0]].found]
            assert verdict == f"the {away[0]}, because it belongs {home}, not {here}"
        else:
            assert verdict == f"nothing, because everything here belongs {here}"


def test_shape(scenes):
    assert all(turn.answer == a(scene.shape) for scene, turn in answers(scenes, "shape"))


def test_found_and_does(scenes):
    for scene, turn in answers(scenes, "found"):
        name = asked_thing(scene, turn).name
        assert turn.answer == f"{a(name)}: {IN_PLACE[OBJECTS[name].found]}" and name not in HELD_OUT
    for scene, turn in answers(scenes, "does"):
        name = asked_thing(scene, turn).name
        assert turn.answer == f"{a(name)}: it {OBJECTS[name].does}" and name not in HELD_OUT


def test_conversation(scenes):
    random, teacher = Random(4), Teacher(WORLD)
    seen = Counter()
    for scene in scenes:
        talk = teacher.conversation(scene, random)
        if talk is None:
            assert scene.kind in ("sum", "shape")
            continue
        first, *rest = talk
        if first.task == "what":
            thing = asked_thing(scene, first)
            assert first.answer == a(thing.name)
        else:
            (thing,) = scene.named(asked_name(first))
            assert (first.task, first.answer) == ("exists", f"the {thing.name} is {IN_SLOT[thing.slot]}: yes")
        item = OBJECTS[thing.name]
        right = {
            "it_colour": item.colour,
            "it_count": f"{thought(scene, thing.name)}: {NUMBERS[len(scene.named(thing.name))]}",
            "it_position": f"the {thing.name} is {IN_SLOT[thing.slot]}",
            "it_found": IN_PLACE[item.found],
        }
        assert len(rest) == 2 and len({turn.task for turn in rest}) == 2
        for turn in rest:
            assert turn.answer == right[turn.task]
            assert turn.question in wordings()[turn.task]["train"]
            assert turn.task != "it_found" or thing.name not in HELD_OUT
            assert turn.task != "it_position" or len(scene.named(thing.name)) == 1  # which one would "it" be?
            seen[turn.task] += 1
    assert min(seen[task] for task in ("it_colour", "it_count", "it_position", "it_found")) > 50


def test_conversations_are_as_many_as_asked_for_and_repeat_no_task_that_has_one_answer(scenes):
    teacher = Teacher(WORLD)
    for index, scene in enumerate(scenes[:300]):
        made = conversations(teacher, scene, Random(index), 5)
        assert made == conversations(teacher, scene, Random(index), 5)
        assert len(made) == 5 or scene.kind in ("sum", "shape")  # of which less can be asked
        tasks = Counter(talk[0].task for talk in made if len(talk) == 1)
        assert all(tasks[t] <= 1 for t in ("caption", "describe", "background", "sum", "unusual", "shape"))
    assert {t[0].task for t in conversations(teacher, scenes[0], Random(0), 9, {"count": 1, "what": 1})} == {
        "count",
        "what",
    }


# -- numbers and words -----------------------------------------------------------------------------------------------


def test_box_text_parses_back_to_within_rounding():
    random = Random(5)
    for _ in range(500):
        boxes = [tuple(random.random() for _ in range(4)) for _ in range(random.randint(1, 4))]
        assert close(parse_boxes(box_text(boxes)), boxes)
    assert box_text([(0.341, 0, 0.5, 1)]) == "[[360,000,480,960]]"
    assert {int(number(value / 997)) % PRECISION for value in range(998)} == {0}
    assert all(len(number(value / 997)) == 3 for value in range(998))


@pytest.mark.parametrize(
    ("name", "with_article"),
    [
        ("dog", "a dog"),
        ("apple", "an apple"),
        ("owl", "an owl"),
        ("umbrella", "an umbrella"),
        ("unicorn", "a unicorn"),
        ("letter L", "a letter L"),
        ("ox", "an ox"),
        ("yoyo", "a yoyo"),
    ],
)
def test_article(name, with_article):
    assert a(name) == with_article


def test_join():
    assert [join(list(parts)) for parts in ("", "x", "xy", "xyz")] == ["", "x", "x and y", "x, y and z"]


def test_word_map_agrees_with_the_scene(scenes):
    for scene in scenes:
        cells, boxes = word_map(scene)
        assert len(cells) == len(boxes) == CELLS * CELLS
        assert all((box is None) == (words == [scene.place]) for words, box in zip(cells, boxes))
        things = [words for words in cells if words != [scene.place]]
        if scene.kind == "shape":
            assert all(words == [scene.things[0].name] for words in things) and things
            continue
        assert Counter(words[0] for words in things) == Counter(thing.name for thing in scene.things)
        for thing in scene.things:
            x, y = (value * CELLS / side for value, side in zip(thing.centre, scene.size))
            name, *rest = cells[int(y) * CELLS + int(x)]
            assert name == thing.name
            assert rest == [SLOTS[thing.slot]]
            assert boxes[int(y) * CELLS + int(x)] == relative(thing, scene)


# -- photos ----------------------------------------------------------------------------------------------------------

PHOTO = Scene(
    "coco",
    None,
    (
        Thing("person", (10.5, 20.0, 100.0, 300.5)),
        Thing("wine glass", (0.0, 5.0, 30.0, 60.0)),
        Thing("person", (200.0, 10.0, 320.0, 400.0)),
        *(Thing("sheep", (x, x, x + 9.0, x + 9.0)) for x in range(0, 120, 10)),
    ),
    (640, 480),
    captions=("Two people drink wine.", "Many sheep."),
)
NAMES = ["person", "wine glass", "sheep", "mouse", "umbrella", "bench"]


def test_photos_get_the_questions_that_their_annotations_answer():
    random, teacher = Random(6), Teacher(WORLD, annotated=NAMES)
    made = {task: [getattr(teacher, task)(PHOTO, random) for _ in range(200)] for task in TASK_WEIGHTS}
    assert {task for task, talks in made.items() if any(talks)} == {"caption", "count", "exists", "box"}
    turns = {
        task: {(turn.question, turn.answer) for talk in talks if talk for turn in talk} for task, talks in made.items()
    }
    assert {answer for _, answer in turns["caption"]} == {*PHOTO.captions, *teacher.grounded_captions(PHOTO)}
    for question, answer in turns["count"]:
        assert answer == ("two" if "people" in question else "one" if "wine glasses" in question else "none")
        assert "sheep" not in question  # twelve: more than we have words for
    for question, answer in turns["exists"]:
        there = any(word in question for word in ("person", "people", "wine glass", "sheep"))
        there or any(word in question for word in ("mouse", "mice", "umbrella", "bench")) or pytest.fail(question)
        assert answer == ("yes" if there else "no")
    boxes = {"person": [PHOTO.things[2], PHOTO.things[0]], "wine glass": [PHOTO.things[1]]}
    for talk in made["box"]:
        if talk:
            (name,) = (name for name in boxes if name in talk[0].question)
            assert close(parse_boxes(talk[0].answer), [relative(thing, PHOTO) for thing in boxes[name]])
    assert conversations(teacher, PHOTO, random, 5)


def test_without_a_list_of_names_nobody_says_what_a_photo_does_not_show():
    random, teacher = Random(7), Teacher(WORLD)
    talks = [talk for _ in range(200) for talk in (teacher.exists(PHOTO, random), teacher.count(PHOTO, random)) if talk]
    assert {talk[0].answer for talk in talks} == {"one", "two"}


def test_a_photo_without_annotations_gets_no_question():
    random, empty = Random(8), Scene("coco", None, (), (640, 480))
    for task in TASK_WEIGHTS:
        assert [getattr(Teacher(WORLD), task)(empty, random) for _ in range(50)] == [None] * 50
    assert conversations(Teacher(WORLD), empty, random, 3) == []
    assert word_map(empty) == ([["nothing"]] * CELLS**2, [None] * CELLS**2) and in_order(empty) == []


@pytest.mark.parametrize(
    ("name", "plural"),
    [("person", "people"), ("bus", "buses"), ("couch", "couches"), ("toothbrush", "toothbrushes"), ("sheep", "sheep")]
    + [
        ("wine glass", "wine glasses"),
        ("scissors", "scissors"),
        ("dog", "dogs"),
        ("knife", "knives"),
        ("box", "boxes"),
    ],
)
def test_plurals_of_names_outside_the_world(name, plural):
    assert Teacher(World(names=1)).plural(name) == plural


def test_places_are_named_everywhere():
    assert set(IN_PLACE) == set(PLACES) and len(set(IN_SLOT)) == len(SLOTS) == 9
