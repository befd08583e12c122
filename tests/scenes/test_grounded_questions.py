"""CogVLM's questions: every answer is worked out again from the rendered question and the boxes of the things."""

import re
from collections import Counter
from dataclasses import replace
from functools import cache
from random import Random

import pytest

from tests.scenes.reading import boxes_of, close, exact, opinions, ordered, plain, thought, uncovered, where
from vlmcore.evaluation.grounding import NAMED, TASKS
from vlmcore.recipes.cogvlm_presets import ASKED, CAPTIONS, GROUNDING
from vlmcore.scenes.backgrounds import IN_PLACE
from vlmcore.scenes.exchange import Exchange, wordings
from vlmcore.scenes.grounded_questions import KINDS, GroundedQuestions, grounded_word_map
from vlmcore.scenes.position import IN_POSITION, POSITIONS
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.scene import Scene, Thing
from vlmcore.scenes.thoughts import split_thoughts
from vlmcore.scenes.word_map import word_map
from vlmcore.scenes.wording import NUMBERS, a
from vlmcore.scenes.world import World

WORLD = World()
OBJECTS = WORLD.objects
QUESTIONS = GroundedQuestions(WORLD)
SINGULAR = {item.plural: item.name for item in OBJECTS.values()}
KIND = {f"{kind}s": kind for kind in ("animal", "vehicle", "tool", "device", "container", "plant", "toy")}
KIND |= {"clothes": "clothing", "things to eat": "food"}
SLOT = {"find": "name", "region": "box", "explain": "many", "kind": "kind"}  # what each task asks about
SEEN, PART = 0.97, 0.85  # a share of a box above the first is all of it, one up to the second is a part


@cache
def pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(template)))


def asked(exchange: Exchange, kind: str = "train") -> str | None:
    """What a rendered question asks about; exactly one wording gives it."""
    slot = SLOT.get(exchange.task)
    valid = {"name": OBJECTS, "many": SINGULAR, "kind": KIND}
    matches = [pattern(text).fullmatch(exchange.question) for text in wordings("grounding")[exchange.task][kind]]
    found = [match.groupdict().get(slot) for match in matches if match]
    found = [value for value in found if value in valid.get(slot, [value])]
    assert len(found) == 1, exchange.question
    return found[0]


def told_where(thing: Thing, scene: Scene) -> str:
    return IN_POSITION[where(thing, scene)]


def named(scene: Scene, name: str) -> list[Thing]:
    """In reading order."""
    return [thing for thing in ordered(scene) if thing.name == name]


def hidden(scene: Scene) -> list[Thing]:
    return [thing for thing, share in zip(scene.things, uncovered(scene), strict=True) if share <= PART]


def disputed(scene: Scene) -> bool:
    """Is there a thing of which some would say that it is partly hidden, and some that it is not?"""
    return any(PART < share < SEEN for share in uncovered(scene))


def answers(scenes: list[Scene], task: str, repeat: int = 2) -> list[tuple[Scene, Exchange]]:
    """Conversations of one exchange and one task about these scenes."""
    random = Random(2)
    talks = [(scene, getattr(QUESTIONS, task)(scene, random)) for scene in scenes for _ in range(repeat)]
    found = [(scene, talk[0]) for scene, talk in talks if talk is not None]
    assert len(found) > 50 and {exchange.task for _, exchange in found} == {task}
    assert all(talk is None or len(talk) == 1 for _, talk in talks)
    return found


def answered(exchange: Exchange) -> str:
    """What is said when the thinking is over."""
    return split_thoughts(exchange.answer)[1]


def asked_of(scene: Scene, task: str, times: int = 60) -> set[str | None]:
    """All that the task asks about a scene, if it is asked often."""
    random = Random(7)
    talks = [getattr(QUESTIONS, task)(scene, random) for _ in range(times)]
    return {asked(exchange) for talk in talks if talk for exchange in talk}


def with_boxes(text: str) -> tuple[list[str], list[list[float]]]:
    """a dog [[…]], a cat [[…]] and a pig [[…]] → names, boxes"""
    *first, last = re.split(r"(?<=\]\]) and ", text)
    assert len(first) <= 1
    parts = [*(part for before in first for part in before.split("]], ")), last]
    texts, boxes = zip(*(part.removesuffix("]]").rsplit(" [[", 1) for part in parts))
    return list(texts), [boxes_of(f"[[{box}]]")[0] for box in boxes]


# -- the answers -----------------------------------------------------------------------------------------------------


def test_grounded_caption(scenes):
    sizes = Counter()
    for scene, exchange in answers(scenes, "grounded_caption"):
        asked(exchange)
        here = f" {IN_PLACE[scene.place]}" if scene.place else ""
        said = answered(exchange)
        assert said.endswith(here or "]]")
        names, boxes = with_boxes(said.removesuffix(here))
        things = ordered(scene)
        assert names == [a(thing.name) for thing in things] and close(boxes, exact(things, scene))
        assert list(exchange.boxes) == exact(things, scene)
        sizes[len(things)] += 1
    assert set(sizes) == {1, 2, 3, 4}


def test_find(scenes):
    sizes = Counter()
    for scene, exchange in answers(scenes, "find"):
        things = named(scene, asked(exchange))
        assert close(boxes_of(answered(exchange)), exact(things, scene))  # and not a word beside them
        assert list(exchange.boxes) == exact(things, scene)
        sizes[len(things)] += 1
    assert {1, 2, 3} <= set(sizes) <= {1, 2, 3, 4}


def test_region(scenes):
    told = Counter()
    for scene, exchange in answers(scenes, "region"):
        box = boxes_of(asked(exchange))
        shown = {a(thing.name) for thing in scene.things if close(box, exact([thing], scene))}
        assert exchange.answer in shown and exchange.answer != "a plus" and exchange.boxes == ()
        told[exchange.answer] += 1
    assert len(told) > 100


def test_explain(scenes):
    told = Counter()
    for scene, exchange in answers(scenes, "explain"):
        things, covered = named(scene, SINGULAR[asked(exchange)]), hidden(scene)
        aloud, said = split_thoughts(exchange.answer)
        assert aloud == thought(scene, things[0].name, hidden=covered)
        number, rest = said.split(", ", 1)
        assert number == NUMBERS[len(things)] and exchange.boxes == ()
        behind = [thing for thing in things if thing in covered]
        places = [told_where(thing, scene) for thing in behind]
        if not behind:
            assert rest == ("in full view" if number == "one" else "all in full view")
        elif number == "one":
            assert rest == f"and it is partly hidden {places[0]}"
        elif len(behind) == 1:
            assert rest == f"and the one {places[0]} is partly hidden"
        else:
            (listed,) = re.findall("and the ones (.+) are partly hidden", rest)
            assert re.split(", | and ", listed) == places
        told[min(len(things), 2), len(behind)] += 1
    assert {(1, 0), (1, 1), (2, 0), (2, 1), (2, 2)} <= set(told)


def test_kind(scenes):
    told = Counter()
    for scene, exchange in answers(scenes, "kind"):
        kind = KIND[asked(exchange)]
        things = [thing for thing in ordered(scene) if OBJECTS[thing.name].kind == kind]
        told[kind, bool(things)] += 1
        assert list(exchange.boxes) == exact(things, scene)
        if things:
            names, boxes = with_boxes(answered(exchange))
            assert names == [a(thing.name) for thing in things] and close(boxes, exact(things, scene))
        else:
            assert answered(exchange) == "none"
    assert set(told) == {(kind, there) for kind in KIND.values() for there in (True, False)}
    assert {kind: many for many, kind in KIND.items()} == KINDS
    assert set(KINDS) < {item.kind for item in OBJECTS.values()}


def test_description(scenes):
    """LLaVA's, after a look around."""
    plainly = QuestionGenerator(WORLD)
    for number, scene in enumerate(scenes[:200]):
        ours, theirs = (questions.describe(scene, Random(number)) for questions in (QUESTIONS, plainly))
        assert (ours is None) == (theirs is None)
        if ours:
            assert replace(ours[0], answer=answered(ours[0])) == theirs[0] and ours[1:] == theirs[1:] == ()


def test_all_but_a_boxs_caption_is_thought_about(scenes):
    """A look around, and what the answer lists is numbered where not all that is there is listed."""
    for task in ("describe", *TASKS):
        for scene, exchange in answers(scenes[:300], task):
            aloud, said = split_thoughts(exchange.answer)
            assert [aloud, said] == [*exchange.answer.rpartition(": ")][::2]
            things = ordered(scene)
            if task == "describe":
                assert aloud == thought(scene, "")
            elif task == "grounded_caption":
                assert unboxed(aloud) == thought(scene, "") and shown(aloud, things, scene)
            elif task == "find":
                name = asked(exchange)
                assert unboxed(aloud) == thought(scene, name) and shown(aloud, named(scene, name), scene)
            elif task == "kind":
                kind = KIND[asked(exchange)]
                listed = [thing for thing in things if is_a(thing, kind)]
                numbers = [word for word in unboxed(aloud).split() if word in NUMBERS[1:]]
                assert numbers == list(NUMBERS[1 : len(listed) + 1]) and shown(aloud, listed, scene)
                assert [word for word in unboxed(aloud).split() if word not in NUMBERS] == thought(scene, "").split()
            else:
                assert bool(aloud) == (task == "explain")


def unboxed(aloud: str) -> str:
    return re.sub(r" \[\[.*?\]\]", "", aloud)


def shown(aloud: str, things: list[Thing], scene: Scene) -> bool:
    """Are just these things' boxes thought of, in their order, each right behind its name or its number?"""
    found = re.findall(r"(\S+) (\[\[.*?\]\])", aloud)
    behind = all(word in NUMBERS or word == thing.name.split()[-1] for (word, _), thing in zip(found, things))
    return behind and close([boxes_of(box)[0] for _, box in found], exact(things, scene))


# -- what is asked at all --------------------------------------------------------------------------------------------


def told_apart(thing: Thing, scene: Scene, others_disputed: bool) -> bool:
    """Is its position beyond dispute, and no other's of its name? others_disputed: may some see another one there?"""
    others = [other for other in named(scene, thing.name) if other is not thing]
    there = [opinions(other, scene) if others_disputed else {where(other, scene)} for other in others]
    return len(opinions(thing, scene)) == 1 and not any(where(thing, scene) in positions for positions in there)


def test_what_fits_is_asked_and_nothing_else(scenes):
    """Shapes, too many of a thing, and things of which it is a matter of opinion whether or where they are hidden."""
    asked_about = Counter()
    for scene in [*scenes[:60], *(scene for scene in scenes[60:] if scene.kind == "hidden")][:140]:
        counts = Counter(thing.name for thing in scene.things if thing.name != "plus")
        if scene.kind == "shape":
            assert not any(asked_of(scene, task, 5) for task in TASKS)
            continue
        whole = scene.kind != "sum" and 1 <= len(scene.things) <= 4
        assert asked_of(scene, "grounded_caption", 3) == ({None} if whole else set())
        assert asked_of(scene, "find") == {name for name, count in counts.items() if count <= 4}
        found = asked_of(scene, "kind")
        kinds = Counter(many for thing in scene.things for many, kind in KIND.items() if is_a(thing, kind))
        few = {many for many, count in kinds.items() if count <= 4}
        assert found == set() if scene.kind == "sum" else few <= found <= (set(KIND) - set(kinds)) | few
        strictly, loosely = (
            {
                OBJECTS[name].plural
                for name, count in counts.items()
                if not disputed(scene) and count < 10
                and all(told_apart(thing, scene, strict) for thing in hidden(scene) if thing.name == name)
            }
            for strict in (True, False)
        )  # fmt: skip
        found = asked_of(scene, "explain")
        assert strictly <= found <= loosely
        asked_about[disputed(scene), bool(found)] += 1
    assert asked_about[True, False] > 10 and asked_about[False, True] > 10 and not asked_about[True, True]


def is_a(thing: Thing, kind: str) -> bool:
    return thing.name != "plus" and OBJECTS[thing.name].kind == kind


LEFT, MIDDLE, RIGHT = ((x, 24.0, x + 16, 40.0) for x in (2.0, 24.0, 46.0))


def scene_of(*things: tuple[str, tuple[float, ...]], kind: str = "scatter") -> Scene:
    return Scene(kind, None, tuple(Thing(*thing) for thing in things))


def in_front(box: tuple[float, ...], share: float = 0.5) -> tuple[str, tuple[float, ...]]:
    """A pig that covers this share of a box, from the left."""
    x0, y0, x1, y1 = box
    return "pig", (x0, y0, x0 + share * (x1 - x0), y1)


DOGS = [("dog", LEFT), ("dog", MIDDLE), ("dog", RIGHT)]
HIDDEN_DOGS = {
    "one": (DOGS[:1], "one, in full view"),
    "two": (DOGS[:2], "two, all in full view"),
    "one behind": ([DOGS[2], in_front(RIGHT)], "one, and it is partly hidden on the right"),
    "one of two": ([*DOGS[:2], in_front(LEFT)], "two, and the one on the left is partly hidden"),
    "two of three": (
        [*DOGS, in_front(LEFT), in_front(RIGHT)], "three, and the ones on the left and on the right are partly hidden"
    ),
    "all of three": (
        [*DOGS, in_front((2.0, 24.0, 62.0, 40.0), 0.95)],
        "three, and the ones on the left, in the middle and on the right are partly hidden",
    ),
    "in front, not behind": ([in_front(LEFT), *DOGS[:2]], "two, all in full view"),
    "a little": ([*DOGS[:2], in_front(MIDDLE, 2 / 16)], None),
    "another a little": ([*DOGS[:2], ("cat", RIGHT), in_front(RIGHT, 2 / 16)], None),
    "at a line": ([("dog", (12.0, 24.0, 28.0, 40.0)), in_front((12.0, 24.0, 28.0, 40.0))], None),
    "two at a place": ([("dog", (2.0, 22.0, 12.0, 32.0)), ("dog", (2.0, 32.0, 12.0, 42.0)),
                        in_front((2.0, 22.0, 12.0, 32.0))], None),
}  # fmt: skip


@pytest.mark.parametrize("case", HIDDEN_DOGS)
def test_which_of_the_dogs_is_hidden(case):
    things, said = HIDDEN_DOGS[case]
    scene, random = scene_of(*things), Random(1)
    talks = [QUESTIONS.explain(scene, random) for _ in range(40)]
    told = {split_thoughts(e.answer)[1] for talk in talks if talk for e in talk if SINGULAR[asked(e)] == "dog"}
    assert told == ({said} if said else set())


def test_the_one_on_the_right_is_nobodys_opinion():
    """Some would say that both houses are on the right; then "the one on the right" tells nothing."""
    scene = scene_of(("house", (40.0, 13.0, 60.0, 37.0)), ("house", (40.0, 32.0, 60.0, 56.0)))
    assert [opinions(thing, scene) for thing in scene.things] == [{5}, {5, 8}]
    assert hidden(scene) == [scene.things[0]] and QUESTIONS.explain(scene, Random(0)) is None


def test_how_much_is_a_matter_of_opinion():
    """Of a box of 200 × 1 pixels at most 170 are a part, and at least 194 are all."""
    for covered, opinion in ((30, "partly hidden"), (29, None), (7, None), (6, "in full view"), (0, "in full view")):
        things = (Thing("dog", (0.0, 9.0, 200.0, 10.0)), Thing("pig", (0.0, 9.0, float(covered), 10.0)))
        scene = Scene("scatter", None, things[: 1 + bool(covered)], (200, 20))
        talk = next((talk for n in range(20) if (talk := QUESTIONS.explain(scene, Random(n)))), None)
        assert (talk is None) == (opinion is None)
        if opinion:
            dogs = [talk for n in range(20) for talk in QUESTIONS.explain(scene, Random(n)) if "dog" in talk.question]
            assert dogs and all(opinion in exchange.answer for exchange in dogs)


def test_a_crowd_is_not_listed():
    """Four boxes in an answer, nine in a count."""
    for count in range(12):
        scene = scene_of(*(("dog", (5.0 * n, 9.0, 5.0 * n + 4, 19.0)) for n in range(count)))
        assert bool(QUESTIONS.grounded_caption(scene, Random(0))) == (1 <= count <= 4)
        assert bool(QUESTIONS.find(scene, Random(0))) == (1 <= count <= 4)
        assert ("animals" in asked_of(scene, "kind")) == (count <= 4)
        assert bool(QUESTIONS.region(scene, Random(0))) == (count >= 1)
        assert bool(QUESTIONS.explain(scene, Random(0))) == (1 <= count <= 9)


def test_things_that_come_in_pairs():
    """a pair of skis, two pairs of skis, none of them "a skis"."""
    scene = scene_of(("skis", LEFT), ("skis", RIGHT), in_front(RIGHT))
    random = Random(0)
    talks = {task: [getattr(QUESTIONS, task)(scene, random)[0] for _ in range(40)] for task in TASKS if task != "kind"}
    assert all("a pair of skis [[040,360,280,640]]" in exchange.answer for exchange in talks["grounded_caption"])
    assert {asked(exchange) for exchange in talks["find"]} == {"skis", "pig"}
    assert {exchange.answer for exchange in talks["region"]} == {"a pair of skis", "a pig"}
    counted = {asked(exchange): split_thoughts(exchange.answer)[1] for exchange in talks["explain"]}
    assert counted == {
        "pairs of skis": "two, and the one on the right is partly hidden",
        "pigs": "one, in full view",
    }
    alone = scene_of(("skis", LEFT), in_front(LEFT))
    told = {QUESTIONS.explain(alone, Random(n))[0].answer.split(": ")[1] for n in range(20)}
    assert told == {"one, and it is partly hidden on the left", "one, in full view"}


def test_the_signs_of_sums_are_no_things():
    scene = scene_of(("dog", LEFT), ("plus", MIDDLE), ("dog", RIGHT), kind="sum")
    assert QUESTIONS.grounded_caption(scene, Random(0)) is QUESTIONS.kind(scene, Random(0)) is None
    for n in range(20):
        assert QUESTIONS.region(scene, Random(n))[0].answer == "a dog"
        assert asked(QUESTIONS.find(scene, Random(n))[0]) == "dog"
        assert SINGULAR[asked(QUESTIONS.explain(scene, Random(n))[0])] == "dog"
    sign = scene_of(("plus", MIDDLE), kind="sum")
    assert all(getattr(QUESTIONS, task)(sign, Random(0)) is None for task in TASKS)


# -- wordings --------------------------------------------------------------------------------------------------------


def test_every_task_has_wordings_of_both_kinds_with_its_slot():
    assert set(wordings("grounding")) == set(TASKS) and set(NAMED) < set(TASKS)
    for task, kinds in wordings("grounding").items():
        assert set(kinds) == {"train", "held_out"} and len(kinds["train"]) > len(kinds["held_out"]) >= 4
        for text in (text for kind in kinds.values() for text in kind):
            assert re.findall(r"\{(\w+)\}", text) == ([SLOT[task]] if task in SLOT else [])
            question = text.format(name="owl", many="owls", kind="animals", box="[[000,040,080,120]]")
            assert "{" not in question and "  " not in question and question.strip() == question != ""


def test_no_held_out_wording_is_trained_on():
    """Not in the other file either."""
    texts = {
        kind: [
            plain(re.sub(r"\{\w+\}", "{}", text))
            for file in ("questions", "grounding")
            for kinds in wordings(file).values()
            for text in kinds[kind]
        ]
        for kind in ("train", "held_out")
    }
    assert set(texts["train"]) & set(texts["held_out"]) == set()


def test_no_wording_stands_twice():
    ours = [plain(text) for kinds in wordings("grounding").values() for kind in kinds.values() for text in kind]
    assert [text for text, count in Counter(ours).items() if count > 1] == []


def test_held_out_wordings_ask_the_same(scenes):
    others = GroundedQuestions(WORLD, "held_out")
    for number, scene in enumerate(scenes[:200]):
        for task in TASKS:
            talk, other = (getattr(questions, task)(scene, Random(number)) for questions in (QUESTIONS, others))
            assert (talk is None) == (other is None)
            if talk:
                assert asked(talk[0]) == asked(other[0], "held_out") and talk[0].question != other[0].question
                assert talk[0].answer == other[0].answer and talk[0].boxes == other[0].boxes


def test_it_asks_all_that_llava_is_asked_too(scenes):
    """In the same words; and every task that a stage of the recipe asks."""
    plainly = QuestionGenerator(WORLD)
    for task in ("count", "box", "exists"):
        for number, scene in enumerate(scenes[:50]):
            ours, theirs = (getattr(questions, task)(scene, Random(number)) for questions in (QUESTIONS, plainly))
            if ours and task == "box":  # it thinks of the boxes too
                thoughts, said = split_thoughts(ours[0].answer)
                ours = (replace(ours[0], answer=f"{unboxed(thoughts)}: {said}"),)
            assert ours == theirs
    assert all(hasattr(QUESTIONS, task) for mix in (ASKED, CAPTIONS, GROUNDING) for task in mix)
    assert set(TASKS) < set(ASKED) and "grounded_caption" not in plainly.wordings


# -- word maps -------------------------------------------------------------------------------------------------------


def test_a_grounded_word_map_says_what_is_hidden(scenes):
    """What and where it stands is word_map's; "hidden" stands in the cells of the hidden things, and in no other."""
    told = Counter()
    for scene in (scene for scene in scenes if scene.kind != "shape"):
        (cells, boxes), (plain_cells, plain_boxes) = grounded_word_map(scene, 4), word_map(scene)
        assert boxes == plain_boxes and len(cells) == 16
        covered = [] if disputed(scene) else [thing.centre for thing in hidden(scene)]
        where_hidden = {4 * int(y / scene.size[1] * 4) + int(x / scene.size[0] * 4) for x, y in covered}
        for number, (words, before) in enumerate(zip(cells, plain_cells, strict=True)):
            assert words == before + ["hidden"] * (number in where_hidden)
            told[number in where_hidden] += 1
            assert number not in where_hidden or words[1] in POSITIONS
    assert told[True] > 100
    fine, plain = word_map(scene, 8)[0], grounded_word_map(scene, 8)[0]
    assert len(fine) == 64 and [cell[:2] for cell in plain] == [cell[:2] for cell in fine]


def test_all_words_of_a_grounded_word_map_are_thought_too(scenes):
    """What a map says of a thing is what is thought where it stands."""
    for scene, exchange in answers([scene for scene in scenes if scene.kind == "hidden"], "explain"):
        cells, _ = grounded_word_map(scene, 8)
        aloud = split_thoughts(exchange.answer)[0]
        assert aloud.count(" hidden") == sum(words.count("hidden") for words in cells) == len(hidden(scene))
