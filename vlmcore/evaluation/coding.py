"""How good is a coder? What it writes is run behind walls, and what that returns is compared outside.

Problems are ours, of shapes that training never showed: programs in Java to be translated, sentences to be made a
function of. What a right answer returns was found by running it; the languages' own compilers agree with it
(tests/programs/test_languages.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from vlmcore.batches.code import either
from vlmcore.coder import Coder
from vlmcore.evaluation.sandbox import Outcome, Sandbox
from vlmcore.programs import java, python
from vlmcore.programs.described import described
from vlmcore.programs.generator import arguments, held_out, program
from vlmcore.programs.tree import Program
from vlmcore.programs.writing import snake

CALLS = 8  # lists of arguments a program is called with
TRAPS = {  # where copying word by word is wrong: what the right Python has, or the Java
    "division": lambda j, p: bool(re.search(r"\bint\((?!math)", p)),
    "remainder": lambda j, p: "math.fmod" in p,
    "overflow": lambda j, p: "2**32" in p,
    "characters as numbers": lambda j, p: "ord(" in p or "chr(" in p,
    "a loop that range would not follow": lambda j, p: bool(re.search(r"while \w+ <.*len", p)) and "for (int" in j,
    "the end of a range": lambda j, p: bool(re.search(r"for \(int .*(<=|>)", j)),
    "a number in a text": lambda j, p: "str(" in p,
    "ternary": lambda j, p: " ? " in j,
    "null": lambda j, p: "null" in j,
    "equality of objects": lambda j, p: ".equals(" in j,
}


@dataclass(frozen=True)
class Problem:
    """What is given, and what a right answer returns."""

    given: str  # Java, or a head and its sentence
    right: str  # the whole program in Python
    name: str
    calls: tuple[tuple[Any, ...], ...]
    expected: tuple[Any, ...]

    @property
    def traps(self) -> set[str]:
        return {name for name, test in TRAPS.items() if test(self.given, self.right)}


def problems(
    make: Callable[[Random], tuple[str, str, Program]], count: int, seed: int, sandbox: Sandbox
) -> list[Problem]:
    """``count`` problems of held-out shapes whose right answer runs; make: → (given, right, its tree)."""
    found: list[Problem] = []
    number = 0
    while len(found) < count:
        random = Random(f"coding {seed} {number}")
        number += 1
        given, right, tree = make(random)
        if not held_out(tree):
            continue
        calls = [arguments(tree, random) for _ in range(CALLS)]
        name = snake(tree.main.words)
        outcome = sandbox.call(right, name, calls)
        if outcome.outcome == "finished" and len({repr(value) for value in outcome.values}) > 1:
            found.append(Problem(given, right, name, tuple(map(tuple, calls)), outcome.values))
    return found


def to_translate(random: Random) -> tuple[str, str, Program]:
    tree = either(random)
    return java.write(tree), python.write(tree), tree


def longer(random: Random) -> tuple[str, str, Program]:
    """Of three or four idioms: training has one or two."""
    tree = program(random, idioms=random.choice((3, 4)))
    return java.write(tree), python.write(tree), tree


def to_describe(random: Random) -> tuple[str, str, Program]:
    made = described(random)
    head, body = made.python()
    return head, head + body, made.program


def verdict(problem: Problem, code: str, sandbox: Sandbox) -> str:
    """ "passed", or what was wrong: "syntax", "name", "value", "time", "error"."""
    outcome = sandbox.call(code, problem.name, problem.calls)
    if outcome.outcome == "finished":
        return "passed" if same(outcome.values, problem.expected) else "value"
    return failure(outcome, problem.name)


def failure(outcome: Outcome, called: str) -> str:
    """What kind of failure it was, in calling a function."""
    if outcome.outcome in ("timeout", "memory"):
        return "time"
    if re.search(r"SyntaxError|IndentationError|TabError", outcome.error):
        return "syntax"
    unknown = rf"NameError|UnboundLocalError|AttributeError|ModuleNotFoundError|^KeyError: '{called}'"
    if re.search(unknown, outcome.error):
        return "name"
    return "error"


def same(values: Sequence[Any], expected: Sequence[Any]) -> bool:
    """Equal, and of the same types: 1 is not True, and 1.0 not 1."""
    return [(type(value), value) for value in values] == [(type(value), value) for value in expected]


def translations(coder: Coder, some: Sequence[Problem], samples: int = 1, **sampling: float) -> list[list[str]]:
    """For each problem its translations."""
    prompts = [
        coder.readable(coder.text.translation("Java", each.given, "Python")) for each in some for _ in range(samples)
    ]
    answers = coder.answer_all(prompts, **sampling)
    return [answers[start : start + samples] for start in range(0, len(answers), samples)]


def completions(coder: Coder, some: Sequence[Problem], samples: int = 1, **sampling: float) -> list[list[str]]:
    """For each problem its whole programs: head, sentence and what the model added."""
    prompts = [coder.prompt(each.given) for each in some for _ in range(samples)]
    answers = coder.answer_all(prompts, **sampling)
    whole = [prompt.given + answer for prompt, answer in zip([e for e in some for _ in range(samples)], answers)]
    return [whole[start : start + samples] for start in range(0, len(whole), samples)]


def judge(some: Sequence[Problem], answers: Sequence[Sequence[str]], sandbox: Sandbox) -> list[list[str]]:
    """For each problem the verdicts on its answers."""
    return [[verdict(problem, code, sandbox) for code in codes] for problem, codes in zip(some, answers, strict=True)]


def by_trap(some: Sequence[Problem], verdicts: Sequence[Sequence[str]]) -> dict[str, tuple[int, int]]:
    """{trap: (first answers that passed, problems)}; "any" for those with one trap or more."""
    passed, tried = Counter(), Counter()
    for problem, judged in zip(some, verdicts):
        traps = problem.traps
        for trap in (*traps, *(["any"] if traps else [])):
            tried[trap] += 1
            passed[trap] += judged[0] == "passed"
    return {trap: (passed[trap], tried[trap]) for trap in sorted(tried)}
