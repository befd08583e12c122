"""data/objects.csv says what the world relies on, and a row that it cannot use is named."""

from collections import Counter

import pytest
from PIL import Image

from vlmcore.errors import VlmError
from vlmcore.scenes.artwork import TRAINING_ARTISTS
from vlmcore.scenes.backgrounds import PLACES
from vlmcore.scenes.objects import DATA, load_objects

ARTISTS = ("twemoji", "openmoji", "fluent")
COLOURS = "red, orange, yellow, green, blue, purple, pink, brown, black, white, gray"
EVERYDAY = """dog, cat, bird, fish, apple, banana, house, car, bus, tree, flower, sports ball, chair, cup, book, hat,
shirt, shoe"""
COCO = """person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign,
parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, handbag,
tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard,
tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot,
hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop, mouse, remote, keyboard,
cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear, hair drier,
toothbrush"""
NOT_AS_COCO_SAYS = """motorbike, plane, aeroplane, football, glass, mug, doughnut, sofa, plant, television, phone,
cellphone, stoplight, hotdog, teddy, ski, bike, lorry"""

OBJECTS = load_objects()
ITEMS = list(OBJECTS.values())
FIRST = ITEMS[:48]
HELD_OUT = {item.name for item in ITEMS if item.unusual == "held_out"}
KEPT_BACK = {item.name for item in ITEMS if item.training_artists != TRAINING_ARTISTS}


def names(text: str) -> list[str]:
    return " ".join(text.split()).split(", ")


def test_every_place_is_home_to_at_least_ten_objects_and_to_four_of_the_first_48():
    assert len(ITEMS) >= 128
    everywhere, first = Counter(item.found for item in ITEMS), Counter(item.found for item in FIRST)
    assert set(everywhere) == set(first) == set(PLACES)
    assert min(everywhere.values()) >= 10 and min(first.values()) >= 4


def test_every_place_has_a_held_out_object_among_the_first_48_and_at_most_a_quarter_are():
    assert {item.unusual for item in ITEMS} == {"train", "held_out"}
    assert {item.found for item in FIRST if item.name in HELD_OUT} == set(PLACES)
    for some in (FIRST, ITEMS):
        assert sum(item.name in HELD_OUT for item in some) <= len(some) / 4


def test_of_a_third_of_the_objects_one_artists_drawing_is_kept_back_and_none_of_those_is_held_out():
    for some in (FIRST, ITEMS):
        artists = Counter(item.training_artists for item in some)
        back = {kept: set(TRAINING_ARTISTS) - set(kept) for kept in artists if kept != TRAINING_ARTISTS}
        assert all(len(left_out) == 1 for left_out in back.values()) and len(back) == 2
        assert 0.3 <= 1 - artists[TRAINING_ARTISTS] / len(some) <= 0.37
        first, second = (artists[kept] for kept in back)
        assert abs(first - second) <= 1
    assert {OBJECTS[name].found for name in KEPT_BACK} == set(PLACES)
    assert not KEPT_BACK & HELD_OUT


def test_objects_cannot_be_mistaken_for_one_another():
    assert len(ITEMS) == sum(1 for _ in (DATA / "objects.csv").open(encoding="utf-8")) - 1  # a name twice is lost above
    words = [word for item in ITEMS for word in {item.name, item.plural}]
    assert len(words) == len(set(words)) and all(word == word.lower() for word in words)
    for column in ("picture", "does", "vietnamese", "chinese"):
        assert len({getattr(item, column) for item in ITEMS}) == len(ITEMS), column
    assert all(item.name and item.plural and item.kind and item.does for item in ITEMS)
    assert {item.colour for item in ITEMS} <= {"", *names(COLOURS)}


@pytest.mark.parametrize("artist", ARTISTS)
def test_an_artist_has_drawn_every_object_and_the_plus_sign(artist):
    pictures = {item.picture for item in ITEMS} | {"2795"}
    assert {path.stem for path in (DATA / "artwork" / artist).glob("*.png")} == pictures
    for picture in pictures:
        with Image.open(DATA / "artwork" / artist / f"{picture}.png") as drawing:
            alpha = drawing.getchannel("A").point(lambda opacity: 255 * (opacity > 8))
            assert drawing.mode == "RGBA" and 48 <= max(drawing.size) <= 72, picture
            whole = alpha.getbbox()
            margin = max(whole[0], whole[1], drawing.width - whole[2], drawing.height - whole[3])
            assert margin <= 1, f"{picture} is not cropped to its edges"


def test_everyday_things_come_first_and_names_are_those_of_coco():
    assert set(names(EVERYDAY)) <= {item.name for item in FIRST}
    assert len(names(EVERYDAY)) == 18 and len(names(COCO)) == 80
    assert len(set(names(COCO)) & set(OBJECTS)) >= 50
    assert not set(names(NOT_AS_COCO_SAYS)) & set(OBJECTS)


HEADER = "picture,name,plural,kind,colour,found,use,does,vietnamese,chinese,unusual,artists"
ROW = "1f433,x,xs,k,red,{},,d,v,h,train,twemoji"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("1f433,x,xs", "line 2: a row has these values: picture, name"),
        (ROW.format("moon"), "line 2: found is 'moon': take one of sea"),
        (ROW.format("sea").replace("twemoji", "both"), "line 2: artists is 'both': take some of twemoji"),
        (ROW.format("sea").replace("twemoji", "twemoji picasso"), "line 2: artists is 'twemoji picasso': take some"),
        (ROW.format("sea").replace("twemoji", " "), "line 2: artists is ' ': take some of"),
        (ROW.format("sea").replace("1f433", "whale"), r"line 2: data/artwork/twemoji has no whale\.png"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path, row, why):
    (tmp_path / "objects.csv").write_text(f"{HEADER}\n{row}\n")
    with pytest.raises(VlmError, match=why):
        load_objects(tmp_path / "objects.csv")
