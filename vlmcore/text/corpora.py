"""What the language model reads, and the texts that its tokenizer is made from.

Three kinds of text: facts about the world's objects in many wordings (data/objects.csv), real English (the
documentation that every Python brings along), and questions about word maps (scenes/questions.py makes those).
"""

from __future__ import annotations

import pydoc_data.topics
from collections.abc import Iterator
from functools import cache
from random import Random

from vlmcore.scenes.backgrounds import IN_PLACE, PLACES
from vlmcore.scenes.grounding import PRECISION, box_text
from vlmcore.scenes.mix import conversations
from vlmcore.scenes.objects import Object
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.wording import a
from vlmcore.scenes.world import World


def tokenizer_corpus(
    world: World, seed: int = 0, questions: QuestionGenerator | None = None, asked: dict[str, float] | None = None
) -> Iterator[str]:
    """What the tokenizer is trained on: everything the models will read, names and coordinates more often.

    questions, asked: who asks about the scenes, and task → how often; LLaVA's generator and mix, if left out.
    """
    random, questions = Random(seed), questions or QuestionGenerator(world)
    for _ in range(3000):
        scene = world.scene(random)
        for talk in conversations(questions, scene, random, 6, asked):
            for exchange in talk:
                yield f" {exchange.question}"
                yield f" {exchange.answer}"
    for item in world.objects.values():
        yield from (f" {name}" for name in (item.name, item.plural) for _ in range(40))
        yield from (f" {text}" for _ in range(4) for text in facts(item, random))
    yield from (f" {box_text([(n * PRECISION / 1000,) * 4])}" for n in range(1000 // PRECISION) for _ in range(400))
    yield from english()[:200]


def facts(item: Object, random: Random) -> list[str]:
    """One object's facts as sentences; ``random`` chooses among the wordings.

    None has the form of an answer or a thought in front of a picture ("on the left is a fox that belongs in the
    forest"): what is said there about things known from text alone must be put together from what was read.
    """
    name, many, home = item.name, item.plural, IN_PLACE[item.found]
    away = IN_PLACE[random.choice([place for place in PLACES if place != item.found])]
    sentences = [
        [f"{many} are at home {home}", f"{home} you find {many}", f"you will usually find {a(name)} {home}",
         f"whoever looks for {many} looks {home}", f"{home} there may well be {a(name)}",
         f"the {name} is at home {home}"],
        [f"{many} are common {home}, rare {away}", f"few people have seen {a(name)} {away}, many have {home}",
         f"nobody looks for {many} {away}: they are at home {home}", f"{many} are at home {home}, never {away}"],
        [f"{many} are known from life {home}", f"life {home} goes on among {many}",
         f"{home}, {many} are nothing special"],
        [f"{a(name)} is a kind of {item.kind}", f"among {item.kind} things there is the {name}"],
        [f"{a(name)} {item.does}", f"what does {a(name)} do? it {item.does}"],
        [f"in Vietnamese {a(name)} is called {item.vietnamese}", f"{item.vietnamese} is Vietnamese for {name}"],
        [f"in Chinese {a(name)} is called {item.chinese}", f"{item.chinese} is Chinese for {name}"],
    ]  # fmt: skip
    if item.colour:
        told = item.colour
        sentences.append([f"{a(name)} is {told}", f"{many} are {told}", f"the colour of {many} is {told}"])
    if item.use:
        sentences.append([f"{a(name)} is used to {item.use}", f"to {item.use} you need {a(name)}"])
    return [random.choice(wordings) for wordings in sentences]


def fact_questions(item: Object, random: Random) -> list[tuple[str, str]]:
    """The same facts as questions and answers, without any picture; whole sentences, as no picture is answered."""
    name, many, home = item.name, item.plural, IN_PLACE[item.found]
    asked = IN_PLACE[random.choice(PLACES)] if random.random() < 0.5 else home
    one = a(name)
    expected = [f"Would you look for {one} {asked}?", f"Are {many} at home {asked}?", f"Is {one} common {asked}?"]
    homes = [f"Where are {many} at home?", f"Where do people find {many}?", f"Where would {a(name)} usually be?"]
    answer = f"yes, {home} you find {many}" if asked == home else f"no, {many} are at home {home}"
    language, foreign = random.choice((("Vietnamese", item.vietnamese), ("Chinese", item.chinese)))
    pairs = [
        (random.choice(expected), answer),
        (random.choice(homes), f"{many} are at home {home}"),
        (f"What does {a(name)} do?", f"{a(name)} {item.does}"),
        (f"How do you say {name} in {language}?", foreign),
    ]
    if item.colour:
        pairs.append((f"What colour is {a(name)}?", f"{a(name)} is {item.colour}"))
    return pairs


@cache
def english() -> list[str]:
    """Real English: the paragraphs of Python's own language documentation (pydoc topics), in a fixed order."""
    text = "\n\n".join(pydoc_data.topics.topics[name] for name in sorted(pydoc_data.topics.topics))
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    found = [paragraph for paragraph in paragraphs if len(paragraph) > 80 and paragraph[0].isalpha()]
    Random(0).shuffle(found)
    return found
