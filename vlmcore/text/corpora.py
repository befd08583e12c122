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
from vlmcore.scenes.exchange import wordings
from vlmcore.scenes.grounding import PRECISION, box_text
from vlmcore.scenes.mix import conversations
from vlmcore.scenes.objects import Object
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.thoughts import belongs
from vlmcore.scenes.wording import IN_SLOT, a
from vlmcore.scenes.world import World


def tokenizer_corpus(world: World, seed: int = 0) -> Iterator[str]:
    """What the tokenizer is trained on: everything the models will read, names and coordinates more often."""
    random, questions = Random(seed), QuestionGenerator(world)
    for _ in range(3000):
        scene = world.scene(random)
        for talk in conversations(questions, scene, random, 6):
            for exchange in talk:
                yield f" {exchange.question}"
                yield f" {exchange.answer}"
    for item in world.objects.values():
        yield from (f" {name}" for name in (item.name, item.plural) for _ in range(40))
        yield from (f" {text}" for _ in range(4) for text in facts(item, random))
    yield from (f" {box_text([(n * PRECISION / 1000,) * 4])}" for n in range(1000 // PRECISION) for _ in range(400))
    yield from english()[:200]


def facts(item: Object, random: Random) -> list[str]:
    """One object's facts as sentences; ``random`` chooses among the wordings."""
    name, many, home = item.name, item.plural, IN_PLACE[item.found]
    away = IN_PLACE[random.choice([place for place in PLACES if place != item.found])]
    sentences = [
        [f"{a(name)} belongs {home}", f"{many} belong {home}", f"{home} you find {many}", f"{a(name)} is found {home}",
         f"{home} there may well be {a(name)}", f"you will usually find {a(name)} {home}"],
        [f"{where} is {a(name)} that belongs {home}" for where in ("here", "there", "somewhere", *IN_SLOT)],
        [f"{a(name)} belongs {home}, not {away}", f"{many} are found {home}, not {away}",
         f"{away} {a(name)} would be unusual, because {a(name)} belongs {home}", f"{many} do not belong {away}"],
        [f"{a(name)} is {item.colour}", f"{many} are {item.colour}", f"the colour of {a(name)} is {item.colour}"],
        [f"{a(name)} is a kind of {item.kind}", f"among {item.kind} things there is the {name}"],
        [f"{a(name)} {item.does}", f"what does {a(name)} do? it {item.does}"],
        [f"in Vietnamese {a(name)} is called {item.vietnamese}", f"{item.vietnamese} is Vietnamese for {name}"],
        [f"in Chinese {a(name)} is called {item.chinese}", f"{item.chinese} is Chinese for {name}"],
    ]  # fmt: skip
    if item.use:
        sentences.append([f"{a(name)} is used to {item.use}", f"to {item.use} you need {a(name)}"])
    return [random.choice(wordings) for wordings in sentences]


def fact_questions(item: Object, random: Random) -> list[tuple[str, str]]:
    """The same facts as questions and answers, without any picture."""
    name, many, home = item.name, item.plural, IN_PLACE[item.found]
    asked = IN_PLACE[random.choice(PLACES)] if random.random() < 0.5 else home
    expected = [f"Does {a(name)} belong {asked}?", f"Do {many} belong {asked}?", f"Would you expect {a(name)} {asked}?"]
    homes = [f"Where does {a(name)} belong?", f"Where do you find {many}?", f"Where would {a(name)} usually be?"]
    where = random.choice(IN_SLOT)
    suppose = random.choice(wordings()["suppose"]["train"]).format(one=a(name), where=f"{where} {asked}")
    if asked == home:
        answer = f"yes, {a(name)} belongs {home}"
    else:
        answer = f"no, {a(name)} belongs {home}, not {asked}"
    return [
        (random.choice(expected), answer),
        (random.choice(homes), home),
        (suppose, belongs(where, name, home, asked)),
        (f"What colour is {a(name)}?", item.colour),
        (f"What does {a(name)} do?", f"it {item.does}"),
        (f"How do you say {name} in {'Vietnamese' if asked == home else 'Chinese'}?",
         item.vietnamese if asked == home else item.chinese),
    ]  # fmt: skip


@cache
def english() -> list[str]:
    """Real English: the paragraphs of Python's own language documentation (pydoc topics), in a fixed order."""
    text = "\n\n".join(pydoc_data.topics.topics[name] for name in sorted(pydoc_data.topics.topics))
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    found = [paragraph for paragraph in paragraphs if len(paragraph) > 80 and paragraph[0].isalpha()]
    Random(0).shuffle(found)
    return found
