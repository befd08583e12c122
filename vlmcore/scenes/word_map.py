"""A scene as a map of words: what the language model reads before it has ever seen a picture."""

from __future__ import annotations

from collections.abc import Callable

from vlmcore.scenes.grounding import Box, relative
from vlmcore.scenes.position import POSITIONS, position
from vlmcore.scenes.scene import Scene, Thing

CELLS = 4  # a word map has CELLS × CELLS cells: as many as the vision encoder has patches
NOTHING = "nothing"  # fills the cells where no thing is, when no place can be told either

WordMap = Callable[[Scene], tuple[list[list[str]], list[Box | None]]]  # a scene → each cell's words, and its box


def word_map(scene: Scene, side: int = CELLS) -> tuple[list[list[str]], list[Box | None]]:
    """The scene as a side × side grid: each cell's words, and the box of what stands there.

    Each thing is named once, where its centre is, with its position; every other cell names the place and has no box.
    """
    cells = [[scene.place or NOTHING] for _ in range(side * side)]
    boxes: list[Box | None] = [None] * (side * side)
    for thing in scene.things:
        cell = cell_of(thing, scene, side)
        cells[cell] = [thing.name, POSITIONS[position(thing, scene)]]
        boxes[cell] = relative(thing, scene)
    return cells, boxes


def cell_of(thing: Thing, scene: Scene, cells: int = CELLS) -> int:
    """Which cell of a cells × cells grid, counted row by row, holds a thing's centre."""
    column, row = (min(int(v / side * cells), cells - 1) for v, side in zip(thing.centre, scene.size, strict=True))
    return row * cells + column
