"""Placing: where a scene's things go, how large, how turned, and by whom they are painted.

Design choices:
- anywhere, in sizes from a seventh to a half of the picture, turned by up to 15 degrees, now and then cut off by the
  edge or partly hidden: never so far that a thing cannot be told;
- two centres never share a cell of a 4×4 grid: an encoder of 4×4 patches gives each patch one thing to name;
- "settled" scenes keep clear of the lines between the nine positions, so that everything in them can be asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from vlmcore.scenes.artwork import extent
from vlmcore.scenes.objects import Object
from vlmcore.scenes.position import MARGIN, clear, near, position
from vlmcore.scenes.scene import SIZE, Scene, Sprite, Thing

SIZES = (9, 32)  # pixels: a seventh to a half of the picture
USUAL = 20  # is the size seen most often
ANGLE = 15  # degrees either way
CUT = 0.65  # at least this share of a box lies inside the picture
COVERED = 0.35  # at most this share of a box may be covered by another
CELLS = 4  # cells a side, of which no two things share one

Point = tuple[float, float]


def painted(item: Object, sprite: Sprite) -> Thing:
    """A thing with the box that its drawing fills, cut at the picture's edge."""
    x0, y0, x1, y1 = extent(item.picture, sprite.artist, sprite.angle, sprite.flipped)
    (x, y), size = sprite.middle, sprite.size
    box = (max(x + x0 * size, 0.0), max(y + y0 * size, 0.0), min(x + x1 * size, SIZE), min(y + y1 * size, SIZE))
    return Thing(item.name, box, sprite)


def area(box: Sequence[float]) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def shared(first: Sequence[float], second: Sequence[float]) -> float:
    """The area that two boxes have in common."""
    return area((*map(max, first[:2], second[:2]), *map(min, first[2:], second[2:])))


def cell(thing: Thing) -> tuple[int, int]:
    return tuple(min(int(value * CELLS / SIZE), CELLS - 1) for value in thing.centre)


def draw(random: Random, item: Object, artists: Sequence[str], middle: Point, size: int, turned: bool = True) -> Thing:
    """A thing at a place of its own choosing: who paints it, which way it looks and how it is turned is chance."""
    angle = random.randint(-ANGLE, ANGLE) if turned and random.random() < 0.5 else 0
    pixel = round(middle[0]), round(middle[1])
    return painted(item, Sprite(pixel, size, random.choice(artists), angle, turned and random.random() < 0.5))


def inside(thing: Thing, item: Object) -> float:
    """The share of a thing's box that the picture's edge has not cut off."""
    sprite = thing.sprite
    x0, y0, x1, y1 = extent(item.picture, sprite.artist, sprite.angle, sprite.flipped)
    return area(thing.box) / ((x1 - x0) * (y1 - y0) * sprite.size**2)


def fits(thing: Thing, others: Sequence[Thing], item: Object, together: bool = False) -> bool:
    """Is enough of it inside the picture, and enough of it and of all others to be seen? ``together``: of a row."""
    if inside(thing, item) < CUT:
        return False
    limit, here, own = 0.55 if together else COVERED, cell(thing), area(thing.box)
    for other in others:
        if cell(other) == here or shared(thing.box, other.box) > limit * min(own, area(other.box)):
            return False
    return True


def anywhere(random: Random, size: int, cut: bool) -> Point:
    """A middle anywhere in the picture, up to a quarter of the thing outside it where it may be ``cut``."""
    edge = size / (4 if cut else 2)
    return random.uniform(edge, SIZE - edge), random.uniform(edge, SIZE - edge)


def somewhere_in(random: Random, index: int, size: int) -> Point:
    """A middle that lies clearly in one of the nine positions."""
    middle = []
    for third in (index % 3, index // 3):
        low, high = (third / 3 + MARGIN) * SIZE + 0.5, ((third + 1) / 3 - MARGIN) * SIZE - 0.5
        low, high = (max(low, size / 2 - 1), high) if third == 0 else (low, min(high, SIZE - size / 2 + 1))
        middle.append(random.uniform(min(low, high), max(low, high)))
    return middle[0], middle[1]


def is_settled(thing: Thing, others: Sequence[Thing]) -> bool:
    """Does a thing lie clearly in one position, and no other thing near it, nor it near theirs?"""
    scene = Scene("", None, (*others, thing))
    if not clear(thing, scene):
        return False
    here = position(thing, scene)
    return not any(near(other, scene, here) or near(thing, scene, position(other, scene)) for other in others)


def place_all(
    random: Random,
    items: Sequence[Object],
    artists: Sequence[Sequence[str]],
    settled: bool,
    sizes: tuple[int, int] = SIZES,
    before: Sequence[Thing] = (),
) -> list[Thing]:
    """Things one by one to where they fit beside those ``before``; where one fits nowhere, all begin again, smaller."""
    low, high = sizes
    while True:
        things = list(before)
        for item, names in zip(items, artists, strict=True):
            for _ in range(25):
                size = round(random.triangular(low, high, min(max(USUAL, low), high)))
                cut = not settled and random.random() < 0.3
                middle = somewhere_in(random, random.randrange(9), size) if settled else anywhere(random, size, cut)
                thing = draw(random, item, names, middle, size)
                if fits(thing, things, item) and (not settled or is_settled(thing, things)):
                    things.append(thing)
                    break
            else:
                break
        if len(things) == len(before) + len(items):
            return things
        high = max(high - 3, low + 1)
