"""A scene: what a picture shows, where, how much of it can be seen, and whether training may show it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from vlmcore.scenes.artwork import TRAINING_ARTISTS

SIZE = 64  # a scene is SIZE pixels a side: enough to tell the artwork apart, few enough for two cores


@dataclass(frozen=True)
class Sprite:
    """How a thing is painted: by whom, where, how large, how it is turned. Pixels and degrees."""

    middle: tuple[int, int]  # of the drawing, x and y, before the picture's edge cuts it
    size: int  # of the drawing's longer side
    artist: str = TRAINING_ARTISTS[0]
    angle: int = 0  # clockwise
    flipped: bool = False


@dataclass(frozen=True)
class Thing:
    """One object in a scene. box = (x0, y0, x1, y1) in pixels, hidden parts included, cut at the picture's edge."""

    name: str
    box: tuple[float, float, float, float]
    sprite: Sprite | None = None  # None: nobody painted it, it is part of a photo

    @property
    def centre(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True)
class Scene:
    """What a picture shows. Things are listed from back to front, the order in which they are painted."""

    kind: str  # "scatter", "hidden", "sum", "unusual", "shape" or "coco"
    place: str | None  # None: it cannot be told from the picture
    things: tuple[Thing, ...]
    size: tuple[int, int] = (SIZE, SIZE)
    ground: int = 0  # which variant of the background
    look: str = "training"  # which looks of the background: "training" or "held_out"
    odd: str | None = None  # the thing that does not belong here
    shape: str | None = None  # what the small pictures form
    captions: tuple[str, ...] = field(default=())  # written by people (COCO)
    file: str | None = None  # where the picture lies, if it is not painted

    def named(self, name: str) -> list[Thing]:
        return [thing for thing in self.things if thing.name == name]

    def counts(self) -> dict[str, int]:
        """How many of each name, in alphabetical order."""
        names = [thing.name for thing in self.things]
        return {name: names.count(name) for name in sorted(set(names))}


@cache
def held_out_pair(first: str, second: str | None) -> bool:
    """About one pair of names in twelve is never seen together in training. Symmetric; fixed for all time."""
    if second is None:
        return False
    pair = "+".join(sorted((first, second)))
    return zlib.crc32(pair.encode()) % 12 == 0


def any_held_out_pair(scene: Scene) -> bool:
    """Does the scene show a pair that training never shows?"""
    names = sorted({thing.name for thing in scene.things} - {"plus"})
    with_place = any(held_out_pair(name, scene.place) for name in names)
    return with_place or any(held_out_pair(a, b) for i, a in enumerate(names) for b in names[i + 1 :])


def visible_share(scene: Scene, index: int) -> float:
    """How much of a thing's box is not covered by the boxes of the things in front of it (0 to 1)."""
    x0, y0, x1, y1 = (round(value) for value in scene.things[index].box)
    free = np.ones((max(y1 - y0, 1), max(x1 - x0, 1)), dtype=bool)
    for thing in scene.things[index + 1 :]:
        a0, b0, a1, b1 = (round(value) for value in thing.box)
        free[max(b0 - y0, 0) : max(b1 - y0, 0), max(a0 - x0, 0) : max(a1 - x0, 0)] = False
    return float(free.mean())
