"""Idioms of loops and choices: add up, count, take numbers apart, search, compare, decide.

Each is a few statements, and what they have found: a name, or None where they return from within.
"""

from __future__ import annotations

from collections.abc import Callable

from vlmcore.programs.expressions import Binary, Call, Literal, Name
from vlmcore.programs.java_types import ARRAY, BOOLEAN, ELEMENT, INT, NUMBERS, STRING, WORDS
from vlmcore.programs.scope import COUNTERS, ELEMENTS, LOCALS, Scope
from vlmcore.programs.statements import (
    Assign,
    Declare,
    ForEach,
    ForRange,
    If,
    Leave,
    Return,
    Statement,
    Update,
    While,
)
from vlmcore.programs.values import at, condition, length, less_one, number, text, whole

Made = tuple[list[Statement], Name | None]


def source(scope: Scope, *types: str) -> Name | None:
    """Something to go through."""
    found = scope.of(*(types or (ARRAY, NUMBERS, WORDS, STRING)))
    return scope.random.choice(found) if found else None


def through(scope: Scope, owner: Name, body: Callable[[Name], list[Statement]]) -> Statement:
    """A loop over all elements: one by one, or by their index."""
    random, kind = scope.random, ELEMENT[owner.type]
    if random.random() < 0.55:
        element = scope.fresh(ELEMENTS[kind], kind)
        loop: Statement = ForEach(element, owner, tuple(body(element)))
        scope.forget(element)
        return loop
    counter = scope.fresh(COUNTERS, INT, natural=True)
    element = scope.fresh(ELEMENTS[kind], kind)
    inner = (Declare(element, at(owner, counter)), *body(element))
    scope.forget(counter, element)
    if random.random() < 0.25:  # from the end
        return ForRange(counter, less_one(length(owner)), whole(0), -1, True, inner)
    first, step = random.choice((0, 0, 0, 1)), random.choice((1, 1, 1, 2))
    return ForRange(counter, whole(first), length(owner), step, False, inner)


def maybe_if(scope: Scope, body: list[Statement], share: float = 0.6) -> list[Statement]:
    """The same, in most cases under a condition."""
    if scope.random.random() > share:
        return body
    return [If(condition(scope, 2), tuple(body))]


def accumulate(scope: Scope, total: Name) -> list[Statement]:
    """One step of adding up."""
    random, term = scope.random, number(scope, 2)
    match random.choice(("add", "add", "subtract", "count", "largest", "smallest", "hash", "product", "digits")):
        case "add":
            return maybe_if(scope, [Update(total, "+", term)])
        case "subtract":
            other = number(scope, 1)
            return [If(condition(scope, 2), (Update(total, "+", term),), (Update(total, "-", other),))]
        case "count":
            return [If(condition(scope, 2), (Update(total, "+", whole(1)),))]
        case "largest":
            if random.random() < 0.5:
                return [Assign(total, Call("max", (total, term), INT))]
            return [If(Binary(">", term, total, BOOLEAN), (Assign(total, term),))]
        case "smallest":
            return [Assign(total, Call("min", (total, term), INT))]
        case "hash":  # leaves 32 bits
            factor = whole(random.choice((31, 31, 17, 37, 7, 33)))
            return [Assign(total, Binary("+", Binary("*", total, factor, INT), number(scope, 1), INT))]
        case "product":
            return maybe_if(scope, [Update(total, "*", number(scope, 1))])
        case "digits":
            return maybe_if(scope, [Assign(total, Binary("+", Binary("*", total, whole(10), INT), term, INT))])
    raise AssertionError


def fold(scope: Scope) -> Made:
    """Go through something and add up."""
    owner = source(scope)
    if owner is None:
        return fold_range(scope)
    total = scope.fresh(LOCALS[INT], INT, known=False)
    start = Declare(total, whole(scope.random.choice((0, 0, 0, 1, 7, -1))))
    return [start, through(scope, owner, lambda _: accumulate(scope, total))], total


def fold_range(scope: Scope) -> Made:
    """Count, and add up."""
    random = scope.random
    total = scope.fresh(LOCALS[INT], INT, known=False)
    end = random.choice(scope.of(INT)) if scope.of(INT) else whole(random.randint(5, 12))
    counter = scope.fresh(COUNTERS, INT, natural=True)
    body = tuple(accumulate(scope, total))
    scope.forget(counter)
    step = random.choice((1, 1, 1, 2, 3))
    if random.random() < 0.2:
        loop = ForRange(counter, end, whole(random.choice((0, 1))), -step, random.random() < 0.5, body)
    else:
        loop = ForRange(counter, whole(random.choice((0, 1, 1, 2))), end, step, random.random() < 0.6, body)
    return [Declare(total, whole(random.choice((0, 0, 1)))), loop], total


def take_apart(scope: Scope) -> Made:
    """Digit after digit, half after half."""
    random = scope.random
    if not scope.of(INT):
        return fold(scope)
    base = random.choice((10, 10, 10, 2, 3))
    rest = scope.fresh(LOCALS[INT], INT, natural=True, known=False)
    total = scope.fresh(LOCALS[INT], INT, known=False)
    digit = Binary("%", rest, whole(base), INT)
    step: list[Statement] = random.choice(
        (
            [Update(total, "+", digit)],
            [Update(total, "+", whole(1))],
            [Assign(total, Binary("+", Binary("*", total, whole(base), INT), digit, INT))],
            [If(Binary("==", Binary("%", rest, whole(2), INT), whole(0), BOOLEAN), (Update(total, "+", digit),))],
            [Assign(total, Call("max", (total, digit), INT))],
        )
    )
    smaller = Assign(rest, Binary("/", rest, whole(base), INT))
    begin = Call("abs", (random.choice(scope.of(INT)),), INT)
    loop = While(Binary(">", rest, whole(0), BOOLEAN), (*step, smaller))
    return [Declare(rest, begin), Declare(total, whole(0)), loop], total


def skip(scope: Scope) -> Made:
    """A loop whose body moves the counter."""
    owner, random = source(scope, STRING, ARRAY), scope.random
    if owner is None:
        return take_apart(scope)
    counter = scope.fresh(COUNTERS, INT, natural=True)
    element = scope.fresh(ELEMENTS[ELEMENT[owner.type]], ELEMENT[owner.type])
    total = scope.fresh(LOCALS[INT], INT, known=False)
    jump = If(condition(scope, 1), (Update(counter, "+", whole(random.randint(1, 2))),))
    inner = (Declare(element, at(owner, counter)), Update(total, "+", number(scope, 1)), jump)
    scope.forget(counter, element)
    return [Declare(total, whole(0)), ForRange(counter, whole(0), length(owner), 1, False, inner)], total


def search(scope: Scope) -> Made:
    """Is there one, or where is the first?"""
    owner, random = source(scope), scope.random
    if owner is None:
        return decide(scope)
    if random.random() < 0.5:
        found = scope.fresh(LOCALS[BOOLEAN], BOOLEAN, known=False)
        start, then = random.random() < 0.5, [Leave("break")] if random.random() < 0.6 else []

        def body(_: Name) -> list[Statement]:
            return [If(condition(scope, 2), (Assign(found, Literal(not start, BOOLEAN)), *then))]

        return [Declare(found, Literal(start, BOOLEAN)), through(scope, owner, body)], found
    counter = scope.fresh(COUNTERS, INT, natural=True)
    element = scope.fresh(ELEMENTS[ELEMENT[owner.type]], ELEMENT[owner.type])
    inner = (Declare(element, at(owner, counter)), If(condition(scope, 2), (Return(counter),)))
    scope.forget(counter, element)
    return [ForRange(counter, whole(0), length(owner), 1, False, inner), Return(whole(-1))], None


def decide(scope: Scope) -> Made:
    """One of several values."""
    random = scope.random
    kind = STRING if (scope.of(STRING) and random.random() < 0.4) or random.random() < 0.15 else INT
    value = scope.fresh(LOCALS[kind], kind, known=False)
    make = (lambda: text(scope, 1)) if kind == STRING else (lambda: number(scope, 2))
    chain: tuple[Statement, ...] = (Assign(value, make()),) if random.random() < 0.6 else ()
    for _ in range(random.randint(1, 3)):
        chain = (If(condition(scope, 2), (Assign(value, make()),), chain),)
    return [Declare(value, make()), *chain], value


def ends(scope: Scope) -> Made:
    """Compare from both ends inward."""
    owner, random = source(scope, STRING, ARRAY), scope.random
    if owner is None:
        return decide(scope)
    left = scope.fresh([("left",), ("i",), ("low",)], INT, natural=True, known=False)
    right = scope.fresh([("right",), ("j",), ("high",)], INT, known=False)
    total = scope.fresh(LOCALS[INT], INT, natural=True, known=False)
    differs = Binary("!=", at(owner, left), at(owner, right), BOOLEAN)
    step: Statement = If(differs, (Update(total, "+", whole(1)),))
    result: Name | None = total
    first: list[Statement] = [Declare(total, whole(0))]
    if random.random() < 0.4:
        step, result, first = If(differs, (Return(Literal(False, BOOLEAN)),)), None, []
    inner = (step, Update(left, "+", whole(1)), Update(right, "-", whole(1)))
    loop = While(Binary("<", left, right, BOOLEAN), inner)
    last: list[Statement] = [Return(Literal(True, BOOLEAN))] if result is None else []
    return [Declare(left, whole(0)), Declare(right, less_one(length(owner))), *first, loop, *last], result


def pairs(scope: Scope) -> Made:
    """Every element with every later one."""
    owner = source(scope, ARRAY, NUMBERS, STRING)
    if owner is None:
        return fold_range(scope)
    total = scope.fresh(LOCALS[INT], INT, natural=True, known=False)
    first, second = scope.fresh(COUNTERS, INT, True, False), scope.fresh(COUNTERS, INT, True, False)
    one, other = at(owner, first), at(owner, second)
    operator = scope.random.choice(("==", "==", "<", ">"))
    test = Binary(operator, one, other, BOOLEAN)
    if owner.type != STRING and scope.random.random() < 0.4:
        test = Binary("==", Binary("+", one, other, INT), number(scope, 0), BOOLEAN)
    count = If(test, (Update(total, "+", whole(1)),))
    inner = ForRange(second, Binary("+", first, whole(1), INT), length(owner), 1, False, (count,))
    return [Declare(total, whole(0)), ForRange(first, whole(0), length(owner), 1, False, (inner,))], total
