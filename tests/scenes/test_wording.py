"""Articles, lists, numbers, places; things that come in pairs."""

import pytest

from vlmcore.scenes.backgrounds import IN_PLACE, PLACES
from vlmcore.scenes.objects import load_objects
from vlmcore.scenes.wording import NUMBERS, PAIRS, PLURALS, a, join, the


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
        ("scissors", "a pair of scissors"),
        ("jeans", "a pair of jeans"),
    ],
)
def test_article(name, with_article):
    assert a(name) == with_article


def test_join():
    assert [join(list(parts)) for parts in ("", "x", "xy", "xyz")] == ["", "x", "x and y", "x, y and z"]


def test_what_is_and_what_are():
    assert [the(name) for name in ("dog", "hot dog", "scissors")] == [
        "the dog is",
        "the hot dog is",
        "the scissors are",
    ]


def test_pairs_of_the_world_have_plurals_that_can_be_counted():
    objects = load_objects()
    assert set(PAIRS) & set(objects)
    for name in set(PAIRS) & set(objects):
        assert objects[name].plural == PLURALS[name] == f"pairs of {name}"
    assert all(objects[name].plural == plural for name, plural in PLURALS.items() if name in objects)


def test_numbers_are_words_from_none_to_nine():
    assert len(set(NUMBERS)) == 10 and (NUMBERS[0], NUMBERS[1], NUMBERS[9]) == ("none", "one", "nine")


def test_places_are_named_everywhere():
    assert set(IN_PLACE) == set(PLACES)
