"""A program in JavaScript. Its numbers are no ints: what Java rounds or wraps must be rounded and wrapped here."""

from __future__ import annotations

from vlmcore.programs.braces import Braces, block
from vlmcore.programs.expressions import Binary, Call, Expression, Literal, Name, Not, Ternary
from vlmcore.programs.java_types import COUNTS
from vlmcore.programs.statements import Assign, Declare, Do, ForEach, Statement, Update
from vlmcore.programs.tree import Function, Program, wraps
from vlmcore.programs.writing import ATOM, EQUALITY, LEVELS, PRODUCT, TERNARY, UNARY, Text, camel, held

SIGNS = {"==": "===", "!=": "!=="}
METHODS = {
    "at": "[{1}]", "length": ".length", "slice": ".slice({1}, {2})", "upper": ".toUpperCase()",
    "lower": ".toLowerCase()", "index": ".indexOf({1})", "values": ".values()", "code": ".charCodeAt(0)",
}  # fmt: skip
CALLS = {
    "max": "Math.max({0}, {1})", "min": "Math.min({0}, {1})", "abs": "Math.abs({0})", "text": "String({0})",
    "char": "String.fromCharCode({0})", "reversed": '[...{0}].reverse().join("")', "is digit": "/[0-9]/.test({0})",
    "is letter": "/[A-Za-z]/.test({0})", "new list": "[]", "new map": "new Map()", "count": "({0}.get({1}) ?? 0)",
}  # fmt: skip
CHANGES = {"add": "push({0})", "put": "set({0}, {1})", "remove": "splice({0}, 1)", "sort": "sort((a, b) => a - b)"}


def write(program: Program) -> str:
    """The whole file."""
    return "\n\n".join("\n".join(function(each)) for each in program.functions) + "\n"


def function(made: Function) -> list[str]:
    """The lines of a function."""
    parameters = ", ".join(camel(name.words) for name in made.parameters)
    return [f"function {camel(made.words)}({parameters}) {{", *block(made.body, OWN), "}"]


def simple(made: Statement) -> str:
    match made:
        case Declare(name, value):
            return f"let {camel(name.words)} = {expression(value)[0]}"
        case Assign(name, value):
            written = f"({expression(value)[0]}) | 0" if wraps(made) else expression(value)[0]
            return f"{camel(name.words)} = {written}"
        case Update(name, operator, value):
            target = camel(name.words)
            if wraps(made):
                return f"{target} = ({target} * {held(expression(value), UNARY)}) | 0"
            return f"{target} {operator}= {expression(value)[0]}"
        case Do():
            return change(made)
    raise AssertionError(made)


def each(loop: ForEach) -> str:
    return f"const {camel(loop.name.words)} of {expression(loop.source)[0]}"


def change(made: Do) -> str:
    first, *others = (expression(value) for value in made.values)
    owner, arguments = held(first, ATOM), [text for text, _ in others]
    if made.what == "set":
        return f"{owner}[{arguments[0]}] = {arguments[1]}"
    return f"{owner}.{CHANGES[made.what].format(*arguments)}"


def expression(made: Expression) -> Text:
    """As written, and how tightly it binds."""
    match made:
        case Name(words):
            return camel(words), ATOM
        case Literal(value):
            if value is None or isinstance(value, bool):
                return {None: "null", True: "true", False: "false"}[value], ATOM
            if isinstance(value, str):
                return f'"{value}"', ATOM
            return str(value), UNARY if value < 0 else ATOM
        case Not(Call("is null", (value,))):
            return f"{held(expression(value), EQUALITY + 1)} !== null", EQUALITY
        case Not(Call("equals", (left, right))):
            return f"{held(expression(left), EQUALITY + 1)} !== {held(expression(right), EQUALITY + 1)}", EQUALITY
        case Not(value):
            return f"!{held(expression(value), UNARY)}", UNARY
        case Ternary(test, yes, no):
            parts = held(expression(test), TERNARY + 1), held(expression(yes), TERNARY + 1), expression(no)[0]
            return "{} ? {} : {}".format(*parts), TERNARY
        case Binary("/", left, right):
            return f"Math.trunc({held(expression(left), PRODUCT)} / {held(expression(right), UNARY)})", ATOM
        case Binary(operator, left, right):
            level = LEVELS[operator]
            written = f"{held(expression(left), level)} {SIGNS.get(operator, operator)} "
            return written + held(expression(right), level + 1), level
        case Call():
            return call(made)
    raise AssertionError(made)


def call(made: Call) -> Text:
    values = [expression(value) for value in made.values]
    texts = [text for text, _ in values]
    if isinstance(made.what, tuple):
        return f"{camel(made.what)}({', '.join(texts)})", ATOM
    match made.what:
        case "equals":
            return f"{held(values[0], EQUALITY + 1)} === {held(values[1], EQUALITY + 1)}", EQUALITY
        case "is null":
            return f"{held(values[0], EQUALITY + 1)} === null", EQUALITY
        case "contains":
            name = "has" if made.values[0].type == COUNTS else "includes"
            return f"{held(values[0], ATOM)}.{name}({texts[1]})", ATOM
    if made.what in METHODS:
        return held(values[0], ATOM) + METHODS[made.what].format(*texts), ATOM
    return CALLS[made.what].format(*texts), ATOM


OWN = Braces(expression, simple, each, "let")
