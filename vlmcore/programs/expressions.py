"""The syntax tree's expressions: what has a value, and a type.

What a language does with a value is a ``Call`` of one plain word ("length", "at", "equals"): Java asks an array, a
text and a list for their length in three ways, Python in one. Names are words (("running", "sum")), which Java writes
runningSum and Python running_sum.
"""

from __future__ import annotations

from dataclasses import dataclass

from vlmcore.programs.java_types import BOOLEAN

Words = tuple[str, ...]


@dataclass(frozen=True)
class Name:
    """``natural``: it can never be negative (an index, a count), so that all languages divide it alike."""

    words: Words
    type: str
    natural: bool = False


@dataclass(frozen=True)
class Literal:
    value: int | bool | str | None  # None is Java's null
    type: str


@dataclass(frozen=True)
class Binary:
    """+ - * / %, < <= > >= == !=, && ||. With a String on its left, + joins."""

    operator: str
    left: Expression
    right: Expression
    type: str


@dataclass(frozen=True)
class Not:
    value: Expression
    type: str = BOOLEAN


@dataclass(frozen=True)
class Ternary:
    test: Expression
    yes: Expression
    no: Expression

    @property
    def type(self) -> str:
        return self.yes.type


@dataclass(frozen=True)
class Call:
    """One of the operations that every language has, by a plain word; or a function of the program, by its name."""

    what: str | Words
    values: tuple[Expression, ...]
    type: str


Expression = Name | Literal | Binary | Not | Ternary | Call
