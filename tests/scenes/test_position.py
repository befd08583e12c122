"""Where a thing is, against another way to say it: move its centre by less than the margin, and see what it becomes."""

from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.scenes.reading import HAIR, alone, centre, opinions, ordered, where
from vlmcore.scenes.position import IN_POSITION, MARGIN, POSITIONS, clear, in_order, near, position, settled
from vlmcore.scenes.scene import Scene, Thing

SIDES = st.integers(2, 6000)


@st.composite
def photos(draw: st.DrawFn) -> Scene:
    """A picture of any size with a few boxes anywhere in it."""
    width, height = draw(SIDES), draw(SIDES)
    things = []
    for _ in range(draw(st.integers(1, 6))):
        xs, ys = (sorted(draw(st.integers(0, 4 * side)) / 4 for _ in range(2)) for side in (width, height))
        things.append(Thing("dog", (xs[0], ys[0], xs[1], ys[1])))
    return Scene("coco", None, tuple(things), (width, height))


def undecided(scene: Scene) -> bool:
    """Does any centre lie on a line between two positions, or exactly the margin away from one?"""
    lines = [k / 3 + m for k in (1, 2) for m in (0, MARGIN, -MARGIN)]
    return any(abs(v - line) < 4 * HAIR for thing in scene.things for v in centre(thing, scene) for line in lines)


@given(photos())
@settings(deadline=None, max_examples=300)
def test_position_is_the_ninth_that_holds_the_centre_in_pictures_of_any_size(scene):
    assume(not undecided(scene))
    for thing in scene.things:
        assert position(thing, scene) == where(thing, scene)


@given(photos())
@settings(deadline=None, max_examples=300)
def test_near_clear_and_settled_are_what_opinions_make_them(scene):
    assume(not undecided(scene))
    for thing in scene.things:
        said = opinions(thing, scene)
        assert {index for index in range(9) if near(thing, scene, index)} == said
        assert clear(thing, scene) == (said == {position(thing, scene)})
        assert settled(thing, scene) == alone(thing, scene)


def test_every_way_to_lie_is_met():
    """The oracle above is worth something: scenes with and without opinions come up, by chance too."""
    random, found = Random(0), set()
    for _ in range(300):
        corners = [(random.uniform(0, 500), random.uniform(0, 300)) for _ in range(3)]
        scene = Scene("coco", None, tuple(Thing("cat", (x, y, x + 140, y + 80)) for x, y in corners), (640, 380))
        for thing in scene.things:
            found.add((len(opinions(thing, scene)), settled(thing, scene)))
    assert found >= {(1, True), (1, False), (2, False), (4, False)}


@pytest.mark.parametrize("size", [(64, 64), (640, 480), (480, 640), (3, 3), (5000, 10)])
def test_the_nine_middles_are_the_nine_positions(size):
    middles = [((2 * column + 1) / 6 * size[0], (2 * row + 1) / 6 * size[1]) for row in range(3) for column in range(3)]
    scene = Scene("coco", None, tuple(Thing("dog", (x, y, x, y)) for x, y in middles), size)
    assert [position(thing, scene) for thing in scene.things] == list(range(9))
    assert all(clear(thing, scene) and settled(thing, scene) for thing in scene.things)
    corners = [(x, y) for y in (0.0, size[1]) for x in (0.0, size[0])]
    scene = Scene("coco", None, tuple(Thing("dog", (x, y, x, y)) for x, y in corners), size)
    assert [position(thing, scene) for thing in scene.things] == [0, 2, 6, 8]  # the far edges belong to the last third


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("line", [1 / 3, 2 / 3])
def test_near_a_line_it_is_a_matter_of_opinion(axis, line):
    for away, told in ((0, False), (MARGIN - 0.01, False), (MARGIN + 0.01, True)):
        for sign in (-1, 1):
            point = [0.5, 0.5]
            point[axis] = line + sign * away
            x, y = point[0] * 640, point[1] * 480
            thing = Thing("dog", (x - 9, y - 9, x + 9, y + 9))
            assert clear(thing, Scene("coco", None, (thing,), (640, 480))) == told


def test_two_equal_things_in_one_place_are_not_settled():
    """They are told apart by which they are, not by what they say of themselves."""
    one, same = Thing("dog", (0, 0, 9, 9)), Thing("dog", (0, 0, 9, 9))
    assert settled(one, Scene("scatter", None, (one,)))
    assert not settled(one, Scene("scatter", None, (one, same)))


@given(photos())
@settings(deadline=None, max_examples=100)
def test_reading_order_goes_by_position_then_from_left_to_right(scene):
    assume(not undecided(scene))
    assert [id(thing) for thing in in_order(scene)] == [id(thing) for thing in ordered(scene)]
    if len({thing.centre for thing in scene.things}) == len(scene.things):
        assert in_order(Scene("coco", None, scene.things[::-1], scene.size)) == ordered(scene)


def test_words_and_positions_belong_together():
    assert len(POSITIONS) == len(set(POSITIONS)) == len(IN_POSITION) == len(set(IN_POSITION)) == 9
    for word, phrase in zip(POSITIONS, IN_POSITION):
        assert phrase.split()[-1] == word and phrase.split()[0] in ("in", "at", "on")
    for index, word in enumerate(POSITIONS):  # a row and a column make a corner
        row, column = ("top", "", "bottom")[index // 3], ("left", "", "right")[index % 3]
        assert word == ("-".join(part for part in (row, column) if part) or "middle")
