"""What the language model reads: facts of the table and no others, real English, the same for the same seed."""

import re
from itertools import islice
from random import Random

import pytest

from vlmcore.scenes.backgrounds import IN_PLACE
from vlmcore.scenes.exchange import wordings
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
        assert not elsewhere or "not" in sentence or "unusual" in sentence
    assert not item.use or any(item.use in sentence for sentence in told)


def test_fact_questions_are_answered_by_the_table():
    random = Random(0)
    for item in list(WORLD.objects.values()) * 3:
        home = IN_PLACE[item.found]
        asked, told = zip(*fact_questions(item, random))
        expected, _, suppose, _, _, foreign = asked
        verdict, where, belonging, colour, deed, word = told
        assert (where, colour, deed) == (home, item.colour, f"it {item.does}")
        assert word == (item.vietnamese if "Vietnamese" in foreign else item.chinese)
        assert verdict.startswith("yes" if home in expected else "no") and home in verdict
        assert belonging.endswith(" as here") == (home in suppose) and f"belongs {home}" in belonging


def test_no_held_out_wording_is_read():
    random, held_out = Random(1), wordings()["suppose"]["held_out"]
    patterns = [re.compile(re.sub(r"\\{\w+\\}", ".+", re.escape(text))) for text in held_out]
    asked = {question for item in WORLD.objects.values() for question, _ in fact_questions(item, random)}
    assert patterns[0].fullmatch("Suppose you saw a dog at the top in the sea. Would it fit here?")
    assert not [question for question in asked for pattern in patterns if pattern.fullmatch(question)]


def test_english_is_paragraphs_in_a_fixed_order():
    paragraphs = english()
    assert len(set(paragraphs)) > 500
    assert all(len(text) > 80 and text == " ".join(text.split()) for text in paragraphs)
    assert english() is paragraphs and paragraphs != sorted(paragraphs)


def test_the_tokenizers_corpus_hangs_on_its_seed_alone():
    first, again, other = (list(islice(tokenizer_corpus(World(24), seed), 300)) for seed in (0, 0, 1))
    assert first == again != other
    assert all(text.startswith(" ") for text in first)  # so that a word is the same at the start and in the middle
