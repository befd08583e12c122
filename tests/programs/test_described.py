"""A sentence and its program say the same: sentences that can be read by a pattern are computed another way."""

import re
from random import Random

import pytest

from tests.programs.running import by_python, told
from vlmcore.programs.described import described
from vlmcore.programs.generator import arguments
from vlmcore.programs.tree import shape

MADE = [described(Random(seed)) for seed in range(1500)]
NUMBERS = {
    "even": lambda x: x % 2 == 0, "odd": lambda x: x % 2 == 1, "positive": lambda x: x > 0,
    "negative": lambda x: x < 0, "": lambda x: True,
}  # fmt: skip
READ = {
    r"Count the (even|odd|positive|negative) numbers in \w+\.":
        lambda found: lambda v: sum(map(NUMBERS[found[1]], v)),
    r"Return the sum of the squares of the (even |odd |positive |negative |)numbers in \w+\.":
        lambda found: lambda v: sum(x * x for x in v if NUMBERS[found[1].strip()](x)),
    r"Return a list of the numbers in \w+ that are greater than (\d), each times (\d)\.":
        lambda found: lambda v: [x * int(found[2]) for x in v if x > int(found[1])],
    r"Return the sum of the (?:numbers) from 1 to \w+ that are divisible by (\d)\.":
        lambda found: lambda n: sum(x for x in range(1, n + 1) if x % int(found[1]) == 0),
    r"Return the largest of the absolute values of the numbers in \w+, or 0 if none is larger\.":
        lambda found: lambda v: max([0, *map(abs, v)]),
    r"Tell whether all numbers in \w+ are (even|odd|positive|negative)\.":
        lambda found: lambda v: all(map(NUMBERS[found[1]], v)),
    r"Tell whether there are characters in \w+ that are digits\.":
        lambda found: lambda s: bool(re.search(r"\d", s)),
    r"Return the index of the first of the (even|odd|positive|negative) numbers in \w+, or -1 if there is none\.":
        lambda found: lambda v: next((i for i, x in enumerate(v) if NUMBERS[found[1]](x)), -1),
    r"Return the characters in \w+ that are letters, joined in reverse order\.":
        lambda found: lambda s: re.sub(r"[^A-Za-z]", "", s)[::-1],
    r"Return a list of the lengths of the words in \w+\.":
        lambda found: lambda v: [len(w) for w in v],
    r"Count the words in \w+ that do not contain '(\w)'\.":
        lambda found: lambda v: sum(found[1] not in w for w in v),
    r"Return the first longest of the words in \w+(?: that contain '(\w)')?, or an empty text if there are none\.":
        lambda found: lambda v: max((w for w in v if (found[1] or "") in w), key=len, default=""),
}  # fmt: skip


@pytest.mark.parametrize("pattern", READ)
def test_the_program_does_what_the_sentence_says(pattern):
    some = [(seed, each) for seed, each in enumerate(MADE) if re.fullmatch(pattern, each.sentence)]
    assert some, "no sentence of this kind was made"
    for seed, each in some:
        random, expected = Random(f"calls {seed}"), READ[pattern](re.fullmatch(pattern, each.sentence))
        calls = [arguments(each.program, random) for _ in range(12)]
        assert by_python(each.program, calls) == [told(expected(*values)) for values in calls], each.sentence


def test_sentences_are_whole_and_shapes_many():
    assert all(each.sentence[0].isupper() and each.sentence.endswith(".") for each in MADE)
    assert not any("  " in each.sentence for each in MADE)
    assert len({shape(each.program) for each in MADE}) > 250
    assert [described(Random(seed)) for seed in range(20)] == MADE[:20]


def test_one_sentence_one_program():
    """Alike in words, alike in what they return: names in the program apart."""
    found = {}
    for seed, each in enumerate(MADE):
        calls = [arguments(each.program, random) for random in [Random(seed)] for _ in range(5)]
        again = found.setdefault(each.sentence, each.program)
        assert by_python(each.program, calls) == by_python(again, calls), each.sentence
