"""Articles, lists, places."""

import pytest

from vlmcore.scenes.backgrounds import IN_PLACE, PLACES
from vlmcore.scenes.scene import SLOTS
from vlmcore.scenes.wording import IN_SLOT, a, join


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
    ],
)
def test_article(name, with_article):
    assert a(name) == with_article


def test_join():
    assert [join(list(parts)) for parts in ("", "x", "xy", "xyz")] == ["", "x", "x and y", "x, y and z"]


def test_places_are_named_everywhere():
    assert set(IN_PLACE) == set(PLACES) and len(set(IN_SLOT)) == len(SLOTS) == 9
