"""A program in Python: what it means in Java, said as Python says it.

Where copying word by word would be wrong:

    Java                              Python
    a / b, a % b of any sign          int(a / b), int(math.fmod(a, b))     Python's own round down
    a % b == 0                        a % b == 0                           which does not matter here
    h = h * 31 + c; (wraps around)    h = (h * 31 + ord(c) + 2**31) % 2**32 - 2**31
    a.equals(b), s == null            a == b, s is None
    c - 'a', (char) (c + 1)           ord(c) - ord("a"), chr(ord(c) + 1)
    s + n                             s + str(n)
    for (…; i <= n; i += 2)           range(…, n + 1, 2)
    the same, with a list that the    i = 0; while i < len(xs): …
    body shortens, or an i it moves   range would not notice
    test ? a : b                      a if test else b
"""

from __future__ import annotations

from vlmcore.programs.expressions import Binary, Call, Expression, Literal, Name, Not, Ternary
from vlmcore.programs.java_types import INT, STRING
from vlmcore.programs.statements import (
    Assign,
    Declare,
    Do,
    ForEach,
    ForRange,
    If,
    Leave,
    Return,
    Statement,
    Update,
    While,
)
from vlmcore.programs.tree import Function, Program, natural, nodes, wraps
from vlmcore.programs.writing import (
    ATOM,
    EQUALITY,
    LEVELS,
    NOT,
    ORDER,
    PRODUCT,
    SUM,
    TERNARY,
    UNARY,
    Text,
    held,
    indented,
    snake,
)

WORDS = {"&&": "and", "||": "or"}
CALLS = {
    "length": "len({0})", "max": "max({0}, {1})", "min": "min({0}, {1})", "abs": "abs({0})", "code": "ord({0})",
    "char": "chr({0})", "text": "str({0})", "new list": "[]", "new map": "{{}}",
}  # fmt: skip
METHODS = {
    "at": "[{1}]", "slice": "[{1}:{2}]", "count": ".get({1}, 0)", "reversed": "[::-1]", "upper": ".upper()",
    "lower": ".lower()", "is digit": ".isdigit()", "is letter": ".isalpha()", "index": ".find({1})",
    "values": ".values()",
}  # fmt: skip
COMPARED = {"equals": ("==", "!="), "is null": ("is", "is not"), "contains": ("in", "not in")}


def write(program: Program) -> str:
    """The whole file."""
    functions = "\n\n\n".join("\n".join(function(each)) for each in program.functions)
    return f"import math\n\n\n{functions}\n" if "math." in functions else f"{functions}\n"


def function(made: Function) -> list[str]:
    """The lines of a definition."""
    return [f"{head(made)}:", *block(made.body)]


def head(made: Function) -> str:
    return f"def {snake(made.words)}({', '.join(snake(name.words) for name in made.parameters)})"


def block(body: tuple[Statement, ...]) -> list[str]:
    return indented(line for each in body for line in statement(each))


def statement(made: Statement) -> list[str]:
    """The lines of a statement."""
    match made:
        case Declare(name, value) | Assign(name, value):
            written = around(held(expression(value), SUM)) if wraps(made) else expression(value)[0]
            return [f"{snake(name.words)} = {written}"]
        case Update(name, operator, value):
            target = snake(name.words)
            if wraps(made):
                return [f"{target} = {around(f'{target} * {held(expression(value), UNARY)}')}"]
            joined = name.type == STRING and value.type == INT
            return [f"{target} {operator}= {f'str({expression(value)[0]})' if joined else expression(value)[0]}"]
        case Do():
            return [change(made)]
        case If(test, then, otherwise):
            lines = [f"if {expression(test)[0]}:", *block(then)]
            if len(otherwise) == 1 and isinstance(otherwise[0], If):
                first, *others = statement(otherwise[0])
                return [*lines, f"el{first}", *others]
            return [*lines, "else:", *block(otherwise)] if otherwise else lines
        case ForRange():
            return counting(made)
        case ForEach(name, source, body):
            return [f"for {snake(name.words)} in {expression(source)[0]}:", *block(body)]
        case While(test, body):
            return [f"while {expression(test)[0]}:", *block(body)]
        case Leave(how):
            return [how]
        case Return(value):
            return [f"return {expression(value)[0]}"]
    raise AssertionError(made)


def around(product: str) -> str:
    """A number as 32 bits hold it."""
    return f"({product} + 2**31) % 2**32 - 2**31"


def change(made: Do) -> str:
    first, *others = (expression(value) for value in made.values)
    owner, arguments = held(first, ATOM), [text for text, _ in others]
    match made.what:
        case "add":
            return f"{owner}.append({arguments[0]})"
        case "put" | "set":
            return f"{owner}[{arguments[0]}] = {arguments[1]}"
        case "remove":
            return f"{owner}.pop({arguments[0]})"
        case "sort":
            return f"{owner}.sort()"
    raise AssertionError(made.what)


def counting(loop: ForRange) -> list[str]:
    """A loop over a range; over indices by hand where the body changes what the loop asks again each time."""
    name, start = snake(loop.name.words), expression(loop.start)[0]
    if moves(loop):
        sign = "+=" if loop.step > 0 else "-="
        symbol = ("<" if loop.step > 0 else ">") + ("=" if loop.inclusive else "")
        test = f"{name} {symbol} {held(expression(loop.stop), SUM)}"
        again = indented([f"{name} {sign} {abs(loop.step)}"])
        return [f"{name} = {start}", f"while {test}:", *block(loop.body), *again]
    stop = loop.stop
    if loop.inclusive:
        beyond = 1 if loop.step > 0 else -1
        if isinstance(stop, Literal):
            stop = Literal(stop.value + beyond, INT)
        else:
            stop = Binary("+" if beyond > 0 else "-", stop, Literal(1, INT), INT)
    last = expression(stop)[0]
    if loop.step != 1:
        return [f"for {name} in range({start}, {last}, {loop.step}):", *block(loop.body)]
    return [f"for {name} in range({last if start == '0' else f'{start}, {last}'}):", *block(loop.body)]


def moves(loop: ForRange) -> bool:
    """Does the body change the counter, or something that the loop's end is told by?"""
    watched = {loop.name.words} | {node.words for node in nodes(loop.stop) if isinstance(node, Name)}
    for node in (node for each in loop.body for node in nodes(each)):
        if isinstance(node, Assign | Update) and node.name.words in watched:
            return True
        if isinstance(node, Do) and node.what in ("add", "remove") and node.values[0].words in watched:
            return True
    return False


def expression(made: Expression) -> Text:
    """As written, and how tightly it binds."""
    match made:
        case Name(words):
            return snake(words), ATOM
        case Literal(value):
            if isinstance(value, str):
                return f'"{value}"', ATOM
            return str(value), UNARY if isinstance(value, int) and value < 0 else ATOM
        case Not(value):
            if isinstance(value, Call) and value.what in COMPARED:
                return compared(value, 1)
            return f"not {held(expression(value), NOT)}", NOT
        case Ternary(test, yes, no):
            parts = held(expression(yes), TERNARY + 1), held(expression(test), TERNARY + 1), expression(no)[0]
            return "{} if {} else {}".format(*parts), TERNARY
        case Binary():
            return binary(made)
        case Call():
            return call(made)
    raise AssertionError(made)


def binary(made: Binary) -> Text:
    operator, level = made.operator, LEVELS[made.operator]
    left, right = expression(made.left), expression(made.right)
    if operator in ("==", "!=") and made.right == Literal(0, INT) and is_remainder(made.left):
        # Whether nothing is left over does not depend on which way one rounds.
        rest = made.left
        left = f"{held(expression(rest.left), PRODUCT)} % {held(expression(rest.right), UNARY)}", PRODUCT
    if operator in "/%" and not (natural(made.left) and natural(made.right)):
        if operator == "%":
            return f"int(math.fmod({left[0]}, {right[0]}))", ATOM
        return f"int({held(left, PRODUCT)} / {held(right, UNARY)})", ATOM
    if operator == "/":
        operator = "//"
    if made.type == STRING and made.right.type == INT:
        right = f"str({right[0]})", ATOM
    if made.type == STRING and made.left.type == INT:
        left = f"str({left[0]})", ATOM
    first, second = (SUM, SUM) if level in (EQUALITY, ORDER) else (level, level + 1)  # a < b == c would be a chain
    return f"{held(left, first)} {WORDS.get(operator, operator)} {held(right, second)}", level


def is_remainder(value: Expression) -> bool:
    return isinstance(value, Binary) and value.operator == "%"


def compared(made: Call, negated: int) -> Text:
    left = expression(made.values[0])
    right = ("None", ATOM) if made.what == "is null" else expression(made.values[1])
    if made.what == "contains":  # Python asks the other way round: is it in them?
        left, right = right, left
    return f"{held(left, SUM)} {COMPARED[made.what][negated]} {held(right, SUM)}", EQUALITY


def call(made: Call) -> Text:
    values = [expression(value) for value in made.values]
    texts = [text for text, _ in values]
    if isinstance(made.what, tuple):
        return f"{snake(made.what)}({', '.join(texts)})", ATOM
    if made.what in COMPARED:
        return compared(made, 0)
    if made.what in METHODS:
        return held(values[0], ATOM) + METHODS[made.what].format(*texts), ATOM
    return CALLS[made.what].format(*texts), ATOM
