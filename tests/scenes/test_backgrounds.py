"""Grounds: the same arguments paint the same, at any size; every place has many looks; held-out ones stay held out."""

import subprocess
import sys
from hashlib import sha256
from itertools import product
from random import Random

import numpy as np
import pytest
from PIL import Image

from vlmcore.errors import VlmError
from vlmcore.scenes.backgrounds import (
    A_PLACE,
    ARRANGEMENTS,
    HELD_OUT_ARRANGEMENTS,
    HELD_OUT_PALETTES,
    IN_PLACE,
    LOOKS,
    PALETTES,
    PLACES,
    VARIANTS,
    WEATHER,
    background,
)
from vlmcore.scenes.grounds.canvas import Canvas, mix, scattered, steps
from vlmcore.scenes.grounds.weather import LIGHTS

GROUNDS = (*PLACES, None)
EVERY = pytest.mark.parametrize("place", GROUNDS)


def digest() -> str:
    """One number for some grounds of every kind."""
    some = [background(place, variant, 64, look) for place in GROUNDS for variant in (0, 5, 63) for look in LOOKS]
    return sha256(np.stack(some).tobytes()).hexdigest()


def test_every_place_has_its_words_looks_and_weather():
    assert set(IN_PLACE) == set(A_PLACE) == set(PLACES) and len(PLACES) == 11
    assert all(IN_PLACE[place].endswith(place) and A_PLACE[place].endswith(place) for place in PLACES)
    for table in (ARRANGEMENTS, PALETTES, WEATHER, *LOOKS.values()):
        assert set(table) == set(GROUNDS)


@pytest.mark.parametrize("size", (64, 96, 128, 256))
@pytest.mark.parametrize("look", LOOKS)
def test_pixels_of_any_size_that_nobody_can_change(size, look):
    for place in GROUNDS:
        pixels = background(place, 3, size, look)
        assert pixels.shape == (size, size, 3) and pixels.dtype == np.uint8
        with pytest.raises(ValueError, match="read-only"):
            pixels[0, 0] = 0


def test_the_same_arguments_paint_the_same_in_another_process():
    code = "from tests.scenes.test_backgrounds import digest; print(digest())"
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert elsewhere.stdout.strip() == digest()
    background.cache_clear()
    assert elsewhere.stdout.strip() == digest()


@EVERY
def test_variants_and_looks_differ(place):
    for look in LOOKS:
        assert len({background(place, variant, 64, look).tobytes() for variant in range(VARIANTS)}) == VARIANTS
    assert not np.array_equal(background(place, 0, 64), background(place, 0, 64, "held_out"))
    assert np.array_equal(background(place, 0, 64), background(place, 0, 64, "training"))


@EVERY
def test_held_out_looks_never_train(place):
    training, held_out = (set(LOOKS[look][place]) for look in ("training", "held_out"))
    assert not training & held_out
    assert training | held_out == set(product(ARRANGEMENTS[place], PALETTES[place]))
    seen_arrangements, seen_palettes = ({look[part] for look in training} for part in (0, 1))
    assert set(ARRANGEMENTS[place]) - seen_arrangements == set(ARRANGEMENTS[place][-HELD_OUT_ARRANGEMENTS:])
    assert set(PALETTES[place]) - seen_palettes == set(PALETTES[place][-HELD_OUT_PALETTES:])
    assert all(len(LOOKS[look][place]) <= VARIANTS for look in LOOKS), "some looks are never painted"


def test_one_light_is_for_evaluation_alone():
    assert set(LIGHTS["held_out"]) - set(LIGHTS["training"])
    assert set(LIGHTS["held_out"]) & set(LIGHTS["training"])


@EVERY
def test_a_place_has_many_arrangements_and_palettes(place):
    assert len(set(ARRANGEMENTS[place])) == len(ARRANGEMENTS[place]) >= 5 + HELD_OUT_ARRANGEMENTS
    assert len(set(PALETTES[place])) == len(PALETTES[place]) >= 4 + HELD_OUT_PALETTES
    for palette in PALETTES[place]:
        assert [len(bytes.fromhex(colour)) for colour in palette.split()] == [3, 3, 3, 3]


@EVERY
@pytest.mark.parametrize("look", LOOKS)
def test_no_single_colour_tells_the_place(place, look):
    means = np.array([background(place, variant, 64, look).mean((0, 1)) for variant in range(VARIANTS)])
    assert means.std(axis=0).min() > 10


@EVERY
def test_grounds_are_calm_but_not_empty(place):
    contrasts = np.array([background(place, variant, 64).mean(-1).std() for variant in range(VARIANTS)])
    assert contrasts.max() < 60 and contrasts.mean() < 26
    if place is not None:
        assert contrasts.min() > 1.5, "nothing is drawn on it"


def adrift(place: str | None, variant: int, other: int, look: str) -> float:
    """How far, in levels of 255, a ground is from the ground of another number painted twice as large."""
    large = Image.fromarray(background(place, other, 128, look)).reduce(2)
    return np.abs(np.asarray(large, dtype=float) - background(place, variant, 64, look)).mean()


@EVERY
@pytest.mark.parametrize("look", LOOKS)
def test_a_larger_ground_is_the_same_picture(place, look):
    same = [adrift(place, variant, variant, look) for variant in range(0, VARIANTS, 3)]
    others = [adrift(place, variant, variant + 1, look) for variant in range(0, VARIANTS - 1, 3)]
    assert max(same) < 6 and np.mean(same) < 2.5 < 10 < np.mean(others)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("moor", 0, 64), "no place 'moor'.*savanna"),
        (("sea", 0, 64, "unseen"), "no look 'unseen'.*held_out"),
        (("sea", VARIANTS, 64), f"no variant {VARIANTS}.*0 to {VARIANTS - 1}"),
        (("sea", -1, 64), "no variant -1"),
    ],
)
def test_what_is_not_there_is_said(arguments, message):
    with pytest.raises(VlmError, match=message):
        background(*arguments)


# -- what they are painted with --------------------------------------------------------------------------------------


def test_mixed_colours_lie_between():
    assert mix((0, 100, 200), (100, 100, 0), 0.25) == (25, 100, 150)
    assert mix((1, 2, 3), (9, 9, 9), 0) == (1, 2, 3) and mix((1, 2, 3), (9, 9, 9), 1) == (9, 9, 9)


def test_steps_reach_the_end():
    assert steps(10, 5, 30) == [5, 15, 25, 35]
    assert steps(16)[-1] == 64


def test_scattered_points_are_even_and_inside():
    points = np.array(scattered(Random(0), 200, 10, 60))
    assert points.min() >= 0 and points[:, 0].max() < 64 and points[:, 1].min() >= 10 and points[:, 1].max() < 60
    assert abs(len(points) - 200) < 20
    assert np.histogram2d(*points.T, bins=4, range=((0, 64), (10, 60)))[0].min() > 5


def test_a_canvas_counts_in_units():
    canvas = Canvas(128)
    canvas.box(0, 0, 32, 64, (255, 0, 0))
    pixels = np.asarray(canvas.finished())
    assert pixels.shape == (128, 128, 3)
    assert (pixels[:, :63] == (255, 0, 0)).all() and (pixels[:, 66:] == 0).all()
