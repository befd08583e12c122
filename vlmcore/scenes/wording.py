"""How things are said: articles, lists, numbers, places."""

from __future__ import annotations

NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PAIRS = ("skis", "scissors", "jeans")  # come as a pair, and take "are"
PLURALS = {"person": "people", "mouse": "mice", "knife": "knives", "sheep": "sheep"}
PLURALS |= {name: f"pairs of {name}" for name in PAIRS}


def a(name: str) -> str:
    """dog → a dog, apple → an apple, skis → a pair of skis."""
    if name in PAIRS:
        return f"a pair of {name}"
    return f"{'an' if name[0] in 'aeiou' and not name.startswith('uni') else 'a'} {name}"


def the(name: str) -> str:
    """dog → the dog is, skis → the skis are"""
    return f"the {name} {'are' if name in PAIRS else 'is'}"


def join(parts: list[str]) -> str:
    """[a, b, c] → "a, b and c"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
