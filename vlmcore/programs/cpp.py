"""A program in C++. Its int is Java's, but for one thing: to leave its 32 bits is undefined, so it is unsigned there.

Java's null has no counterpart among C++'s values, and text in upper or lower case none in its library: ``Unwritable``.
"""

from __future__ import annotations

from vlmcore.programs.braces import Braces, block
from vlmcore.programs.expressions import Binary, Call, Expression, Literal, Name, Not, Ternary
from vlmcore.programs.java_types import ARRAY, BOOLEAN, CHAR, COUNTS, INT, NUMBERS, STRING, WORDS
from vlmcore.programs.statements import Assign, Declare, Do, ForEach, Statement, Update
from vlmcore.programs.tree import Function, Program, wraps
from vlmcore.programs.writing import ATOM, EQUALITY, LEVELS, TERNARY, UNARY, Text, camel, held

TYPES = {
    INT: "int", BOOLEAN: "bool", CHAR: "char", STRING: "string", ARRAY: "vector<int>", NUMBERS: "vector<int>",
    WORDS: "vector<string>", COUNTS: "map<char, int>",
}  # fmt: skip
CALLS = {
    "max": "max({0}, {1})", "min": "min({0}, {1})", "abs": "abs({0})", "text": "to_string({0})",
    "is digit": "(isdigit({0}) != 0)", "is letter": "(isalpha({0}) != 0)", "new list": "{{}}", "new map": "{{}}",
    "reversed": "string({0}.rbegin(), {0}.rend())", "count": "({0}.count({1}) ? {0}.at({1}) : 0)",
}  # fmt: skip
CHANGES = {
    "add": "{0}.push_back({1})", "put": "{0}[{1}] = {2}", "set": "{0}[{1}] = {2}",
    "remove": "{0}.erase({0}.begin() + {1})", "sort": "sort({0}.begin(), {0}.end())",
}  # fmt: skip
HEAD = "#include <algorithm>\n#include <map>\n#include <string>\n#include <vector>\n\nusing namespace std;\n\n"


class Unwritable(ValueError):
    """C++ has no plain word for it."""


def write(program: Program) -> str:
    """The whole file. Errors: Unwritable."""
    return HEAD + "\n\n".join("\n".join(function(each)) for each in program.functions) + "\n"


def function(made: Function) -> list[str]:
    """The lines of a function."""
    parameters = ", ".join(f"{TYPES[name.type]} {camel(name.words)}" for name in made.parameters)
    return [f"{TYPES[made.returns]} {camel(made.words)}({parameters}) {{", *block(made.body, OWN), "}"]


def simple(made: Statement) -> str:
    match made:
        case Declare(name, value):
            return f"{TYPES[name.type]} {camel(name.words)} = {expression(value)[0]}"
        case Assign(name, value):
            return f"{camel(name.words)} = {unsigned(value) if wraps(made) else expression(value)[0]}"
        case Update(name, operator, value):
            target, written = camel(name.words), expression(value)
            if wraps(made):
                return f"{target} = (int) ((unsigned) {target} * {held(written, UNARY)})"
            return f"{target} {operator}= {as_string(value, written)[0] if name.type == STRING else written[0]}"
        case Do(what, values):
            return CHANGES[what].format(*(expression(value)[0] for value in values))
    raise AssertionError(made)


def each(loop: ForEach) -> str:
    if isinstance(loop.source, Call):  # a map's values
        return f"auto const& [_, {camel(loop.name.words)}] : {expression(loop.source.values[0])[0]}"
    return f"{TYPES[loop.name.type]} {camel(loop.name.words)} : {expression(loop.source)[0]}"


def unsigned(value: Expression) -> str:
    """A number as 32 bits hold it: its first factor counts without a sign, and so all the rest."""
    first, written = value, expression(value)[0]
    while isinstance(first, Binary):
        first = first.left
    return f"(int) ((unsigned) {written})" if written.startswith(expression(first)[0]) else f"(int) ({written})"


def expression(made: Expression) -> Text:
    """As written, and how tightly it binds."""
    match made:
        case Name(words):
            return camel(words), ATOM
        case Literal(value, kind):
            if value is None:
                raise Unwritable("null")
            if isinstance(value, bool):
                return str(value).lower(), ATOM
            if isinstance(value, str):
                return f'"{value}"' if kind == STRING else f"'{value}'", ATOM
            return str(value), UNARY if value < 0 else ATOM
        case Not(value):
            return f"!{held(expression(value), UNARY)}", UNARY
        case Ternary(test, yes, no):
            parts = held(expression(test), TERNARY + 1), held(expression(yes), TERNARY + 1), expression(no)[0]
            return "{} ? {} : {}".format(*parts), TERNARY
        case Binary(operator, left, right):
            level = LEVELS[operator]
            sides = [part if made.type != STRING else as_string(side, part)
                     for side, part in ((left, expression(left)), (right, expression(right)))]  # fmt: skip
            return f"{held(sides[0], level)} {operator} {held(sides[1], level + 1)}", level
        case Call():
            return call(made)
    raise AssertionError(made)


def as_string(value: Expression, written: Text) -> Text:
    """What is joined must be a string: a literal in C++ is none."""
    if value.type == INT:
        return f"to_string({written[0]})", ATOM
    return (f"string({written[0]})", ATOM) if isinstance(value, Literal) and value.type == STRING else written


def call(made: Call) -> Text:
    values = [expression(value) for value in made.values]
    texts = [text for text, _ in values]
    if isinstance(made.what, tuple):
        return f"{camel(made.what)}({', '.join(texts)})", ATOM
    match made.what:
        case "is null" | "upper" | "lower":
            raise Unwritable(made.what)
        case "equals":
            return f"{held(values[0], EQUALITY + 1)} == {held(values[1], EQUALITY + 1)}", EQUALITY
        case "code":
            return f"(int) {held(values[0], UNARY)}", UNARY
        case "char":
            return f"(char) {held(values[0], UNARY)}", UNARY
        case "length":
            return f"(int) {held(values[0], ATOM)}.size()", UNARY
        case "at":
            return f"{held(values[0], ATOM)}[{texts[1]}]", ATOM
        case "slice":
            return f"{held(values[0], ATOM)}.substr({texts[1]}, {texts[2]} - {held(values[1], UNARY)})", ATOM
        case "index":
            return f"(int) {held(values[0], ATOM)}.find({texts[1]})", UNARY
        case "contains" if made.values[0].type == COUNTS:
            return f"({texts[0]}.count({texts[1]}) > 0)", ATOM
        case "contains" if made.values[0].type == STRING:
            return f"({held(values[0], ATOM)}.find({texts[1]}) != string::npos)", ATOM
        case "contains":
            return f"(count({texts[0]}.begin(), {texts[0]}.end(), {texts[1]}) > 0)", ATOM
    return CALLS[made.what].format(*texts), ATOM


OWN = Braces(expression, simple, each, "int")
