"""Every answer is worked out again from the scene, starting from the rendered question; nothing held out is told."""

import re
from collections import Counter
from functools import cache
from random import Random

import pytest

from tests.scenes.reading import alone, boxes_of, close, opinions, ordered, plain, thought, where
from vlmcore.scenes.backgrounds import IN_PLACE
from vlmcore.scenes.exchange import Conversation, Exchange, wordings
from vlmcore.scenes.grounding import relative
from vlmcore.scenes.mix import TASK_WEIGHTS, conversations
from vlmcore.scenes.position import IN_POSITION, POSITIONS
from vlmcore.scenes.questions import NO_PLACE, QuestionGenerator
from vlmcore.scenes.scene import Scene, Thing, any_held_out_pair, held_out_pair
from vlmcore.scenes.thoughts import split_thoughts
from vlmcore.scenes.wording import NUMBERS, PAIRS, a
from vlmcore.scenes.world import World

WORLD = World()
OBJECTS = WORLD.objects
SINGULAR = {item.plural: item.name for item in OBJECTS.values()}
ONE = {a(name): name for name in OBJECTS}
HELD_OUT = {name for name, item in OBJECTS.items() if item.unusual == "held_out"}


@cache
def pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(template)))


def asked(exchange: Exchange, kind: str = "train") -> dict[str, str]:
    """What a rendered question asks about, by slot: {"place": "top"}, {"many": "dogs"}, …"""
    valid = {"place": POSITIONS, "many": SINGULAR, "name": OBJECTS, "one": ONE}
    for template in wordings()[exchange.task][kind]:
        found = pattern(template).fullmatch(exchange.question)
        if found and all(value in valid[slot] for slot, value in found.groupdict().items()):
            return found.groupdict()
    raise AssertionError(f"no wording of {exchange.task} gives {exchange.question!r}")


def asked_name(exchange: Exchange) -> str:
    slots = asked(exchange)
    return slots.get("name") or SINGULAR.get(slots.get("many", "")) or ONE[slots["one"]]


def asked_thing(scene: Scene, exchange: Exchange) -> Thing:
    """The one thing in the position that is asked about."""
    (thing,) = (thing for thing in scene.things if where(thing, scene) == POSITIONS.index(asked(exchange)["place"]))
    assert thing.name != "plus" and alone(thing, scene)
    return thing


def told_where(thing: Thing, scene: Scene) -> str:
    return IN_POSITION[where(thing, scene)]


def stands(name: str) -> str:
    """dog → the dog is, skis → the skis are"""
    return f"the {name} {'are' if name in PAIRS else 'is'}"


def named(scene: Scene, name: str) -> list[Thing]:
    """In reading order."""
    return [thing for thing in ordered(scene) if thing.name == name]


def counted(text: str) -> tuple[str, int]:
    """a dog → (dog, 1), three dogs → (dog, 3), one pair of skis → (skis, 1)."""
    if text in ONE:
        return ONE[text], 1
    word, name = text.split(" ", 1)
    count = NUMBERS.index(word)
    return (ONE.get(f"a {name}") or ONE[f"an {name}"] if count == 1 else SINGULAR[name]), count


@pytest.fixture(scope="module")
def training() -> list[tuple[Scene, Conversation]]:
    """Conversations as training holds them."""
    random, questions = Random(1), QuestionGenerator(WORLD)
    made = []
    for _ in range(8000):
        scene = WORLD.scene(random)
        made += [(scene, talk) for talk in conversations(questions, scene, random, 6)]
    return made


def answers(scenes: list[Scene], task: str, repeat: int = 2, alone: bool = False) -> list[tuple[Scene, Exchange]]:
    """Conversations of one exchange and one task about these scenes."""
    random, questions = Random(2), QuestionGenerator(WORLD)
    make = getattr(questions, f"{task}_alone" if alone else task)
    talks = [(scene, make(scene, random)) for scene in scenes for _ in range(repeat)]
    found = [(scene, talk[0]) for scene, talk in talks if talk is not None]
    assert len(found) > 50 and {exchange.task for _, exchange in found} == {task}
    assert all(talk is None or len(talk) == 1 for _, talk in talks)
    return found


def test_no_held_out_question_is_ever_asked_in_training(training):
    random, questions = Random(3), QuestionGenerator(WORLD, "held_out")
    asked_in_training = {plain(exchange.question) for _, talk in training for exchange in talk}
    measured = {
        plain(exchange.question)
        for scene in [WORLD.scene(random, evaluate=True) for _ in range(1500)]
        for talk in conversations(questions, scene, random, 8)
        for exchange in talk
    }
    assert len(measured) > 1000
    assert measured & asked_in_training == set()


# -- what is held out ------------------------------------------------------------------------------------------------


def test_training_never_tells_a_held_out_fact_before_a_picture(training):
    """Neither where such an object belongs nor what it does, in no exchange of no task."""
    deeds = {OBJECTS[name].does for name in HELD_OUT}
    for scene, talk in training:
        subject = None
        for exchange in talk:
            assert not any(deed in exchange.answer for deed in deeds)
            if exchange.task in ("found", "does", "what", "colour"):
                subject = asked_thing(scene, exchange).name
            elif exchange.task == "exists":
                subject = asked_name(exchange)
            if exchange.task in ("found", "does", "it_found"):
                assert subject is not None and subject not in HELD_OUT
            elif "belong" in exchange.answer or "because" in exchange.answer:
                told = {thing.name for thing in scene.things} if exchange.task == "unusual" else set()
                told |= {ONE[one] for one in re.findall(r" is (an? .+?) that belongs", exchange.answer)}
                assert exchange.task in ("unusual", "suppose") and not HELD_OUT & told


def test_held_out_objects_are_seen_and_named_in_training(training):
    named = {exchange.answer for _, talk in training for exchange in talk if exchange.task == "what"}
    assert named == {a(name) for name in OBJECTS}


# -- the answers -----------------------------------------------------------------------------------------------------


def test_caption(scenes):
    questions = QuestionGenerator(WORLD)
    for scene, exchange in answers(scenes, "caption"):
        assert exchange.answer in questions.captions(scene) + questions.grounded_captions(scene)
    for scene in scenes:
        here = f" {IN_PLACE[scene.place]}" if scene.place else ""
        assert all(caption.endswith(here) for caption in questions.captions(scene))
        texts = [caption.removesuffix(here) for caption in questions.captions(scene)]
        assert scene.place or not any(f" {place}" in text for text in texts for place in IN_PLACE.values())
        there = Counter(thing.name for thing in scene.things)
        if scene.kind == "shape":
            assert texts == [f"many small {OBJECTS[next(iter(there))].plural} that form {a(scene.shape)}"]
        elif scene.kind == "sum":
            left, right = (counted(part) for part in texts[0].split(" plus "))
            assert {left[0], right[0]} == set(there) - {"plus"} and left[1] + right[1] == there[left[0]]
        else:
            how_many, placed = (re.split(r", | and ", text) for text in texts)
            assert Counter(dict(counted(part) for part in how_many)) == there
            assert Counter(placed) == Counter(f"{a(thing.name)} {told_where(thing, scene)}" for thing in scene.things)
            (grounded,) = questions.grounded_captions(scene)
            boxes = re.split(r", (?=a)| and ", grounded.removesuffix(here))
            first = scene.things[-3:]
            assert [part.rsplit(" ", 1)[0] for part in boxes] == [a(thing.name) for thing in first]
            found = [boxes_of(part.rsplit(" ", 1)[1])[0] for part in boxes]
            assert close(found, [relative(thing, scene) for thing in first])


def test_describe(scenes):
    for scene, exchange in answers(scenes, "describe"):
        here = [IN_PLACE[scene.place]] if scene.place else []
        things = [f"{told_where(thing, scene)} is {a(thing.name)}" for thing in ordered(scene)]
        assert exchange.answer.split(", ") == here + things


def test_only_what_nobody_disputes_is_described(scenes):
    for scene in scenes:
        undisputed = all(alone(thing, scene) for thing in scene.things)
        talk = QuestionGenerator(WORLD).describe(scene, Random(0))
        assert (talk is not None) == (undisputed and scene.kind not in ("sum", "shape"))


def test_background(scenes):
    told = answers(scenes, "background")
    assert all(exchange.answer == (IN_PLACE[scene.place] if scene.place else NO_PLACE) for scene, exchange in told)
    assert NO_PLACE not in IN_PLACE.values() and {scene.place for scene, _ in told} == {None, *IN_PLACE}


def test_count(scenes):
    told = Counter()
    for scene, exchange in answers(scenes, "count"):
        count = sum(thing.name == asked_name(exchange) for thing in scene.things)
        assert exchange.answer == f"{thought(scene, asked_name(exchange))}: {NUMBERS[count]}"
        told[count] += 1
    assert 0.05 < told[0] / told.total() < 0.15 and max(told) >= 5


def test_position(scenes):
    for scene, exchange in answers(scenes, "position"):
        (thing,) = scene.named(asked_name(exchange))
        assert len(opinions(thing, scene)) == 1
        assert exchange.answer == f"{stands(thing.name)} {told_where(thing, scene)}"


def test_what(scenes):
    assert all(exchange.answer == a(asked_thing(scene, exchange).name) for scene, exchange in answers(scenes, "what"))


def test_colour(scenes):
    for scene, exchange in answers(scenes, "colour"):
        assert exchange.answer == OBJECTS[asked_thing(scene, exchange).name].colour != ""


def test_exists(scenes):
    told = Counter()
    for scene, exchange in answers(scenes, "exists"):
        name = asked_name(exchange)
        there = any(thing.name == name for thing in scene.things)
        thought, said = split_thoughts(exchange.answer)
        assert said == ("yes" if there else "no")
        if not there or scene.kind == "shape":
            assert thought == f"{stands(name)} {'everywhere' if there else 'nowhere'}"
        else:
            assert thought == f"{stands(name)} {told_where(named(scene, name)[0], scene)}"
        told[there] += 1
    assert told[True] / told.total() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("alone", [False, True])
def test_box(scenes, alone):
    for scene, exchange in answers(scenes, "box", alone=alone):
        things = named(scene, asked_name(exchange))
        exact = [tuple(value / side for value, side in zip(thing.box, scene.size * 2)) for thing in things]
        assert 1 <= len(things) <= 3 and list(exchange.boxes) == exact
        aloud, said = split_thoughts(exchange.answer)
        assert aloud == ("" if alone else thought(scene, asked_name(exchange)))
        said = re.split(", | and ", said)
        places, texts = zip(*(part.rsplit(" ", 1) for part in said), strict=True)
        assert list(places) == [told_where(thing, scene) for thing in things]
        assert close([boxes_of(text)[0] for text in texts], exact)


def test_suppose(scenes):
    told = Counter()
    for scene, exchange in answers(scenes, "suppose"):
        said = re.fullmatch(r"(.+) is (an? .+) that belongs (.+) (as|not) here", exchange.answer)
        place, one, home, fits = said.groups()
        name = ONE[one]
        assert scene.place and one in exchange.question and place in exchange.question
        assert name not in HELD_OUT and not scene.named(name)
        assert home == IN_PLACE[OBJECTS[name].found] and (fits == "as") == (home == IN_PLACE[scene.place])
        assert any_held_out_pair(scene) or not held_out_pair(name, scene.place)
        told[fits] += 1
    assert min(told.values()) > 10


def test_sum(scenes):
    for scene, exchange in answers(scenes, "sum"):
        aloud, said = exchange.answer.split(": ")
        left, right, total = (counted(part) for part in re.split(" plus | is ", said))
        (plus,) = scene.named("plus")
        sides = Counter(t.centre[0] < plus.centre[0] for t in scene.things if t.name != "plus")
        assert (left[1], right[1], total[1]) == (sides[True], sides[False], sides.total())
        assert {left[0], right[0], total[0]} | {"plus"} == {thing.name for thing in scene.things}
        assert aloud == thought(scene, left[0], (0, 3, 6, 2, 5, 8))


def test_unusual(scenes):
    for scene, exchange in answers(scenes, "unusual"):
        away = [t.name for t in scene.things if OBJECTS[t.name].found != scene.place]
        here = IN_PLACE[scene.place]
        aloud, verdict = exchange.answer.split(": ")
        seen = ordered(scene)
        if away:  # looking ends where the odd one is found
            seen = seen[: [thing.name for thing in seen].index(away[0]) + 1]
        homes = [IN_PLACE[OBJECTS[thing.name].found] for thing in seen]
        assert aloud.split(", ") == [
            f"{told_where(t, scene)} is {a(t.name)} that belongs {home} {'as' if home == here else 'not'} here"
            for t, home in zip(seen, homes)
        ]
        if away:
            home = IN_PLACE[OBJECTS[away[0]].found]
            assert verdict == f"the {away[0]}, because it belongs {home}, not {here}"
        else:
            assert verdict == f"nothing, because everything here belongs {here}"


def test_shape(scenes):
    assert all(exchange.answer == a(scene.shape) for scene, exchange in answers(scenes, "shape"))


def test_found_and_does(scenes):
    for scene, exchange in answers(scenes, "found"):
        name = asked_thing(scene, exchange).name
        assert exchange.answer == f"{a(name)}: {IN_PLACE[OBJECTS[name].found]}" and name not in HELD_OUT
    for scene, exchange in answers(scenes, "does"):
        name = asked_thing(scene, exchange).name
        assert exchange.answer == f"{a(name)}: it {OBJECTS[name].does}" and name not in HELD_OUT


def test_conversation(scenes):
    random, questions = Random(4), QuestionGenerator(WORLD)
    seen = Counter()
    for scene in scenes:
        talk = questions.conversation(scene, random)
        if talk is None:
            assert scene.kind in ("sum", "shape") or not any(alone(thing, scene) for thing in scene.things)
            continue
        first, *rest = talk
        if first.task == "what":
            thing = asked_thing(scene, first)
            assert first.answer == a(thing.name)
        else:
            (thing,) = scene.named(asked_name(first))
            assert first.task == "exists"
            assert first.answer == f"{stands(thing.name)} {told_where(thing, scene)}: yes"
        item = OBJECTS[thing.name]
        right = {
            "it_colour": item.colour,
            "it_count": f"{thought(scene, thing.name)}: {NUMBERS[len(scene.named(thing.name))]}",
            "it_position": f"{stands(thing.name)} {told_where(thing, scene)}",
            "it_found": IN_PLACE[item.found],
        }
        few = thing.name in HELD_OUT and not item.colour and first.task == "what"  # then it can only be counted
        assert len(rest) == len({exchange.task for exchange in rest}) == (1 if few else 2)
        for exchange in rest:
            assert exchange.answer == right[exchange.task] != ""
            assert exchange.question in wordings()[exchange.task]["train"]
            assert exchange.task != "it_found" or thing.name not in HELD_OUT
            assert exchange.task != "it_position" or len(scene.named(thing.name)) == 1  # which one would "it" be?
            seen[exchange.task] += 1
    assert min(seen[task] for task in ("it_colour", "it_count", "it_position", "it_found")) > 50


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
    random, questions = Random(6), QuestionGenerator(WORLD, annotated=NAMES)
    made = {task: [getattr(questions, task)(PHOTO, random) for _ in range(200)] for task in TASK_WEIGHTS}
    tasks = {"caption", "count", "exists", "box", "position", "what"}
    assert {task for task, talks in made.items() if any(talks)} == tasks
    exchanges = {
        task: {(exchange.question, exchange.answer) for talk in talks if talk for exchange in talk}
        for task, talks in made.items()
    }
    assert {answer for _, answer in exchanges["caption"]} == {*PHOTO.captions, *questions.grounded_captions(PHOTO)}
    for question, answer in exchanges["count"]:
        name = "person" if "people" in question else "wine glass" if "wine glasses" in question else "nothing"
        number = {"person": "two", "wine glass": "one", "nothing": "none"}[name]
        assert answer == f"{thought(PHOTO, name)}: {number}"
        assert "sheep" not in question  # twelve: more than we have words for
    assert {answer for _, answer in exchanges["position"]} == {"the wine glass is in the top-left"}
    assert {answer for _, answer in exchanges["what"]} == {"a person"}  # in the middle; the other is near a line
    for question, answer in exchanges["exists"]:
        there = any(word in question for word in ("person", "people", "wine glass", "sheep"))
        there or any(word in question for word in ("mouse", "mice", "umbrella", "bench")) or pytest.fail(question)
        assert split_thoughts(answer)[1] == ("yes" if there else "no")
        assert answer.endswith(" nowhere: no") or there
    boxes = {"person": [PHOTO.things[0], PHOTO.things[2]], "wine glass": [PHOTO.things[1]]}
    for talk in made["box"]:
        if talk:
            (name,) = (name for name in boxes if name in talk[0].question)
            texts = re.findall(r"\[\[.*?\]\]", talk[0].answer)
            assert close([boxes_of(text)[0] for text in texts], [relative(thing, PHOTO) for thing in boxes[name]])
    assert conversations(questions, PHOTO, random, 5)


def test_of_a_photo_nobody_says_a_colour_or_a_place():
    """A drawing of a bus is red; the bus of a photo may have any colour."""
    random, questions = Random(9), QuestionGenerator(WORLD, annotated=NAMES)
    name = next(name for name, item in OBJECTS.items() if item.colour and name not in HELD_OUT)
    photo = Scene("coco", None, (Thing(name, (10.0, 10.0, 60.0, 60.0)),), (640, 480))
    painted = Scene("scatter", None, photo.things, photo.size)
    asked_of = {
        scene.kind: {exchange.task for _ in range(200) for exchange in questions.conversation(scene, random)}
        for scene in (photo, painted)
    }
    assert asked_of["scatter"] - asked_of["coco"] == {"it_colour"} and "it_found" in asked_of["coco"]
    assert questions.colour(photo, random) is questions.background(photo, random) is None
    assert questions.suppose(photo, random) is None and questions.colour(painted, random)


def test_without_a_list_of_names_nobody_says_what_a_photo_does_not_show():
    random, questions = Random(7), QuestionGenerator(WORLD)
    made = [(questions.exists(PHOTO, random), questions.count(PHOTO, random)) for _ in range(200)]
    talks = [talk for pair in made for talk in pair if talk]
    assert {split_thoughts(talk[0].answer)[1] for talk in talks} == {"one", "two"}


def test_a_photo_without_annotations_gets_no_question():
    random, empty = Random(8), Scene("coco", None, (), (640, 480))
    for task in TASK_WEIGHTS:
        assert [getattr(QuestionGenerator(WORLD), task)(empty, random) for _ in range(50)] == [None] * 50
    assert conversations(QuestionGenerator(WORLD), empty, random, 3) == []


@pytest.mark.parametrize(
    ("name", "plural"),
    [("person", "people"), ("bus", "buses"), ("couch", "couches"), ("toothbrush", "toothbrushes"), ("sheep", "sheep")]
    + [
        ("wine glass", "wine glasses"),
        ("scissors", "pairs of scissors"),
        ("dog", "dogs"),
        ("knife", "knives"),
        ("box", "boxes"),
    ],
)
def test_plurals_of_names_outside_the_world(name, plural):
    assert QuestionGenerator(World(names=1)).plural(name) == plural
