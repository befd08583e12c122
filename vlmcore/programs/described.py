"""Functions that one sentence describes: what they go through, which elements count, what is made of each, and the end.

"Return the sum of the squares of the even numbers in xs." The parts are chosen apart from each other, so that a model
can be asked for combinations that it never read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from vlmcore.programs import python
from vlmcore.programs.expressions import Binary, Call, Expression, Literal, Name, Not, Words
from vlmcore.programs.java_types import ARRAY, BOOLEAN, CHAR, INT, NUMBERS, STRING, WORDS
from vlmcore.programs.scope import COUNTERS, ELEMENTS, LOCALS, Scope, split
from vlmcore.programs.statements import Assign, Declare, Do, ForEach, ForRange, If, Return, Statement, Update
from vlmcore.programs.tree import Function, Program
from vlmcore.programs.values import at, code, length, whole
from vlmcore.programs.writing import snake

SOURCES = {
    ARRAY: split("xs, numbers, values, scores, prices"),
    WORDS: split("words, names, labels"),
    STRING: split("s, text, word"),
    INT: split("n, limit, size"),  # the numbers from 1 to n
}
ELEMENT = {ARRAY: INT, WORDS: STRING, STRING: CHAR, INT: INT}
CALLED = {INT: ("number", "numbers"), STRING: ("word", "words"), CHAR: ("character", "characters")}
FUNCTIONS = split("solve, compute, evaluate, answer, run, measure, work out, find result, get answer, process")


@dataclass(frozen=True)
class Described:
    """A program of one function, and the sentence that says what it returns."""

    sentence: str
    program: Program

    def python(self) -> tuple[str, str]:
        """(head and sentence, as HumanEval's prompts are; the body)"""
        made = self.program.main
        head, *lines = python.function(made)
        imports = "import math\n\n\n" if any("math." in line for line in lines) else ""
        return f'{imports}{head}\n    """{self.sentence}"""\n', "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class Filter:
    """Which elements count: "even" before their name, or "that are greater than 3" behind it."""

    test: Expression | None
    before: str = ""
    behind: str = ""


def chosen(element: Name, random: Random) -> Filter:
    """Some elements, or all of them."""
    k, d = random.randint(1, 9), random.randint(3, 7)

    def compared(operator: str, value: int, of: Expression = element) -> Expression:
        return Binary(operator, of, whole(value), BOOLEAN)

    def divides(operator: str, by: int) -> Expression:
        return compared(operator, 0, Binary("%", element, whole(by), INT))

    if element.type == INT:
        return random.choice(
            (
                Filter(None),
                Filter(divides("==", 2), "even "),
                Filter(divides("!=", 2), "odd "),
                Filter(compared(">", 0), "positive "),
                Filter(compared("<", 0), "negative "),
                Filter(compared(">", k), "", f" that are greater than {k}"),
                Filter(compared("<", k), "", f" that are less than {k}"),
                Filter(compared("!=", k), "", f" that are not {k}"),
                Filter(divides("==", d), "", f" that are divisible by {d}"),
                Filter(divides("!=", d), "", f" that are not divisible by {d}"),
            )
        )
    letter, k = random.choice("abcdeost"), k + 1
    if element.type == CHAR:

        def is_to(operator: str) -> Expression:
            return Binary(operator, element, Literal(letter, CHAR), BOOLEAN)

        return random.choice(
            (
                Filter(None),
                Filter(Call("is digit", (element,), BOOLEAN), "", " that are digits"),
                Filter(Call("is letter", (element,), BOOLEAN), "", " that are letters"),
                Filter(Not(Call("is digit", (element,), BOOLEAN)), "", " that are not digits"),
                Filter(is_to("=="), "", f" that are equal to '{letter}'"),
                Filter(is_to("!="), "", f" that are not equal to '{letter}'"),
                Filter(is_to("<="), "", f" up to '{letter}'"),
            )
        )
    part = Call("contains", (element, Literal(letter, STRING)), BOOLEAN)
    return random.choice(
        (
            Filter(None),
            Filter(compared(">", k, length(element)), "", f" with more than {k} letters"),
            Filter(compared("<", k, length(element)), "", f" with fewer than {k} letters"),
            Filter(compared("==", k, length(element)), "", f" with exactly {k} letters"),
            Filter(part, "", f" that contain '{letter}'"),
            Filter(Not(part), "", f" that do not contain '{letter}'"),
        )
    )


@dataclass(frozen=True)
class Made:
    """What becomes of an element: "the squares of …" before, or "…, each plus 3" behind."""

    value: Expression
    before: str = ""
    behind: str = ""


def made_of(element: Name, random: Random) -> Made:
    """The element itself, or something made of it."""
    k = random.randint(2, 9)
    if element.type == INT:
        return random.choice(
            (
                Made(element),
                Made(Binary("*", element, element, INT), "the squares of "),
                Made(Call("abs", (element,), INT), "the absolute values of "),
                Made(Binary("+", element, whole(k), INT), "", f", each plus {k}"),
                Made(Binary("-", element, whole(k), INT), "", f", each minus {k}"),
                Made(Binary("*", element, whole(k), INT), "", f", each times {k}"),
                Made(Binary("%", Call("abs", (element,), INT), whole(k), INT), f"the absolute values modulo {k} of "),
            )
        )
    if element.type == STRING:
        return random.choice(
            (
                Made(element),
                Made(length(element), "the lengths of "),
                Made(Call("upper", (element,), STRING), "", ", in upper case"),
                Made(Call("reversed", (element,), STRING), "", ", each reversed"),
                Made(Binary("+", element, element, STRING), "", ", each written twice"),
            )
        )
    return random.choice((Made(element), Made(code(element), "the codes of ")))


def described(random: Random) -> Described:
    """A function and its sentence."""
    scope = Scope(random)
    kind = random.choice((ARRAY, ARRAY, WORDS, STRING, STRING, INT))
    owner = scope.fresh(SOURCES[kind], kind)
    element = scope.fresh(COUNTERS if kind == INT else ELEMENTS[ELEMENT[kind]], ELEMENT[kind], natural=kind == INT)
    kept, made = chosen(element, random), made_of(element, random)
    place = f"from 1 to {snake(owner.words)}" if kind == INT else f"in {snake(owner.words)}"
    some = f"the {kept.before}{CALLED[element.type][1]} {place}{kept.behind}"
    all_of = f"{made.before}{some}{made.behind}"

    def loop(*body: Statement) -> Statement:
        inner = (If(kept.test, body),) if kept.test is not None else body
        if kind == INT:
            return ForRange(element, whole(1), owner, 1, True, inner)
        return ForEach(element, owner, inner)

    ends = ["count"] + ["sum", "largest", "list"] * 2 * (made.value.type == INT)
    ends += ["list of words", "joined", "longest"] * (made.value.type == STRING) + ["text", "text"] * (
        made.value.type == CHAR
    )
    ends += ["any", "all", "first"] * (kept.test is not None and kind != INT)
    total = scope.fresh(LOCALS[INT], INT)
    match random.choice(ends):
        case "count":
            sentence, end = (
                f"Count {some}.",
                [Declare(total, whole(0)), loop(Update(total, "+", whole(1))), Return(total)],
            )
        case "sum":
            sentence = f"Return the sum of {all_of}."
            end = [Declare(total, whole(0)), loop(Update(total, "+", made.value)), Return(total)]
        case "largest":
            sentence = f"Return the largest of {all_of}, or 0 if none is larger."
            end = [Declare(total, whole(0)), loop(Assign(total, Call("max", (total, made.value), INT))), Return(total)]
        case "list":
            sentence, end = f"Return a list of {all_of}.", collected(scope, NUMBERS, loop, made.value)
        case "list of words":
            sentence, end = f"Return a list of {all_of}.", collected(scope, WORDS, loop, made.value)
        case "joined" | "text":
            out = scope.fresh(LOCALS[STRING], STRING)
            front = random.random() < 0.3
            step = Assign(out, Binary("+", made.value, out, STRING)) if front else Update(out, "+", made.value)
            sentence = f"Return {all_of}, joined{' in reverse order' if front else ''}."
            end = [Declare(out, Literal("", STRING)), loop(step), Return(out)]
        case "longest":
            best = scope.fresh(LOCALS[STRING], STRING)
            longer = If(Binary(">", length(made.value), length(best), BOOLEAN), (Assign(best, made.value),))
            sentence = f"Return the first longest of {all_of}, or an empty text if there are none."
            end = [Declare(best, Literal("", STRING)), loop(longer), Return(best)]
        case "any":
            sentence = f"Tell whether there are {some[4:]}."
            end = [loop(Return(Literal(True, BOOLEAN))), Return(Literal(False, BOOLEAN))]
        case "all":
            plain = f"{CALLED[element.type][1]} {place}"
            told = f"{kept.before.strip() or kept.behind.strip().removeprefix('that are ')}"
            sentence = f"Tell whether all {plain} are {told}." if "are" in kept.behind or kept.before else (
                f"Tell whether all {plain} are {CALLED[element.type][1]}{kept.behind}.")  # fmt: skip
            fails = If(Not(kept.test), (Return(Literal(False, BOOLEAN)),))
            end = [ForEach(element, owner, (fails,)), Return(Literal(True, BOOLEAN))]
        case "first":
            counter = scope.fresh(COUNTERS, INT, natural=True)
            inner = (Declare(element, at(owner, counter)), If(kept.test, (Return(counter),)))
            sentence = f"Return the index of the first of {some}, or -1 if there is none."
            end = [ForRange(counter, whole(0), length(owner), 1, False, inner), Return(whole(-1))]
    returns = end[-1].value.type
    name: Words = random.choice(FUNCTIONS)
    return Described(sentence, Program((Function(name, (owner,), returns, tuple(end)),)))


def collected(scope: Scope, kind: str, loop: Callable[[Statement], Statement], value: Expression) -> list[Statement]:
    kept = scope.fresh(LOCALS[kind], kind)
    return [Declare(kept, Call("new list", (), kind)), loop(Do("add", (kept, value))), Return(kept)]
