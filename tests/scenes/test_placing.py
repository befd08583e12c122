"""Placing keeps what it promises: boxes are what is painted, nothing is lost, and what is settled is."""

from collections import Counter
from dataclasses import replace
from itertools import combinations
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scenes.painting import FAINT, bounds, opacity
from vlmcore.scenes.artwork import ARTISTS
from vlmcore.scenes.objects import Object, load_objects
from vlmcore.scenes.placing import (
    ANGLE,
    CELLS,
    COVERED,
    CUT,
    SIZES,
    USUAL,
    anywhere,
    area,
    cell,
    draw,
    fits,
    inside,
    is_settled,
    painted,
    place_all,
    shared,
    somewhere_in,
)
from vlmcore.scenes.position import clear, position, settled
from vlmcore.scenes.scene import SIZE, Scene, Sprite, Thing

ITEMS = list(load_objects().values())


def sprites(random: Random, count: int, artist: str) -> list[tuple[Object, Sprite]]:
    """Every angle, size and both directions, anywhere in the picture and beyond its edge."""
    return [
        (
            random.choice(ITEMS),
            Sprite(
                (random.randint(0, SIZE), random.randint(0, SIZE)),
                random.randint(*SIZES),
                artist,
                random.randint(-ANGLE, ANGLE),
                random.random() < 0.5,
            ),
        )
        for _ in range(count)
    ]


def placed(count: int, are_settled: bool, seed: int) -> list[tuple[list[Object], list[Thing]]]:
    random, made = Random(seed), []
    for _ in range(count):
        items = [random.choice(ITEMS) for _ in range(random.randint(1, 5))]
        artists = [random.choice((item.training_artists, ARTISTS)) for item in items]
        made.append((items, place_all(random, items, artists, are_settled)))
    return made


@pytest.fixture(scope="module", params=[False, True])
def made(request) -> tuple[bool, list[tuple[list[Object], list[Thing]]]]:
    return request.param, placed(500, request.param, seed=0)


# -- boxes -----------------------------------------------------------------------------------------------------------


def uncut(item: Object, sprite: Sprite, scale: int = 1) -> tuple[float, ...]:
    """The box around what is seen of a drawing where no edge cuts it, in the scene's own pixels."""
    middle = tuple(scale * (SIZE + m) for m in sprite.middle)
    large = replace(sprite, middle=middle, size=scale * sprite.size)
    seen = bounds(opacity(item.picture, large, 3 * SIZE * scale) > FAINT)
    return tuple(value / scale - SIZE for value in seen)


@pytest.mark.parametrize("artist", ARTISTS)
@pytest.mark.parametrize(("scale", "count", "usual", "most"), [(1, 150, 0.6, 1.25), (4, 15, 0.25, 0.8)])
def test_a_box_is_what_is_really_painted_cut_at_the_edge(artist, scale, count, usual, most):
    """To a pixel and a bit, and the nearer the finer the pixels are."""
    off = []
    for item, sprite in sprites(Random(artist), count, artist):
        x0, y0, x1, y1 = uncut(item, sprite, scale)
        cut = max(x0, 0), max(y0, 0), min(x1, SIZE), min(y1, SIZE)
        off.append([abs(a - b) for a, b in zip(cut, painted(item, sprite).box)])
        assert max(off[-1]) <= most, (item.name, sprite)
    assert np.mean(off) < usual


def test_inside_is_the_share_that_the_edge_leaves():
    for item, sprite in sprites(Random(4), 200, ARTISTS[0]):
        thing = painted(item, sprite)
        x0, y0, x1, y1 = uncut(item, sprite)
        kept = max(min(x1, SIZE) - max(x0, 0), 0) * max(min(y1, SIZE) - max(y0, 0), 0)
        assert inside(thing, item) == pytest.approx(kept / ((x1 - x0) * (y1 - y0)), abs=0.15)


# -- measuring -------------------------------------------------------------------------------------------------------

corners = st.tuples(*[st.integers(0, 12)] * 4)


@given(corners, corners)
@settings(deadline=None, max_examples=200)
def test_areas_are_what_counting_pixels_gives(first, second):
    grids = np.zeros((2, 12, 12), dtype=bool)
    for grid, (x0, y0, x1, y1) in zip(grids, (first, second)):
        grid[y0:y1, x0:x1] = True
    assert [area(first), area(second)] == grids.sum((1, 2)).tolist()
    if all(x0 <= x1 and y0 <= y1 for x0, y0, x1, y1 in (first, second)):
        assert shared(first, second) == shared(second, first) == grids.all(0).sum()


def test_cells_are_a_grid_of_four_by_four():
    cells = [cell(Thing("dog", (x, y, x, y))) for y in range(SIZE + 1) for x in range(SIZE + 1)]
    assert set(cells) == {(column, row) for column in range(CELLS) for row in range(CELLS)}
    assert cell(Thing("dog", (10, 30, 22, 34))) == (1, 2) and cell(Thing("dog", (SIZE, 0, SIZE, 0))) == (3, 0)


# -- one thing at a time ---------------------------------------------------------------------------------------------


def test_half_are_turned_and_half_mirrored_unless_told_not_to_be():
    random = Random(5)
    drawn = [draw(random, ITEMS[0], ARTISTS, (32.4, 31.6), 20).sprite for _ in range(2000)]
    assert {sprite.artist for sprite in drawn} == set(ARTISTS)
    assert {sprite.middle for sprite in drawn} == {(32, 32)}
    assert {sprite.angle for sprite in drawn} == set(range(-ANGLE, ANGLE + 1))
    assert np.mean([sprite.angle != 0 for sprite in drawn]) == pytest.approx(0.5 * 30 / 31, abs=0.05)
    assert np.mean([sprite.flipped for sprite in drawn]) == pytest.approx(0.5, abs=0.05)
    plain = [draw(random, ITEMS[0], ARTISTS, (32, 32), 20, turned=False).sprite for _ in range(100)]
    assert {(sprite.angle, sprite.flipped) for sprite in plain} == {(0, False)}


def test_somewhere_in_a_position_is_clearly_there_and_hardly_outside():
    random = Random(6)
    for size in range(*SIZES):
        for index in range(9):
            for _ in range(20):
                x, y = somewhere_in(random, index, size)
                thing = Thing("dog", (x, y, x, y))
                scene = Scene("scatter", None, (thing,))
                assert position(thing, scene) == index
                assert clear(thing, scene) or size > 30
                assert min(x, y, SIZE - x, SIZE - y) > 0.4 * size - 1


def test_anywhere_reaches_every_part_and_leaves_the_picture_by_a_quarter_at_most():
    random = Random(7)
    for size, cut, edge in ((9, False, 4.5), (32, False, 16), (32, True, 8)):
        points = np.array([anywhere(random, size, cut) for _ in range(2000)])
        assert edge <= points.min() < edge + 1 and SIZE - edge - 1 < points.max() <= SIZE - edge
        assert points.mean(axis=0) == pytest.approx([SIZE / 2] * 2, abs=1.5)


def test_what_does_not_fit_is_refused():
    item = ITEMS[0]

    def at(x: int, y: int, size: int = 24) -> Thing:
        return painted(item, Sprite((x, y), size))

    assert fits(at(32, 32), [], item) and fits(at(14, 14), [at(46, 46)], item)
    assert not fits(at(0, 32), [], item), "half of it is cut off"
    assert not fits(at(30, 30), [at(33, 40, 31)], item), "covered"
    assert not fits(at(20, 20, 9), [at(28, 28, 9)], item), "one cell for two"
    row = at(30, 32), at(42, 32)
    overlap = shared(row[0].box, row[1].box) / area(row[0].box)
    assert COVERED < overlap < 0.55
    assert fits(row[1], row[:1], item, together=True) and not fits(row[1], row[:1], item)


# -- all of them -----------------------------------------------------------------------------------------------------


def test_everything_is_placed_in_order_and_in_size(made):
    _, scenes = made
    sizes = Counter(thing.sprite.size for _, things in scenes for thing in things)
    assert all([item.name for item in items] == [thing.name for thing in things] for items, things in scenes)
    assert SIZES[0] <= min(sizes) <= SIZES[0] + 2 and SIZES[1] - 3 <= max(sizes) <= SIZES[1]
    near_usual = sum(count for size, count in sizes.items() if abs(size - USUAL) <= 4)
    assert near_usual > sum(count for size, count in sizes.items() if size > USUAL + 4) > 50


def test_each_thing_is_painted_by_one_who_may(made):
    random = Random(8)
    for artists in (("fluent",), ("twemoji", "openmoji")):
        things = place_all(random, ITEMS[:4], [artists, artists, artists, ("openmoji",)], made[0])
        assert all(thing.sprite.artist in artists for thing in things[:3]) and things[3].sprite.artist == "openmoji"


def test_enough_of_each_is_inside_and_uncovered_and_no_cell_is_shared(made):
    are_settled, scenes = made
    cut = covered = 0
    for items, things in scenes:
        assert len({cell(thing) for thing in things}) == len(things)
        for thing, item in zip(things, items):
            x0, y0, x1, y1 = thing.box
            assert 0 <= x0 < x1 <= SIZE and 0 <= y0 < y1 <= SIZE
            assert inside(thing, item) >= CUT
            cut += inside(thing, item) < 0.99
        for one, other in combinations(things, 2):
            share = shared(one.box, other.box) / min(area(one.box), area(other.box))
            assert share <= COVERED + 1e-9
            covered += share > 0.05
    assert covered > (10 if are_settled else 50) and cut > (10 if are_settled else 50)  # it is not all too tidy


def test_settled_things_are_settled_and_others_often_not(made):
    are_settled, scenes = made
    found = []
    for _, things in scenes:
        scene = Scene("scatter", None, tuple(things))
        found += [settled(thing, scene) for thing in things]
        for number, thing in enumerate(things):
            assert not is_settled(thing, things[:number]) or clear(thing, scene)
    assert all(found) if are_settled else 0.2 < np.mean(found) < 0.8


def test_what_stood_there_before_stays_and_sizes_can_be_smaller():
    random = Random(9)
    before = [painted(ITEMS[0], Sprite((20, 32), 26)), painted(ITEMS[0], Sprite((44, 32), 26))]
    for _ in range(100):
        things = place_all(random, ITEMS[1:3], [ARTISTS, ARTISTS], False, (12, 20), before)
        assert things[:2] == before and len(things) == 4
        assert all(12 <= thing.sprite.size <= 20 for thing in things[2:])


def test_where_things_do_not_fit_they_become_smaller():
    """Nine things of half a picture each have no room; they are made small until they have."""
    things = place_all(Random(10), ITEMS[:9], [ARTISTS] * 9, False, (9, 32))
    assert len(things) == 9
