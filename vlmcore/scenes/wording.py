"""How things are said: articles, lists, numbers, places."""

from __future__ import annotations

NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
IN_SLOT = (
    "in the top-left", "at the top", "in the top-right",
    "on the left", "in the middle", "on the right",
    "in the bottom-left", "at the bottom", "in the bottom-right",
)  # fmt: skip
SIDES = (0, 3, 6, 2, 5, 8)  # a sum's slots lie left of the plus sign (the first three), then right of it
PLURALS = {"person": "people", "mouse": "mice", "knife": "knives"} | {n: n for n in ("sheep", "skis", "scissors")}


def a(name: str) -> str:
    """dog → a dog, apple → an apple."""
    return f"{'an' if name[0] in 'aeiou' and not name.startswith('uni') else 'a'} {name}"


def join(parts: list[str]) -> str:
    """[a, b, c] → "a, b and c"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
