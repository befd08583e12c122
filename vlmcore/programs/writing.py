"""What the languages' writers share: names in both fashions, indented blocks, and which operator binds how tightly."""

from __future__ import annotations

from collections.abc import Iterable

from vlmcore.programs.expressions import Words

INDENT = "    "
TERNARY, OR, AND, NOT, EQUALITY, ORDER, SUM, PRODUCT, UNARY, ATOM = range(10)  # from the loosest to the tightest
LEVELS = {"||": OR, "&&": AND, "==": EQUALITY, "!=": EQUALITY, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT}
LEVELS |= {"%": PRODUCT} | dict.fromkeys(("<", "<=", ">", ">="), ORDER)

Text = tuple[str, int]  # an expression as written, and how tightly its outermost operator binds


def camel(words: Words) -> str:
    """("running", "sum") → runningSum"""
    return words[0] + "".join(word.capitalize() for word in words[1:])


def snake(words: Words) -> str:
    """("running", "sum") → running_sum"""
    return "_".join(words)


def held(text: Text, level: int) -> str:
    """In parentheses, where what stands around it binds more tightly than it does."""
    written, own = text
    return f"({written})" if own < level else written


def indented(lines: Iterable[str]) -> list[str]:
    return [f"{INDENT}{line}" if line else line for line in lines]
