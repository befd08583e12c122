"""A scene: what a picture shows, where, how much of it can be seen, and whether training may show it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import cache

import numpy as np

SIZE = 64  # a scene is SIZE pixels a side: enough to tell the artwork apart, few enough for two cores
SLOTS = ("top-left", "top", "top-right", "left", "middle", "right", "bottom-left", "bottom", "bottom-right")


@dataclass(frozen=True)
class Thing:
    """One object in a scene. box = (x0, y0, x1, y1) in pixels, hidden parts included, cut at the picture's edge."""

    name: str
    box: tuple[float, float, float, float]
    slot: int | None = None  # index into SLOTS; None where a scene has no layout (COCO, shapes)
    flipped: bool = False
    sprite: tuple[int, int, int] | None = None  # left, top, size of the artwork before cutting

    @property
    def centre(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True)
class Scene:
    """What a picture shows. Things are listed from back to front, the order in which they are painted."""

    kind: str  # "scatter", "hidden", "sum", "unusual", "shape" or "coco"
    place: str | None
    things: tuple[Thing, ...]
    size: tuple[int, int] = (SIZE, SIZE)
    texture: int = 0  # which variant of the background
    odd: str | None = None  # the thing that does not belong here
    shape: str | None = None  # what the small pictures form
    captions: tuple[str, ...] = field(default=())  # written by people (COCO)
    file: str | None = None  # where the picture lies, if it is not painted

    def named(self, name: str) -> list[Thing]:
        return [thing for thing in self.things if thing.name == name]

    def counts(self) -> dict[str, int]:
        """How many of each name, in reading order of their first."""
        found: dict[str, int] = {}
        for thing in sorted(self.things, key=lambda thing: (thing.slot or 0, thing.box)):
            found[thing.name] = found.get(thing.name, 0) + 1
        return found


@cache
def held_out_pair(first: str, second: str) -> bool:
    """About one pair of names in twelve is never seen together in training. Symmetric; fixed for all time."""
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


def in_order(scene: Scene) -> list[Thing]:
    """Things in reading order: by slot where there is one, else from top to bottom."""
    return sorted(scene.things, key=lambda t: (t.slot, 0) if t.slot is not None else (t.box[1], t.box[0]))
