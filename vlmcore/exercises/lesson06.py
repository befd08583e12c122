"""Lesson 06: a picture as text for a teacher that cannot see, reading what it wrote, throwing the wrong away."""

from __future__ import annotations

import re

from vlmcore.exercises.check import Exercise, Lesson
from vlmcore.scenes import fewshot
from vlmcore.scenes.filtering import mentioned
from vlmcore.scenes.grounding import relative
from vlmcore.scenes.scene import Scene, Thing
from vlmcore.scenes.world import World

WORLD = World()
Pairs = list[tuple[str, str]]

# -- the references ----------------------------------------------------------------------------------------------------


def context(scene: Scene, captions: list[str]) -> str:
    """Captions, an empty line, and a line for each thing: "name: [x0, y0, x1, y1]", relative, two decimals."""
    return fewshot.context(scene, captions)


def read_conversation(text: str) -> Pairs:
    """ "Question: …\\nAnswer: …" blocks as pairs; [] where any part of the text has another form."""
    return [(exchange.question, exchange.answer) for exchange in fewshot.parse("conversation", text)]


def invents(answer: str, scene: Scene) -> bool:
    """Does the answer mention a thing of the world that the scene does not hold?"""
    return bool(mentioned(answer, WORLD) - {thing.name for thing in scene.things})


# -- what goes wrong -------------------------------------------------------------------------------------------------


def some_scenes() -> list[tuple[Scene, list[str]]]:
    things = (Thing("dog", (0, 16, 32, 64)), Thing("cat", (40, 8, 64, 24)))
    return [
        (Scene("scatter", "kitchen", things), ["a dog and a cat", "a cat in the kitchen"]),
        (Scene("coco", None, things[:1], size=(640, 480)), ["a dog"]),
    ]


def lines(scene: Scene, captions: list[str], numbers) -> str:
    boxes = [f"{thing.name}: [{', '.join(numbers(thing, scene))}]" for thing in scene.things]
    return "\n".join([*captions, "", *boxes])


def in_pixels(thing: Thing, scene: Scene) -> list[str]:
    return [f"{value:.2f}" for value in thing.box]


def with_size(thing: Thing, scene: Scene) -> list[str]:
    x0, y0, x1, y1 = relative(thing, scene)
    return [f"{value:.2f}" for value in (x0, y0, x1 - x0, y1 - y0)]


def rows_first(thing: Thing, scene: Scene) -> list[str]:
    x0, y0, x1, y1 = relative(thing, scene)
    return [f"{value:.2f}" for value in (y0, x0, y1, x1)]


def some_texts() -> list[tuple[str]]:
    return [
        ("Question: What is it?\nAnswer: a dog\nQuestion: Where is it?\nAnswer: on the left",),
        ("Question: What is it?\nAnswer: a dog,\nand a cat",),
        ("Sure, here it is: a dog.",),
        ("Of course!\nQuestion: What is it?\nAnswer: a dog",),
        ("Question: What is it?\nAnswer: a dog\nQuestion: Where is it?",),
        ("Question: What is it?\nAnswer: a dog\nAnswer: a cat",),
        ("Question: What is it?\nAnswer:",),
        ("",),
    ]


def one_line_answers(text: str) -> Pairs:
    return [] if not read_conversation(text) else re.findall(r"Question: (.+)\nAnswer: (.+)", text)


def lenient(text: str) -> Pairs:
    """What can be read of a text, wherever its form is broken."""
    before, *parts = text.split("Question:")
    halves = [[" ".join(half.split()) for half in part.split("Answer:")] for part in parts]
    return [] if before.strip() else [(pair[0], pair[1]) for pair in halves if len(pair) > 1]


def some_answers() -> list[tuple[str, Scene]]:
    scene = some_scenes()[0][0]
    toy = Scene("scatter", "bedroom", (Thing("teddy bear", (0, 0, 9, 9)), Thing("cup", (20, 20, 40, 40))))
    return [
        ("a dog and a cat", scene), ("two dogs", scene), ("Three Horses", scene), ("a teddy bear", toy),
        ("two teddy bears", toy), ("a bear", toy), ("a cupboard", scene), ("on the left", toy), ("a cat", toy),
        ("Cat", toy), ("a car, a dog and a cat", scene), ("two buses", scene), ("a traffic light", scene),
    ]  # fmt: skip


def by_substring(answer: str, scene: Scene) -> bool:
    there = {thing.name for thing in scene.things}
    return any(name in answer.lower() for name in WORLD.names if name not in there)


def short_names_too(answer: str, scene: Scene) -> bool:
    """Every name that stands there as whole words, those inside longer names as well."""
    there = {thing.name for thing in scene.things}
    forms = {form: name for name, item in WORLD.objects.items() for form in (name, item.plural)}
    return any(re.search(rf"\b{form}\b", answer.lower()) for form, name in forms.items() if name not in there)


def said_names(forms: dict[str, str], answer: str) -> set[str]:
    longest_first = "|".join(sorted(forms, key=len, reverse=True))
    return {forms[form] for form in re.findall(rf"\b(?:{longest_first})\b", answer)}


def singular_alone(answer: str, scene: Scene) -> bool:
    return bool(said_names({name: name for name in WORLD.names}, answer.lower()) - {t.name for t in scene.things})


def one_word_names(answer: str, scene: Scene) -> bool:
    """Names as single words: one of two words is never found."""
    words = set(re.findall(r"[a-z]+", answer.lower()))
    there = {thing.name for thing in scene.things}
    return any({name, item.plural} & words for name, item in WORLD.objects.items() if name not in there)


def with_punctuation(answer: str, scene: Scene) -> bool:
    """Words as split() leaves them: "car," is none."""
    kept = " ".join(word for word in answer.split() if word.isalpha())
    return invents(kept, scene)


def only_an_s(answer: str, scene: Scene) -> bool:
    forms = {form: name for name in WORLD.names for form in (name, name + "s")}
    return bool(said_names(forms, answer.lower()) - {thing.name for thing in scene.things})


def case_matters(answer: str, scene: Scene) -> bool:
    lower = " ".join(word for word in answer.split() if word == word.lower())
    return invents(lower, scene)


LESSON = Lesson(
    "06",
    {
        "context": Exercise(
            context,
            some_scenes,
            mistakes={
                "Boxes are in pixels here. Divide by the picture's width and height: pictures differ in size.": (
                    lambda scene, captions: lines(scene, captions, in_pixels)
                ),
                "The last two numbers are the other corner, not a width and a height.": lambda scene, captions: lines(
                    scene, captions, with_size
                ),
                "x comes before y: [x0, y0, x1, y1].": lambda scene, captions: lines(scene, captions, rows_first),
                "The captions are missing: they are what people said about the picture.": lambda scene, captions: (
                    context(scene, [])
                ),
                "An empty line stands between captions and boxes.": lambda scene, captions: (
                    context(scene, captions).replace("\n\n", "\n").lstrip("\n")
                ),
            },
            hints=(
                "scene.size is (width, height); thing.box is (x0, y0, x1, y1) in pixels.",
                'f"{value:.2f}" writes two decimals.',
                '"\\n".join([*captions, "", *lines])',
            ),
            cpu_only=True,
        ),
        "read_conversation": Exercise(
            read_conversation,
            some_texts,
            mistakes={
                "Only the first pair was read: a conversation has several.": lambda text: read_conversation(text)[:1],
                "An answer may go on over several lines, up to the next question.": one_line_answers,
                "What stands before the first question shows that the form was not kept: throw it all away.": (
                    lambda text: read_conversation("".join(text.partition("Question:")[1:]))
                ),
                "A question without an answer, or with two, is another form: throw it all away.": lenient,
                "A text without questions has none: return [].": lambda text: read_conversation(text) or [("", text)],
            },
            hints=(
                "text.split('Question:') gives what stands before the first question, then one part a pair.",
                "part.split('Answer:') gives question and answer; ' '.join(words.split()) tidies them.",
            ),
            cpu_only=True,
        ),
        "invents": Exercise(
            invents,
            some_answers,
            mistakes={
                "Whole words only: there is a cup in every cupboard.": by_substring,
                "The longest name counts: a teddy bear is no bear.": short_names_too,
                "Names may have two words: a traffic light is a thing, too.": one_word_names,
                "Look for the plural, too: two dogs are dogs.": singular_alone,
                "A comma sticks to the word before it: 'car,' is no 'car'. Take the letters alone.": with_punctuation,
                "Not every plural is the name and an s (buses, knives): take .plural.": only_an_s,
                "Capital letters make no difference: compare in lower case.": case_matters,
                "It is the other way round: True where something is mentioned that is NOT there.": (
                    lambda answer, scene: bool(mentioned(answer, WORLD) & {thing.name for thing in scene.things})
                ),
            },
            hints=(
                "WORLD.objects[name].plural is the other form of a name. Map both forms to the name in a dictionary.",
                "A regular expression tries its alternatives in order. sorted(forms, key=len, reverse=True) has the "
                "longest first, so 'teddy bear' is read before 'bear' can be.",
                r"""re.findall(rf"\b(?:{'|'.join(longest_first)})\b", answer.lower()) are the forms mentioned.""",
            ),
            cpu_only=True,
        ),
    },
)
check, hint = LESSON.check, LESSON.hint
