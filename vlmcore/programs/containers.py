"""Idioms of lists, texts and maps: collect, build, count letters, take out, change, sort."""

from __future__ import annotations

from vlmcore.programs.expressions import Binary, Call, Expression, Literal, Name, Ternary
from vlmcore.programs.java_types import ARRAY, BOOLEAN, CHAR, COUNTS, ELEMENT, INT, NUMBERS, STRING, WORDS
from vlmcore.programs.loops import Made, decide, fold, maybe_if, skip, source, through
from vlmcore.programs.scope import COUNTERS, ELEMENTS, LOCALS, Scope
from vlmcore.programs.statements import (
    Assign,
    Declare,
    Do,
    ForEach,
    ForRange,
    If,
    Return,
    Statement,
    Update,
)
from vlmcore.programs.values import at, code, condition, length, less_one, letter, number, text, whole

MADE = {NUMBERS: "new list", WORDS: "new list", COUNTS: "new map"}


def empty(kind: str) -> Expression:
    return Call(MADE[kind], (), kind) if kind in MADE else Literal("" if kind == STRING else 0, kind)


def collect(scope: Scope) -> Made:
    """Some of the elements, or what becomes of them, in a new list."""
    owner = source(scope)
    if owner is None:
        return build(scope)
    kind = WORDS if owner.type == WORDS else NUMBERS
    kept = scope.fresh(LOCALS[kind], kind, known=False)

    def body(element: Name) -> list[Statement]:
        if kind == WORDS:
            value = element if scope.random.random() < 0.5 else text(scope, 1)
        else:
            value = element if element.type == INT and scope.random.random() < 0.5 else number(scope, 2)
        return maybe_if(scope, [Do("add", (kept, value))], 0.8)

    return [Declare(kept, empty(kind)), through(scope, owner, body)], kept


def build(scope: Scope) -> Made:
    """A text, letter by letter or word by word."""
    owner, random = source(scope, STRING, WORDS), scope.random
    out = scope.fresh(LOCALS[STRING], STRING, known=False)

    def body(element: Name) -> list[Statement]:
        match random.choice(("append", "append", "front", "shift", "shift", "shift", "number", "choose")):
            case "append":
                return maybe_if(scope, [Update(out, "+", element)], 0.8)
            case "front":
                return maybe_if(scope, [Assign(out, Binary("+", element, out, STRING))], 0.4)
            case "shift" if element.type == CHAR:
                moved = Call("char", (Binary("+", code(element), whole(random.randint(1, 3)), INT),), CHAR)
                return maybe_if(scope, [Update(out, "+", moved)], 0.5)
            case "choose" if element.type == CHAR:
                return [Update(out, "+", Ternary(condition(scope, 1), element, letter(random)))]
        return maybe_if(scope, [Update(out, "+", number(scope, 1)), Update(out, "+", Literal("-", STRING))], 0.4)

    if owner is None:
        end = random.choice(scope.of(INT)) if scope.of(INT) else whole(5)
        counter = scope.fresh(COUNTERS, INT, natural=True)
        inner = (Update(out, "+", number(scope, 1)), Update(out, "+", Literal(random.choice((" ", ",", "-")), STRING)))
        scope.forget(counter)
        return [Declare(out, empty(STRING)), ForRange(counter, whole(0), end, 1, False, inner)], out
    return [Declare(out, empty(STRING)), through(scope, owner, body)], out


def tally(scope: Scope) -> Made:
    """How often each letter comes; then the most, or how many came more than once."""
    owner = source(scope, STRING)
    if owner is None:
        return fold(scope)
    counts = scope.fresh(LOCALS[COUNTS], COUNTS, known=False)
    char = scope.fresh(ELEMENTS[CHAR], CHAR, known=False)
    more = Binary("+", Call("count", (counts, char), INT), whole(1), INT)
    first = ForEach(char, owner, (Do("put", (counts, char, more)),))
    total = scope.fresh(LOCALS[INT], INT, natural=True, known=False)
    value = scope.fresh(ELEMENTS[INT], INT, natural=True, known=False)
    many = If(Binary(">", value, whole(scope.random.randint(1, 2)), BOOLEAN), (Update(total, "+", value),))
    step = many if scope.random.random() < 0.5 else Assign(total, Call("max", (total, value), INT))
    second = ForEach(value, Call("values", (counts,), NUMBERS), (step,))
    return [Declare(counts, empty(COUNTS)), first, Declare(total, whole(0)), second], total


def remove(scope: Scope) -> Made:
    """Take elements out of a list while going through it: what comes next moves, and the list becomes shorter."""
    owner, random = source(scope, NUMBERS, WORDS), scope.random
    if owner is None:
        return skip(scope)
    counter = scope.fresh(COUNTERS, INT, natural=True, known=False)
    element = scope.fresh(ELEMENTS[ELEMENT[owner.type]], ELEMENT[owner.type])
    test = condition(scope, 1)
    scope.forget(element)
    out: list[Statement] = [Do("remove", (owner, counter))]
    if random.random() < 0.6:
        out.append(Update(counter, "-", whole(1)))
    inner = (Declare(element, at(owner, counter)), If(test, tuple(out)))
    return [ForRange(counter, whole(0), length(owner), 1, False, inner)], owner


def change(scope: Scope) -> Made:
    """Numbers of an array, changed in their places."""
    owner = source(scope, ARRAY)
    if owner is None:
        return collect(scope)
    counter = scope.fresh(COUNTERS, INT, natural=True)
    kept = at(owner, counter)
    term = Binary(scope.random.choice("+-"), kept, number(scope, 1), INT)
    body: Statement = Do("set", (owner, counter, term))
    if scope.random.random() < 0.5:
        body = If(Binary(scope.random.choice(("<", ">")), kept, number(scope, 0), BOOLEAN), (body,))
    scope.forget(counter)
    loop = ForRange(counter, whole(0), length(owner), 1, False, (body,))
    total = scope.fresh(LOCALS[INT], INT, known=False)
    element = scope.fresh(ELEMENTS[INT], INT, known=False)
    sum_up = ForEach(element, owner, (Update(total, "+", element),))
    return [loop, Declare(total, whole(0)), sum_up], total


def sort(scope: Scope) -> Made:
    """In order; then the middle one."""
    owner = source(scope, ARRAY, NUMBERS)
    if owner is None:
        return decide(scope)
    guard = If(Binary("==", length(owner), whole(0), BOOLEAN), (Return(whole(-1)),))
    middle = scope.fresh(LOCALS[INT], INT, known=False)
    place = scope.random.choice((Binary("/", length(owner), whole(2), INT), whole(0), less_one(length(owner))))
    return [guard, Do("sort", (owner,)), Declare(middle, at(owner, place))], middle
