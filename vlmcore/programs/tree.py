"""A program as a syntax tree, typed as Java types it. Each language writes the same tree in its own way.

An int is Java's: 32 bits, ``/`` and ``%`` go towards zero, and it wraps around. The generator keeps numbers small, but
for assignments that multiply what they assign (``wraps``): only those may overflow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from vlmcore.programs.expressions import Binary, Call, Expression, Literal, Name, Ternary, Words
from vlmcore.programs.java_types import CHAR, INT
from vlmcore.programs.statements import Assign, Do, ForRange, Leave, Statement, Update


@dataclass(frozen=True)
class Function:
    words: Words
    parameters: tuple[Name, ...]
    returns: str
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Program:
    """Functions, the last of which is called from outside."""

    functions: tuple[Function, ...]

    @property
    def main(self) -> Function:
        return self.functions[-1]


# -- what can be told of a tree ----------------------------------------------------------------------------------------

Node = Expression | Statement | Function | Program


def nodes(node: Node) -> Iterator[Node]:
    """The node and all below it, from left to right."""
    yield node
    for field in fields(node):
        value = getattr(node, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if hasattr(part, "__dataclass_fields__"):
                yield from nodes(part)


def natural(value: Expression) -> bool:
    """Can it never be negative? False where that is not plain to see."""
    match value:
        case Name():
            return value.natural or value.type == CHAR
        case Literal():
            return value.type == CHAR or (value.type == INT and value.value >= 0)
        case Binary(operator="+" | "*" | "/" | "%"):
            return natural(value.left) and natural(value.right)
        case Ternary():
            return natural(value.yes) and natural(value.no)
        case Call():
            return value.what in ("length", "count", "abs") or value.type == CHAR
    return False


def wraps(statement: Statement) -> bool:
    """Does it multiply what it assigns? Then its number may leave the 32 bits of Java's int."""
    match statement:
        case Update(operator="*"):
            return True
        case Assign():
            products = (n for n in nodes(statement.value) if isinstance(n, Binary) and n.operator == "*")
            return any(statement.name.words == n.left.words for n in products if isinstance(n.left, Name))
    return False


def shape(node: Node) -> str:
    """The tree without names and values: what is alike but for those has one shape."""
    match node:
        case Name() | Literal():
            return node.type
        case Call() | Do():
            head = node.what if isinstance(node.what, str) else "own"
        case Binary() | Update():
            head = f"{type(node).__name__}{node.operator}"
        case Leave():
            head = node.how
        case ForRange():
            head = f"ForRange{node.step:+d}{'=' if node.inclusive else ''}"
        case _:
            head = type(node).__name__
    parts = []
    for field in fields(node):
        value = getattr(node, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if hasattr(part, "__dataclass_fields__"):
                parts.append(shape(part))
        if isinstance(value, tuple) and field.name in ("then", "body", "otherwise"):
            parts.append(";")
    return f"{head}({','.join(parts)})"
