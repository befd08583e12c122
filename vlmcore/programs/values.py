"""Random expressions of a type, over the names of a scope. Their numbers stay small: no int may overflow here."""

from __future__ import annotations

from random import Random

from vlmcore.programs.expressions import Binary, Call, Expression, Literal, Name, Not, Ternary
from vlmcore.programs.java_types import ARRAY, BOOLEAN, CHAR, COUNTS, INT, NUMBERS, STRING, WORDS
from vlmcore.programs.scope import Scope

ORDER = ("<", "<=", ">", ">=")
LETTERS = "aeioubcdstxyz"


def whole(value: int) -> Literal:
    return Literal(value, INT)


def letter(random: Random) -> Literal:
    return Literal(random.choice(LETTERS), CHAR)


def code(value: Expression) -> Call:
    """A char as a number."""
    return Call("code", (value,), INT)


def length(value: Expression) -> Call:
    return Call("length", (value,), INT)


def at(owner: Expression, index: Expression) -> Call:
    kind = {ARRAY: INT, NUMBERS: INT, WORDS: STRING, STRING: CHAR}[owner.type]
    return Call("at", (owner, index), kind)


def less_one(value: Expression) -> Binary:
    return Binary("-", value, whole(1), INT)


def unlike(value: Expression, other: Expression) -> Expression:
    """The value, or 3 where it is the same as the other: nobody writes x - x."""
    return whole(3) if value == other else value


def number(scope: Scope, depth: int) -> Expression:
    """An int."""
    random, names = scope.random, scope.of(INT)
    if depth <= 0 or random.random() < 0.2:
        return scope.pick(INT) if names and random.random() < 0.8 else whole(random.randint(0, 20))
    choices = ["sum", "sum", "difference", "product", "quotient", "remainder", "extreme", "distance", "ternary"]
    choices += ["length"] * min(1, len(scope.of(STRING, ARRAY, NUMBERS, WORDS)))
    choices += ["code", "code", "add code"] * min(1, len(scope.of(CHAR)))
    choices += ["lookup"] * (2 if scope.of(COUNTS) and scope.of(CHAR) else 0)
    first = number(scope, depth - 1)
    if isinstance(first, Literal) and names:  # nobody adds up what is known
        first = scope.pick(INT)
    other = unlike(number(scope, depth - 2), first)
    match random.choice(choices):
        case "sum":
            return Binary("+", first, other, INT)
        case "difference":
            return Binary("-", first, other, INT)
        case "product":
            return Binary("*", first, whole(random.randint(2, 9)), INT)
        case "quotient":
            return Binary("/", first, whole(random.randint(2, 9)), INT)
        case "remainder":
            return Binary("%", first, whole(random.randint(2, 10)), INT)
        case "extreme":
            return Call(random.choice(("max", "min")), (first, other), INT)
        case "distance":
            return Call("abs", (Binary("-", first, other, INT),), INT)
        case "ternary":
            return Ternary(condition(scope, 1), first, other)
        case "length":
            return length(scope.pick(STRING, ARRAY, NUMBERS, WORDS))
        case "code":  # how far a letter is into the alphabet, what a digit counts
            start = Literal(random.choice("aaA0"), CHAR)
            return Binary("-", code(scope.pick(CHAR)), code(start), INT)
        case "add code":
            return Binary("+", code(scope.pick(CHAR)), number(scope, 0), INT)
        case "lookup":
            return Call("count", (scope.pick(COUNTS), scope.pick(CHAR)), INT)
    raise AssertionError


def condition(scope: Scope, depth: int) -> Expression:
    """A boolean."""
    random = scope.random
    choices = ["compare"] * 3 * bool(scope.of(INT)) + ["divides"] * 2 * bool(scope.of(INT))
    choices += ["kind", "same", "between"] * bool(scope.of(CHAR)) + ["equals", "long", "within"] * bool(
        scope.of(STRING)
    )
    choices += ["flag"] * bool(scope.of(BOOLEAN)) + ["known"] * bool(scope.of(COUNTS) and scope.of(CHAR))
    if depth > 1 and choices and random.random() < 0.3:
        operator = random.choice(("&&", "||"))
        return Binary(operator, condition(scope, depth - 1), condition(scope, depth - 2), BOOLEAN)
    if not choices:
        return Binary(random.choice(ORDER), number(scope, 1), whole(random.randint(0, 9)), BOOLEAN)
    match random.choice(choices):
        case "compare":
            left, right = scope.pick(INT), number(scope, depth - 1)
            return Binary(random.choice((*ORDER, "==", "!=")), left, unlike(right, left), BOOLEAN)
        case "divides":
            divisor = random.randint(2, 7)
            rest = Binary("%", scope.pick(INT), whole(divisor), INT)
            return Binary(random.choice(("==", "==", "!=")), rest, whole(random.randrange(min(divisor, 3))), BOOLEAN)
        case "kind":
            found = Call(random.choice(("is digit", "is letter")), (scope.pick(CHAR),), BOOLEAN)
            return Not(found) if random.random() < 0.3 else found
        case "same":
            return Binary(random.choice(("==", "==", "!=")), scope.pick(CHAR), letter(random), BOOLEAN)
        case "between":
            char, (low, high) = scope.pick(CHAR), random.choice(("az", "AZ", "09", "am"))
            above = Binary(">=", char, Literal(low, CHAR), BOOLEAN)
            return Binary("&&", above, Binary("<=", char, Literal(high, CHAR), BOOLEAN), BOOLEAN)
        case "equals":
            left = scope.pick(STRING)
            found = Call("equals", (left, text(scope, 1, without=left)), BOOLEAN)
            return Not(found) if random.random() < 0.3 else found
        case "long":
            size = length(scope.pick(STRING))
            return Binary(random.choice((*ORDER, "==")), size, whole(random.randint(1, 6)), BOOLEAN)
        case "within":
            part = Literal(random.choice(("a", "an", "b", "ab", "o", "x", "st")), STRING)
            return Call("contains", (scope.pick(STRING), part), BOOLEAN)
        case "known":
            return Call("contains", (scope.pick(COUNTS), scope.pick(CHAR)), BOOLEAN)
        case "flag":
            name = scope.pick(BOOLEAN)
            return Not(name) if random.random() < 0.4 else name
    raise AssertionError


def text(scope: Scope, depth: int, without: Name | None = None) -> Expression:
    """A String."""
    random = scope.random
    names = [name for name in scope.of(STRING) if name != without]
    if depth <= 0 or not names:
        if names and random.random() < 0.6:
            return random.choice(names)
        return Literal(random.choice(("a", "b", "ab", "-", "x", "no", "yes", "end", "ok", ", ", "none")), STRING)
    name = random.choice(names)
    half = Binary("/", length(name), whole(2), INT)
    match random.choice(
        ("join", "join number", "first half", "second half", "reversed", "case", "ternary", "of number")
    ):
        case "join":
            return Binary("+", text(scope, depth - 1), text(scope, depth - 1), STRING)
        case "join number":
            return Binary("+", text(scope, depth - 1), number(scope, 1 if depth > 1 else 0), STRING)
        case "first half":
            return Call("slice", (name, whole(0), half), STRING)
        case "second half":
            return Call("slice", (name, half, length(name)), STRING)
        case "reversed":
            return Call("reversed", (name,), STRING)
        case "case":
            return Call(random.choice(("upper", "lower")), (name,), STRING)
        case "ternary":
            return Ternary(condition(scope, 1), name, text(scope, depth - 1))
        case "of number":
            return Call("text", (number(scope, 1),), STRING)
    raise AssertionError
