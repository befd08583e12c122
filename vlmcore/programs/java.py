"""A program in Java: a class ``Main`` of static methods."""

from __future__ import annotations

from vlmcore.programs.braces import Braces, block
from vlmcore.programs.expressions import Binary, Call, Expression, Literal, Name, Not, Ternary
from vlmcore.programs.java_types import ARRAY, COUNTS, INT, NUMBERS, STRING, WORDS
from vlmcore.programs.statements import Assign, Declare, Do, ForEach, Statement, Update
from vlmcore.programs.tree import Function, Program
from vlmcore.programs.writing import ATOM, EQUALITY, LEVELS, TERNARY, UNARY, Text, camel, held, indented

MADE = {NUMBERS: "new ArrayList<>()", WORDS: "new ArrayList<>()", COUNTS: "new HashMap<>()"}
LENGTH = {ARRAY: ".length", STRING: ".length()", NUMBERS: ".size()", WORDS: ".size()"}
AT = {ARRAY: "[{1}]", STRING: ".charAt({1})", NUMBERS: ".get({1})", WORDS: ".get({1})"}
METHODS = {
    "slice": ".substring({1}, {2})", "equals": ".equals({1})", "count": ".getOrDefault({1}, 0)",
    "upper": ".toUpperCase()", "lower": ".toLowerCase()", "index": ".indexOf({1})", "values": ".values()",
}  # fmt: skip
CALLS = {
    "max": "Math.max({0}, {1})", "min": "Math.min({0}, {1})", "abs": "Math.abs({0})", "text": "String.valueOf({0})",
    "reversed": "new StringBuilder({0}).reverse().toString()", "is digit": "Character.isDigit({0})",
    "is letter": "Character.isLetter({0})",
}  # fmt: skip


def write(program: Program) -> str:
    """The whole file."""
    methods = "\n\n".join("\n".join(indented(method(each))) for each in program.functions)
    imports = "import java.util.*;\n\n" if any(word in methods for word in ("List<", "Map<", "Arrays")) else ""
    return f"{imports}class Main {{\n{methods}\n}}\n"


def method(made: Function) -> list[str]:
    """The lines of a static method."""
    parameters = ", ".join(f"{name.type} {camel(name.words)}" for name in made.parameters)
    return [f"static {made.returns} {camel(made.words)}({parameters}) {{", *block(made.body, OWN), "}"]


def simple(made: Statement) -> str:
    match made:
        case Declare(name, value):
            return f"{name.type} {camel(name.words)} = {expression(value)[0]}"
        case Assign(name, value):
            return f"{camel(name.words)} = {expression(value)[0]}"
        case Update(name, operator, value):
            return f"{camel(name.words)} {operator}= {expression(value)[0]}"
        case Do():
            return change(made)
    raise AssertionError(made)


def each(loop: ForEach) -> str:
    source = held(expression(loop.source), ATOM) + (".toCharArray()" if loop.source.type == STRING else "")
    return f"{loop.name.type} {camel(loop.name.words)} : {source}"


def change(made: Do) -> str:
    first, *others = (expression(value) for value in made.values)
    owner, arguments = held(first, ATOM), [text for text, _ in others]
    if made.what == "set" and made.values[0].type == ARRAY:
        return f"{owner}[{arguments[0]}] = {arguments[1]}"
    if made.what == "sort":
        return f"Arrays.sort({owner})" if made.values[0].type == ARRAY else f"Collections.sort({owner})"
    return f"{owner}.{made.what}({', '.join(arguments)})"


def expression(made: Expression) -> Text:
    """As written, and how tightly it binds."""
    match made:
        case Name(words):
            return camel(words), ATOM
        case Literal(value, kind):
            if value is None or isinstance(value, bool):
                return {None: "null", True: "true", False: "false"}[value], ATOM
            if isinstance(value, str):
                return f'"{value}"' if kind == STRING else f"'{value}'", ATOM
            return str(value), UNARY if value < 0 else ATOM
        case Not(Call("is null", (value,))):
            return f"{held(expression(value), EQUALITY + 1)} != null", EQUALITY
        case Not(value):
            return f"!{held(expression(value), UNARY)}", UNARY
        case Ternary(test, yes, no):
            parts = held(expression(test), TERNARY + 1), held(expression(yes), TERNARY + 1), expression(no)[0]
            return "{} ? {} : {}".format(*parts), TERNARY
        case Binary(operator, left, right):
            if operator in ("==", "!=") and boxed(left) and boxed(right):  # == would ask for the same object
                asked = f"{held(expression(left), ATOM)}.equals({expression(right)[0]})"
                return (asked, ATOM) if operator == "==" else (f"!{asked}", UNARY)
            level = LEVELS[operator]
            left, right = (side.values[0] if is_code(side) else side for side in (left, right))
            return f"{held(expression(left), level)} {operator} {held(expression(right), level + 1)}", level
        case Call():
            return call(made)
    raise AssertionError(made)


def is_code(value: Expression) -> bool:
    """A char's number: in a sum a char is a number already."""
    return isinstance(value, Call) and value.what == "code"


def boxed(value: Expression) -> bool:
    """Is it an Integer, an object, rather than an int?"""
    return isinstance(value, Call) and value.type == INT and (
        value.what == "count" or (value.what == "at" and value.values[0].type == NUMBERS)
    )  # fmt: skip


def call(made: Call) -> Text:
    values = [expression(value) for value in made.values]
    texts = [text for text, _ in values]
    if isinstance(made.what, tuple):
        return f"{camel(made.what)}({', '.join(texts)})", ATOM
    match made.what:
        case "code":
            return f"(int) {held(values[0], UNARY)}", UNARY
        case "char":
            return f"(char) {held(values[0], UNARY)}", UNARY
        case "is null":
            return f"{held(values[0], EQUALITY + 1)} == null", EQUALITY
        case "new list" | "new map":
            return MADE[made.type], ATOM
        case "contains":
            name = "containsKey" if made.values[0].type == COUNTS else "contains"
            return f"{held(values[0], ATOM)}.{name}({texts[1]})", ATOM
        case "length":
            return held(values[0], ATOM) + LENGTH[made.values[0].type], ATOM
        case "at":
            return held(values[0], ATOM) + AT[made.values[0].type].format(*texts), ATOM
    if made.what in METHODS:
        return held(values[0], ATOM) + METHODS[made.what].format(*texts), ATOM
    return CALLS[made.what].format(*texts), ATOM


OWN = Braces(expression, simple, each, "int")
