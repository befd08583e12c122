"""Statements as Java, JavaScript and C++ have them in common: braces, semicolons, three-part loops."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vlmcore.programs.expressions import Expression, Literal
from vlmcore.programs.java_types import INT
from vlmcore.programs.statements import ForEach, ForRange, If, Leave, Return, Statement, Update, While
from vlmcore.programs.writing import SUM, Text, camel, held, indented


@dataclass(frozen=True)
class Braces:
    """What each of the three says in its own way."""

    expression: Callable[[Expression], Text]
    simple: Callable[[Statement], str]  # a declaration, an assignment, a change
    each: Callable[[ForEach], str]  # what stands between the parentheses of a loop over all elements
    counter: str  # what a loop's counter is declared as


def block(body: Iterable[Statement], own: Braces) -> list[str]:
    """The lines between braces."""
    return indented(line for each in body for line in statement(each, own))


def statement(made: Statement, own: Braces) -> list[str]:
    """The lines of a statement."""
    match made:
        case Update(name, "+" | "-" as operator, Literal(1)) if name.type == INT:  # a text would take on "1"
            return [f"{camel(name.words)}{operator * 2};"]
        case If(test, then, otherwise):
            lines = [f"if ({own.expression(test)[0]}) {{", *block(then, own)]
            if len(otherwise) == 1 and isinstance(otherwise[0], If):
                first, *others = statement(otherwise[0], own)
                return [*lines, f"}} else {first}", *others]
            return [*lines, "} else {", *block(otherwise, own), "}"] if otherwise else [*lines, "}"]
        case ForRange(body=body):
            return [f"for ({three_parts(made, own)}) {{", *block(body, own), "}"]
        case ForEach(body=body):
            return [f"for ({own.each(made)}) {{", *block(body, own), "}"]
        case While(test, body):
            return [f"while ({own.expression(test)[0]}) {{", *block(body, own), "}"]
        case Leave(how):
            return [f"{how};"]
        case Return(value):
            return [f"return {own.expression(value)[0]};"]
    return [f"{own.simple(made)};"]


def three_parts(loop: ForRange, own: Braces) -> str:
    """int i = 0; i < n; i++"""
    name, sign = camel(loop.name.words), "+" if loop.step > 0 else "-"
    symbol = ("<" if loop.step > 0 else ">") + ("=" if loop.inclusive else "")
    again = f"{name}{sign * 2}" if abs(loop.step) == 1 else f"{name} {sign}= {abs(loop.step)}"
    stop = held(own.expression(loop.stop), SUM)
    return f"{own.counter} {name} = {own.expression(loop.start)[0]}; {name} {symbol} {stop}; {again}"
