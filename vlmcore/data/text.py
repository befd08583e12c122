"""What the language model reads, and the tokenizer it reads with.

Three kinds of text: facts about the world's objects in many wordings (data/objects.csv), real English (the
documentation that every Python brings along), and questions about word maps (instruct.py makes those).
The tokenizer is a byte-level BPE (GPT-2's kind): any text in any language survives the round trip.
"""

from __future__ import annotations

import pydoc_data.topics
from collections.abc import Iterable, Iterator
from functools import cache
from random import Random

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from vlmcore.data.backgrounds import IN_PLACE, PLACES
from vlmcore.data.instruct import Teacher, wordings
from vlmcore.data.mix import conversations
from vlmcore.data.objects import Object
from vlmcore.data.wording import IN_SLOT, PRECISION, a, belongs, box_text
from vlmcore.data.world import World

IMAGE, USER, ASSISTANT, STOP, PAD = "<image>", "<user>", "<assistant>", "<stop>", "<pad>"
SPECIAL = (IMAGE, USER, ASSISTANT, STOP, PAD)  # ids 0 to 4

# Words keep the space before them, a plural's s is split off ("dogs" begins with "dog", "dress" and "bus" stay whole),
# "top-left" is one word, numbers stand in groups of up to three digits, signs stay together ("[["). A box is four
# tokens, each with the signs that say which corner it is: "[[120", ",040,", "360", ",280]]". So a coordinate is one
# look and one word, like a name.
PIECES = (
    r" ?\[\[\p{N}{3}|,\p{N}{3}(?:,|;|\]\])"
    r"| ?\p{L}{3,}?(?=(?<![su])s(?!\p{L}))| ?\p{L}+(?:-\p{L}+)*|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)


def train_tokenizer(texts: Iterable[str], vocabulary: int = 2048) -> PreTrainedTokenizerFast:
    """A byte-level BPE learned from texts, as a transformers tokenizer (saved and loaded like any other)."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=STOP,
        additional_special_tokens=[IMAGE, USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
        chat_template=(
            "{% for message in messages %}{{ '<' + message['role'] + '> ' + message['content'] }}"
            "{% if message['role'] == 'assistant' %}<stop>{% endif %}{% endfor %}"
            "{% if add_generation_prompt %}<assistant>{% endif %}"
        ),
    )


def tokenizer_corpus(world: World, seed: int = 0) -> Iterator[str]:
    """What the tokenizer is trained on: everything the models will read, names and coordinates more often."""
    random, teacher = Random(seed), Teacher(world)
    for _ in range(3000):
        scene = world.scene(random)
        for turn in (turn for talk in conversations(teacher, scene, random, 6) for turn in talk):
            yield f" {turn.question}"
            yield f" {turn.answer}"
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
