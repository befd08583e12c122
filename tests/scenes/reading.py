"""Reads questions and answers back, and pictures too, independently of what wrote them."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from itertools import chain, product

import numpy as np

from vlmcore.scenes.grounding import PRECISION
from vlmcore.scenes.position import MARGIN, POSITIONS
from vlmcore.scenes.scene import Scene, Thing
from vlmcore.scenes.wording import NUMBERS

LAST = 1 - PRECISION / 1000  # the largest coordinate that three digits can tell
HAIR = 1e-9  # by so little a margin is never missed


def plain(text: str) -> str:
    """Without capitals and punctuation, by which two wordings should not differ alone."""
    return " ".join("".join(c for c in text.lower() if c not in string.punctuation or c in "{}").split())


# -- boxes -----------------------------------------------------------------------------------------------------------


def boxes_of(text: str) -> list[list[float]]:
    """The boxes of a text that is nothing but boxes, exactly as CogVLM writes them."""
    assert re.fullmatch(r"\[\[\d{3,4}(,\d{3,4}){3}(;\d{3,4}(,\d{3,4}){3})*\]\]", text), text
    return [[int(value) / 1000 for value in box.split(",")] for box in text[2:-2].split(";")]


def close(found: list[list[float]], exact: list[tuple[float, ...]]) -> bool:
    """Are boxes the exact ones, but for the rounding of their coordinates?"""
    values = list(zip(chain(*found), chain(*exact), strict=True))
    return len(found) == len(exact) and all(abs(x - min(y, LAST)) <= PRECISION / 2000 + 1e-9 for x, y in values)


def exact(things: Sequence[Thing], scene: Scene) -> list[tuple[float, ...]]:
    """The things' boxes, relative to the picture."""
    return [tuple(value / side for value, side in zip(thing.box, scene.size * 2)) for thing in things]


def uncovered(scene: Scene) -> list[float]:
    """How much of each thing's box can be seen: all boxes painted over one another, and the pixels counted."""
    canvas = np.full(scene.size[::-1], -1)
    boxes = [tuple(map(round, thing.box)) for thing in scene.things]
    for number, (x0, y0, x1, y1) in enumerate(boxes):
        canvas[y0:y1, x0:x1] = number
    return [int((canvas == number).sum()) / ((x1 - x0) * (y1 - y0)) for number, (x0, y0, x1, y1) in enumerate(boxes)]


# -- positions -------------------------------------------------------------------------------------------------------


def centre(thing: Thing, scene: Scene) -> tuple[float, float]:
    """Relative to the picture."""
    x0, y0, x1, y1 = thing.box
    return (x0 + x1) / 2 / scene.size[0], (y0 + y1) / 2 / scene.size[1]


def ninth(x: float, y: float) -> int:
    return 3 * ((y >= 1 / 3) + (y >= 2 / 3)) + (x >= 1 / 3) + (x >= 2 / 3)


def where(thing: Thing, scene: Scene) -> int:
    """Which ninth of the picture holds a thing's centre."""
    return ninth(*centre(thing, scene))


def opinions(thing: Thing, scene: Scene) -> set[int]:
    """Every position that somebody may see a thing in who is off by less than the margin."""
    x, y = centre(thing, scene)
    slips = (HAIR - MARGIN, 0, MARGIN - HAIR)
    return {ninth(x + dx, y + dy) for dx, dy in product(slips, repeat=2)}


def alone(thing: Thing, scene: Scene) -> bool:
    """Would everybody say that this thing is where it is, and that nothing else is there?"""
    here = opinions(thing, scene)
    return len(here) == 1 and not any(here & opinions(other, scene) for other in scene.things if other is not thing)


def ordered(scene: Scene) -> list[Thing]:
    """In reading order."""
    return sorted(sorted(scene.things, key=lambda thing: thing.centre), key=lambda thing: where(thing, scene))


def thought(
    scene: Scene, counted: str, positions: tuple[int, ...] = tuple(range(9)), hidden: Sequence[Thing] = ()
) -> str:
    """What is thought before an answer: every place, what is there, the how-manyth it is of what is counted, and of
    what is ``hidden`` that it is."""
    parts, number = [], 0
    for index in positions:
        parts.append(POSITIONS[index])
        here = [thing for thing in ordered(scene) if where(thing, scene) == index]
        for thing in here:
            number += thing.name == counted
            parts += [thing.name, NUMBERS[number]] if thing.name == counted else [thing.name]
            parts += ["hidden"] if any(thing is other for other in hidden) else []
        if not here:
            parts.append("no")
    return " ".join(parts)
