"""Drawings by several artists, painted as Pillow would paint them: turned, mirrored, scaled, cut at the edge."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from tests.scenes.painting import FAINT, bounds, laid_over, opacity
from vlmcore.scenes.artwork import (
    ARTISTS,
    REDUCED,
    TRAINING_ARTISTS,
    UNSEEN_ARTIST,
    artwork,
    artwork_file,
    extent,
    paint_drawing,
)
from vlmcore.scenes.objects import load_objects
from vlmcore.scenes.scene import SIZE, Sprite

PICTURES = [*(item.picture for item in load_objects().values()), "2795"]
HOUSE = "1f3e0"


def chance(random: Random) -> tuple[str, Sprite]:
    middle = random.randint(4, SIZE - 4), random.randint(4, SIZE - 4)
    sprite = Sprite(middle, random.randint(9, 32), random.choice(ARTISTS), random.randint(-15, 15))
    return random.choice(PICTURES), replace(sprite, flipped=random.random() < 0.5)


def painted(canvas: np.ndarray, picture: str, sprite: Sprite) -> np.ndarray:
    canvas = canvas.astype(np.uint16)
    paint_drawing(canvas, picture, sprite.artist, sprite.middle, sprite.size, sprite.angle, sprite.flipped)
    return canvas


def test_every_artist_has_drawn_everything_and_one_of_them_paints_for_evaluation_alone():
    for artist in ARTISTS:
        for picture in PICTURES:
            drawing = artwork(picture, artist)
            assert drawing.mode == "RGBA" and max(drawing.size) <= REDUCED[0]
            assert (np.asarray(drawing)[..., 3] > 64).mean() > 0.1, f"{artist}'s {picture} can hardly be seen"
    assert {UNSEEN_ARTIST, *TRAINING_ARTISTS} == set(ARTISTS) and UNSEEN_ARTIST not in TRAINING_ARTISTS
    assert not artwork_file("whale", ARTISTS[0]).is_file()  # a name is no code point


# -- painting --------------------------------------------------------------------------------------------------------


def test_painting_agrees_with_pillow():
    """Off by less than a third of what one pixel to the side, a mirror or a turn the wrong way makes."""
    random, chaos, off, wrong = Random(0), np.random.default_rng(0), [], []
    for _ in range(150):
        picture, sprite = chance(random)
        canvas = chaos.integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
        expected = laid_over(canvas, picture, sprite).astype(int)
        here = (expected != canvas).any(axis=2)
        off.append(np.abs(painted(canvas, picture, sprite) - expected)[here].mean())
        x, y = sprite.middle
        for other in (
            replace(sprite, middle=(x + 1, y)),
            replace(sprite, middle=(x, y - 1)),
            replace(sprite, flipped=not sprite.flipped),
            replace(sprite, angle=-sprite.angle),
        ):
            wrong.append(np.abs(laid_over(canvas, picture, other) - expected)[here].mean())
    assert np.mean(off) < 10 and np.max(off) < 25
    assert np.mean(off) < np.mean(wrong) / 2.5


@pytest.mark.parametrize("scale", [4, 8])
def test_a_larger_picture_is_the_same_picture(scale):
    random = Random(1)
    for _ in range(20):
        picture, sprite = chance(random)
        large = replace(sprite, middle=tuple(m * scale for m in sprite.middle), size=sprite.size * scale)
        reduced = opacity(picture, large, SIZE * scale).reshape(SIZE, scale, SIZE, scale).mean((1, 3))
        assert np.abs(reduced - opacity(picture, sprite)).mean() < 2


def test_mirrored_drawings_are_mirrored_and_turned_ones_turned():
    random = Random(2)
    for _ in range(40):
        picture, sprite = chance(random)
        sprite = replace(sprite, middle=(SIZE // 2, SIZE // 2))
        other = opacity(picture, replace(sprite, flipped=not sprite.flipped, angle=-sprite.angle))
        assert np.abs(opacity(picture, sprite)[:, ::-1] - other).max() <= 2
    upright, clockwise = (
        bounds(opacity(HOUSE, Sprite((32, 32), 30, ARTISTS[0], angle)) > 128)[2:] for angle in (0, 15)
    )
    assert upright != clockwise
    pointing = [opacity("270f", Sprite((32, 32), 30, "fluent", angle)) for angle in (-15, 15)]  # a pencil
    middles = [np.average(np.arange(SIZE), weights=drawing[:24].sum(0) + 1e-9) for drawing in pointing]
    assert middles[1] > middles[0] + 3, "clockwise, what is above moves to the right"


def test_transparent_parts_leave_the_canvas_and_opaque_ones_cover_it():
    chaos = np.random.default_rng(3)
    for picture in PICTURES[:30]:
        canvas = chaos.integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
        sprite = Sprite((32, 32), 32, "openmoji")
        clear, covered = opacity(picture, sprite) == 0, opacity(picture, sprite) == 255
        after = painted(canvas, picture, sprite)
        assert after.max() <= 255 and (after[clear] == canvas[clear]).all() and clear.sum() > 1000
        assert (after[covered] == painted(255 - canvas, picture, sprite)[covered]).all()


def test_edges_are_not_darker_than_what_they_are_made_of():
    """Colours averaged without their opacity would leave a dark fringe around a white drawing on white."""
    white = np.full((SIZE, SIZE, 3), 255, np.uint8)
    for angle in (0, 10):
        sprite = Sprite((32, 32), 20, "twemoji", angle)
        seen = opacity("2b50", sprite)  # a yellow star
        edge = (seen > 20) & (seen < 200)
        red_green = painted(white, "2b50", sprite)[edge][:, :2]
        assert edge.sum() > 20 and red_green.min() > 150


# -- at the edge -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("middle", [(0, 32), (64, 32), (32, 0), (32, 64), (0, 0), (64, 64), (-8, 70)])
def test_what_lies_outside_is_cut_off_and_nothing_else(middle):
    for angle, flipped in ((0, False), (12, True)):
        sprite = Sprite(middle, 30, "fluent", angle, flipped)
        wide = opacity(HOUSE, replace(sprite, middle=tuple(m + SIZE for m in middle)), 3 * SIZE)
        assert (opacity(HOUSE, sprite) == wide[SIZE : 2 * SIZE, SIZE : 2 * SIZE]).all()


@pytest.mark.parametrize("middle", [(-40, 32), (32, -40), (104, 32), (32, 104), (-500, 900)])
def test_what_lies_wholly_outside_is_not_there(middle):
    assert opacity(HOUSE, Sprite(middle, 30)).max() == 0


def test_a_canvas_need_not_be_square():
    canvas = np.zeros((20, 50, 3), np.uint16)
    paint_drawing(canvas, HOUSE, ARTISTS[0], (45, 10), 16, 0, False)
    assert canvas[:, 38:].any() and not canvas[:, :36].any()


# -- extents ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("artist", ARTISTS)
def test_an_extent_holds_every_opaque_pixel_and_touches_some(artist):
    """Each pixel's four corners turned one by one, as the plain formula has it."""
    random = Random(4)
    for picture in PICTURES:
        angle, flipped = random.randint(-15, 15), random.random() < 0.5
        opaque = np.asarray(artwork(picture, artist))[..., 3] > 64
        height, width = opaque.shape
        x0, y0, x1, y1 = extent(picture, artist, angle, flipped)
        rows, columns = np.nonzero(opaque)
        corners = [[columns + dx, rows + dy] for dx in (0, 1) for dy in (0, 1)]
        points = np.concatenate(corners, 1) - [[width / 2], [height / 2]]
        x, y = points * [[-1 if flipped else 1], [1]] / max(width, height)
        turn = np.radians(angle)
        x, y = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
        assert (x.min(), y.min(), x.max(), y.max()) == pytest.approx((x0, y0, x1, y1))


def test_an_extent_is_at_most_as_long_as_a_drawing_and_of_one_that_is_not_turned_all_of_it():
    for picture in PICTURES:
        x0, y0, x1, y1 = extent(picture, "openmoji", 0, False)
        assert max(x1 - x0, y1 - y0) <= 1 and max(x1 - x0, y1 - y0) > 0.9
        drawn = bounds(opacity(picture, Sprite((32, 32), 32, "openmoji")) > FAINT)
        assert np.abs(np.subtract(drawn, [32 + 32 * value for value in (x0, y0, x1, y1)])).max() <= 1.25
