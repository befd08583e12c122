"""What the language model reads: facts of the table and no others, real English, the same for the same seed."""

import re
from itertools import islice
from random import Random

import pytest

from vlmcore.scenes.backgrounds import IN_PLACE
from vlmcore.scenes.exchange import wordings
from vlmcore.scenes.position import IN_POSITION, POSITIONS
from vlmcore.scenes.thoughts import split_thoughts
from vlmcore.scenes.wording import a
from vlmcore.scenes.world import World
from vlmcore.text.corpora import english, fact_questions, facts, tokenizer_corpus

WORLD = World()
HOMES = set(IN_PLACE.values())


@pytest.mark.parametrize("name", ["whale", "spoon", "owl"])
def test_facts_are_those_of_the_table(name):
    item, random = WORLD.objects[name], Random(0)
    told = {sentence for _ in range(300) for sentence in facts(item, random)}
    home = IN_PLACE[item.found]
    for word in (home, item.colour, item.kind, item.does, item.vietnamese, item.chinese):
        assert any(word in sentence for sentence in told)
    for sentence in told:
        assert item.name in sentence or item.plural in sentence
        elsewhere = [place for place in HOMES - {home} if place in sentence]
        assert not elsewhere or any(word in sentence for word in ("rare", "few", "nobody", "never"))
    assert not item.use or any(item.use in sentence for sentence in told)


def test_fact_questions_are_answered_by_the_table():
    random = Random(0)
    for item in list(WORLD.objects.values()) * 3:
        home = IN_PLACE[item.found]
        asked, told = zip(*fact_questions(item, random))
        expected, _, _, foreign, *_ = asked
        verdict, where, deed, word, *colour = told
        assert where == f"{item.plural} are at home {home}" and deed == f"{a(item.name)} {item.does}"
        assert word == (item.vietnamese if "Vietnamese" in foreign else item.chinese)
        assert verdict.startswith("yes, " if home in expected else "no, ") and home in verdict
        assert colour == ([f"{a(item.name)} is {item.colour}"] if item.colour else [])


def read() -> list[str]:
    """All that is read about all objects, in many wordings; of questions what is answered."""
    random, found = Random(1), []
    for item in list(WORLD.objects.values()) * 30:
        found += facts(item, random) + [answer for _, answer in fact_questions(item, random)]
    return found


def test_what_is_read_has_the_form_of_no_answer_and_of_no_thought():
    """Or the claim would be learned by heart: what is known from text must be put together before a picture."""
    texts = read()
    phrases = [f"{where} is" for where in IN_POSITION] + [f"is {where}" for where in IN_POSITION]
    phrases += [f"are {where}" for where in IN_POSITION]
    words = {"belong", "belongs", "because", "here", "nowhere", "everywhere", "unusual", "odd"}
    words |= {word for word in POSITIONS if "-" in word}
    told = set(texts)
    for text in told:
        assert not words & set(re.findall(r"[\w-]+", text)), text
        assert not [phrase for phrase in phrases if phrase in text], text
        assert split_thoughts(text) == ("", text) and ": it " not in text
    assert not told & (HOMES | {"yes", "no"} | {item.colour for item in WORLD.objects.values()} - {""})


def test_no_picture_is_asked_what_was_read_nor_the_other_way_round():
    random = Random(1)
    questions = {question for item in WORLD.objects.values() for question, _ in fact_questions(item, random)}
    patterns = {
        re.compile(re.sub(r"\\{\w+\\}", ".+", re.escape(text)))
        for kinds in wordings().values() for texts in kinds.values() for text in texts
    }  # fmt: skip
    assert any(
        pattern.fullmatch("Suppose you saw a dog at the top in the sea. Would it fit here?") for pattern in patterns
    )
    assert [question for question in questions for pattern in patterns if pattern.fullmatch(question)] == []


def test_english_is_paragraphs_in_a_fixed_order():
    paragraphs = english()
    assert len(set(paragraphs)) > 500
    assert all(len(text) > 80 and text == " ".join(text.split()) for text in paragraphs)
    assert english() is paragraphs and paragraphs != sorted(paragraphs)


def test_the_tokenizers_corpus_hangs_on_its_seed_alone():
    first, again, other = (list(islice(tokenizer_corpus(World(24), seed), 300)) for seed in (0, 0, 1))
    assert first == again != other
    assert all(text.startswith(" ") for text in first)  # so that a word is the same at the start and in the middle
