"""Reads questions and answers back, independently of what wrote them."""

from __future__ import annotations

import re
import string
from itertools import chain

from vlmcore.scenes.grounding import PRECISION
from vlmcore.scenes.scene import SLOTS, Scene
from vlmcore.scenes.wording import NUMBERS

LAST = 1 - PRECISION / 1000  # the largest coordinate that three digits can tell


def plain(text: str) -> str:
    """Without capitals and punctuation, by which two wordings should not differ alone."""
    return " ".join("".join(c for c in text.lower() if c not in string.punctuation or c in "{}").split())


def boxes_of(text: str) -> list[list[float]]:
    """The boxes of a text that is nothing but boxes, exactly as CogVLM writes them."""
    assert re.fullmatch(r"\[\[\d{3,4}(,\d{3,4}){3}(;\d{3,4}(,\d{3,4}){3})*\]\]", text), text
    return [[int(value) / 1000 for value in box.split(",")] for box in text[2:-2].split(";")]


def close(found: list[list[float]], exact: list[tuple[float, ...]]) -> bool:
    """Are boxes the exact ones, but for the rounding of their coordinates?"""
    values = list(zip(chain(*found), chain(*exact), strict=True))
    return len(found) == len(exact) and all(abs(x - min(y, LAST)) <= PRECISION / 2000 + 1e-9 for x, y in values)


def thought(scene: Scene, counted: str, slots: tuple[int, ...] = tuple(range(9))) -> str:
    """What is thought before an answer: every place, what is there, and the how-manyth it is of what is counted."""
    at = {thing.slot: thing.name for thing in scene.things}
    parts = []
    for n, slot in enumerate(slots):
        parts.append(f"{SLOTS[slot]} {at.get(slot, 'no')}")
        if at.get(slot) == counted:
            parts.append(NUMBERS[sum(at.get(earlier) == counted for earlier in slots[: n + 1])])
    return " ".join(parts)
