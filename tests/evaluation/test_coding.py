"""Problems of held-out shapes, and verdicts: each way to be wrong has its name."""

import pytest

from vlmcore.evaluation import coding
from vlmcore.evaluation.coding import Problem, by_trap, failure, judge, problems, same, verdict
from vlmcore.evaluation.sandbox import Outcome, Sandbox
from vlmcore.programs.generator import held_out

GIVEN = "class Main {\n    static int half(int a) {\n        return a / 2;\n    }\n}\n"
RIGHT = "def half(a):\n    return int(a / 2)\n"
HALF = Problem(GIVEN, RIGHT, "half", ((5,), (-5,)), (2, -2))


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as box:
        yield box


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (RIGHT, "passed"),
        ("def half(a):\n    return a // 2\n", "value"),
        ("def half(a):\n    return a / 2 * 1.0 if a > 9 else float(int(a / 2))\n", "value"),
        ("def half(a):\nreturn a\n", "syntax"),
        ("def half(a:\n", "syntax"),
        ("def half(a):\n    return b\n", "name"),
        ("def other(a):\n    return a\n", "name"),
        ("def half(a):\n    return a[0]\n", "error"),
        ("def half(a):\n    while True:\n        pass\n", "time"),
        ("import os\nos._exit(0)\n", "error"),
    ],
)
def test_verdicts(sandbox, code, found):
    assert verdict(HALF, code, sandbox) == found


def test_equal_is_equal_in_type_too():
    assert same((1, "a", [1]), (1, "a", [1])) and not same((True,), (1,)) and not same((1.0,), (1,))
    assert not same((1,), (1, 2))


def test_memory_counts_as_time():
    assert failure(Outcome("memory"), "f") == failure(Outcome("timeout"), "f") == "time"


@pytest.mark.parametrize("make", [coding.to_translate, coding.longer, coding.to_describe])
def test_problems_are_of_held_out_shapes_and_their_answers_pass(sandbox, make, monkeypatch):
    shapes = []
    monkeypatch.setattr(coding, "held_out", lambda tree: shapes.append(held_out(tree)) or shapes[-1])
    some = problems(make, 8, 1, sandbox)
    assert len(some) == 8 and shapes.count(True) >= 8
    assert all(len(each.calls) == len(each.expected) == coding.CALLS for each in some)
    assert judge(some, [[each.right, "x ="] for each in some], sandbox) == [["passed", "syntax"]] * 8
    assert problems(make, 8, 1, sandbox) == some != problems(make, 8, 2, sandbox)


def test_traps_are_seen_and_counted():
    assert HALF.traps == {"division"}
    plain = Problem(
        "class Main {\n    static int same(int a) { return a; }\n}\n", "def same(a):\n    return a\n", "same", (), ()
    )
    counted = by_trap([HALF, HALF, plain], [["passed"], ["value"], ["value"]])
    assert counted == {"any": (1, 2), "division": (1, 2)}
