"""Word maps as ids: what scenes/word_map.py writes, in the tokens of one tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from vlmcore.errors import VlmError
from vlmcore.scenes.grounding import PRECISION, Box, box_text, scale_index
from vlmcore.text.chat import Chat


def cell_ids(chat: Chat, cells: list[list[str]]) -> list[list[int]]:
    """A word map's words as ids; a word of several tokens counts as several words."""
    return [[token for word in cell for token in chat.encode(word)] for cell in cells]


def corner_ids(chat: Chat, boxes: Sequence[Box | None]) -> list[list[int]]:
    """A word map's boxes as ids, four a cell: those that an answer would give. −1 = none."""
    scales = coordinate_ids(chat)
    return [
        [-1] * 4 if box is None else [scale[scale_index(x)] for scale, x in zip(scales, box, strict=True)]
        for box in boxes
    ]


@lru_cache(maxsize=8)
def coordinate_ids(chat: Chat) -> list[list[int]]:
    """The ids of all coordinates, "000" to "960", for x0, y0, x1 and y1. Errors: VlmError where one has no id."""
    boxes = [chat.encode(box_text([(n * PRECISION / 1000,) * 4])) for n in range(1000 // PRECISION)]
    if split := [chat.decode(ids) for ids in boxes if len(ids) != 4]:
        raise VlmError(f"the tokenizer has no words for the corners of {split[0]}: train it with a larger vocabulary")
    return [list(scale) for scale in zip(*boxes, strict=True)]
