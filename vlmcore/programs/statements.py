"""The syntax tree's statements: what does something."""

from __future__ import annotations

from dataclasses import dataclass

from vlmcore.programs.expressions import Expression, Name


@dataclass(frozen=True)
class Declare:
    name: Name
    value: Expression


@dataclass(frozen=True)
class Assign:
    name: Name
    value: Expression


@dataclass(frozen=True)
class Update:
    """name += value, or -=, *=."""

    name: Name
    operator: str
    value: Expression


@dataclass(frozen=True)
class Do:
    """An operation that changes what it is given: "add" to a list, "put" into a map, "set" in an array, "remove" at."""

    what: str
    values: tuple[Expression, ...]


@dataclass(frozen=True)
class If:
    test: Expression
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class ForRange:
    """for (int i = start; i < stop; i += step); with a step below 0, i > stop. ``inclusive``: <= and >=."""

    name: Name
    start: Expression
    stop: Expression
    step: int
    inclusive: bool
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class ForEach:
    name: Name
    source: Expression
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class While:
    test: Expression
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Leave:
    """break or continue."""

    how: str


@dataclass(frozen=True)
class Return:
    value: Expression


Statement = Declare | Assign | Update | Do | If | ForRange | ForEach | While | Leave | Return
