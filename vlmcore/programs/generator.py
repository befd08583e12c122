"""Random programs of one to three idioms, with what they are called with.

A program that leaves the road (an index that is not there, a loop without end) is not noticed here: whoever makes many
runs them once and drops those that fail.
"""

from __future__ import annotations

import hashlib
from random import Random
from typing import Any

from vlmcore.programs import containers, loops
from vlmcore.programs.expressions import Binary, Call, Expression, Literal, Name, Ternary, Words
from vlmcore.programs.java_types import ARRAY, BOOLEAN, CHAR, INT, NUMBERS, STRING, WORDS
from vlmcore.programs.scope import LOCALS, NOUNS, PARAMETERS, VERBS, Scope
from vlmcore.programs.statements import Assign, Declare, If, Return, Statement, Update
from vlmcore.programs.tree import Function, Program, nodes, shape, wraps
from vlmcore.programs.values import ORDER, condition, length, number, text, whole

IDIOMS = (  # the more often, the more often named
    loops.fold, loops.fold, loops.fold_range, loops.take_apart, loops.skip, loops.search, loops.decide, loops.decide,
    loops.ends, loops.pairs, containers.collect, containers.build, containers.build, containers.tally,
    containers.remove, containers.change, containers.sort,
)  # fmt: skip
HELD_OUT = 10  # one shape in so many is kept for evaluation


def held_out(program: Program) -> bool:
    """Is its shape one of those that training never shows?"""
    return hashlib.sha256(shape(program).encode()).digest()[0] % HELD_OUT == 0


def program(random: Random, idioms: int | None = None) -> Program:
    """A program; ``idioms``: how many things its last function does one after the other (one or two, if left out)."""
    count = idioms or random.choice((1, 1, 1, 2, 2))
    if random.random() < 0.15:
        helper = small(random)
        return Program((helper, function(random, count, helper)))
    return Program((function(random, count),))


def named(random: Random, taken: tuple[Words, ...] = ()) -> Words:
    while (words := (*random.choice(VERBS), *random.choice(NOUNS))) in taken:
        pass
    return words


def small(random: Random) -> Function:
    """A function that another calls: a value of numbers, without a loop."""
    scope = Scope(random)
    parameters = tuple(scope.fresh(PARAMETERS[INT], INT) for _ in range(random.randint(1, 2)))
    if random.random() < 0.3:
        return Function(named(random), parameters, BOOLEAN, (Return(condition(scope, 2)),))
    value = number(scope, 2)
    if random.random() < 0.5:
        value = Ternary(condition(scope, 1), value, number(scope, 1))
    return Function(named(random), parameters, INT, (Return(value),))


def function(random: Random, idioms: int, helper: Function | None = None) -> Function:
    """A function of so many idioms, which may call ``helper``."""
    scope = Scope(random)
    kinds = random.choice(
        ((INT,), (INT, INT), (ARRAY,), (ARRAY, INT), (NUMBERS,), (NUMBERS, INT), (WORDS,), (WORDS, STRING), (STRING,),
         (STRING, INT), (STRING, CHAR), (STRING, STRING), (INT, BOOLEAN))
    )  # fmt: skip
    parameters = tuple(scope.fresh(PARAMETERS[kind], kind) for kind in kinds)
    body: list[Statement] = []
    results: list[Name] = []
    wide: list[Name] = []  # fill all 32 bits: even a sum of two would overflow
    if kinds[0] == STRING and random.random() < 0.25:
        body += none_given(parameters[0], random)
    if helper is not None:
        values = tuple(number(scope, 1) for _ in helper.parameters)
        name = scope.fresh(LOCALS[helper.returns], helper.returns)
        body.append(Declare(name, Call(helper.words, values, helper.returns)))
    while True:
        made, found = random.choice(IDIOMS)(scope)
        body += made
        if found is None:
            break
        results.append(found)
        grown = any(isinstance(node, Assign | Update) and wraps(node) for each in made for node in nodes(each))
        if grown:
            wide.append(found)
        elif len(results) == 1:
            scope.names.append(found)  # a number small enough to be read on
        if len(results) == idioms:
            body.append(Return(last(scope, results, wide)))
            break
    returns = next(each.value.type for each in reversed(body) if isinstance(each, Return))
    if any(node.value.type != returns for each in body for node in nodes(each) if isinstance(node, Return)):
        return function(random, idioms, helper)  # a guard that returns what the rest does not
    words = named(random, (helper.words,) if helper else ())
    return Function(words, parameters, returns, tuple(body))


def none_given(owner: Name, random: Random) -> list[Statement]:
    """What to do without a text."""
    missing: Expression = Call("is null", (owner,), BOOLEAN)
    if random.random() < 0.6:
        missing = Binary("||", missing, Binary("==", length(owner), whole(0), BOOLEAN), BOOLEAN)
    return [If(missing, (Return(whole(random.choice((-1, 0)))),))]


def last(scope: Scope, results: list[Name], wide: list[Name]) -> Expression:
    """What is returned: what was found, or something made of it. What is ``wide`` is not added up."""
    random, found = scope.random, results[-1]
    numbers = [name for name in results if name.type == INT and name not in wide]
    if len(numbers) > 1 and found in numbers:
        return Binary(random.choice("+-"), numbers[-2], numbers[-1], INT)
    if len(numbers) == 1 and len(results) > 1 and found.type == STRING:
        return Binary("+", found, numbers[0], STRING)
    choice = random.random()
    if found.type == INT and choice < 0.5:
        match random.choice(("remainder", "quotient", "text", "compare", "limit", "choose")):
            case "remainder":
                return Binary("%", found, whole(random.randint(2, 12)), INT)
            case "quotient":
                return Binary("/", found, whole(random.randint(2, 5)), INT)
            case "text":
                told = Literal(random.choice(("total: ", "n = ", "result ", "#", "score-")), STRING)
                return Binary("+", told, found, STRING)
            case "compare":
                return Binary(random.choice((*ORDER, "==")), found, whole(random.randint(0, 12)), BOOLEAN)
            case "limit":
                return Call(random.choice(("max", "min")), (found, whole(random.randint(0, 30))), INT)
            case "choose":
                test = Binary(random.choice(ORDER), found, whole(random.randint(0, 9)), BOOLEAN)
                return Ternary(test, found, whole(random.choice((0, -1, 10))))
    if found.type == STRING and choice < 0.3:
        return length(found)
    if found.type == STRING and choice < 0.4:
        return Call("equals", (found, text(scope, 0)), BOOLEAN)
    if found.type in (NUMBERS, WORDS) and choice < 0.2:
        return length(found)
    return found


# -- what it is called with --------------------------------------------------------------------------------------------

ALPHABET = "aaabbcdeeilnorstxyzAEKZ0179"


def arguments(made: Program, random: Random) -> list[Any]:
    """Values for the last function's parameters."""
    asked = {n.values[0].words for n in nodes(made.main) if isinstance(n, Call) and n.what == "is null"}
    return [
        None if name.words in asked and random.random() < 0.2 else value(name.type, random)
        for name in made.main.parameters
    ]


def value(kind: str, random: Random) -> Any:
    """A value of a type, as Python has it."""
    match kind:
        case "int":
            return random.choice((0, 1, 7, 12, -3, -7)) if random.random() < 0.3 else random.randint(-20, 20)
        case "boolean":
            return random.random() < 0.5
        case "char":
            return random.choice(ALPHABET)
        case "String":
            return "".join(random.choice(ALPHABET) for _ in range(random.randint(0, 8)))
        case "List<String>":
            return [value(STRING, random) for _ in range(random.randint(0, 5))]
    return [value(INT, random) for _ in range(random.randint(0, 7))]
