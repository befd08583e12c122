"""Where Python says it otherwise than Java."""

import pytest

from vlmcore.programs import java, python
from vlmcore.programs.braces import block
from vlmcore.programs.expressions import Binary, Call, Literal, Name, Not, Ternary
from vlmcore.programs.java_types import ARRAY, BOOLEAN, CHAR, COUNTS, INT, NUMBERS, STRING
from vlmcore.programs.statements import Assign, Declare, Do, ForRange, If, Return, Update
from vlmcore.programs.tree import Function, Program

A, B, N = Name(("a",), INT), Name(("b",), INT), Name(("max", "size"), INT)
I, S, T, C = Name(("i",), INT, natural=True), Name(("s",), STRING), Name(("t",), STRING), Name(("c",), CHAR)
XS, ITEMS, COUNTED = Name(("xs",), ARRAY), Name(("items",), NUMBERS), Name(("counts",), COUNTS)


def whole(value):
    return Literal(value, INT)


def both(operator, left, right, kind=INT):
    return Binary(operator, left, right, kind)


CODE = Call("code", (C,), INT)
EXPRESSIONS = [
    (both("/", A, B), "a / b", "int(a / b)"),
    (both("%", A, whole(3)), "a % 3", "int(math.fmod(a, 3))"),
    (both("==", both("%", A, whole(3)), whole(0), BOOLEAN), "a % 3 == 0", "a % 3 == 0"),
    (both("==", both("%", A, whole(3)), whole(1), BOOLEAN), "a % 3 == 1", "int(math.fmod(a, 3)) == 1"),
    (both("/", I, whole(2)), "i / 2", "i // 2"),
    (both("%", Call("length", (S,), INT), whole(3)), "s.length() % 3", "len(s) % 3"),
    (both("-", A, both("-", B, N)), "a - (b - maxSize)", "a - (b - max_size)"),
    (both("*", both("+", A, B), N), "(a + b) * maxSize", "(a + b) * max_size"),
    (both("-", CODE, Call("code", (Literal("a", CHAR),), INT)), "c - 'a'", 'ord(c) - ord("a")'),
    (Call("char", (both("+", CODE, whole(1)),), CHAR), "(char) (c + 1)", "chr(ord(c) + 1)"),
    (both("+", S, A, STRING), "s + a", "s + str(a)"),
    (both("+", S, C, STRING), "s + c", "s + c"),
    (Call("equals", (S, T), BOOLEAN), "s.equals(t)", "s == t"),
    (Not(Call("equals", (S, T), BOOLEAN)), "!s.equals(t)", "s != t"),
    (Call("is null", (S,), BOOLEAN), "s == null", "s is None"),
    (Not(Call("is null", (S,), BOOLEAN)), "s != null", "s is not None"),
    (Not(Call("is digit", (C,), BOOLEAN)), "!Character.isDigit(c)", "not c.isdigit()"),
    (Not(Call("contains", (COUNTED, C), BOOLEAN)), "!counts.containsKey(c)", "c not in counts"),
    (Call("count", (COUNTED, C), INT), "counts.getOrDefault(c, 0)", "counts.get(c, 0)"),
    (Ternary(both(">", A, B, BOOLEAN), A, B), "a > b ? a : b", "a if a > b else b"),
    (both("+", Ternary(both(">", A, B, BOOLEAN), A, B), whole(1)), "(a > b ? a : b) + 1", "(a if a > b else b) + 1"),
    (Call("slice", (S, whole(0), A), STRING), "s.substring(0, a)", "s[0:a]"),
    (Call("reversed", (S,), STRING), "new StringBuilder(s).reverse().toString()", "s[::-1]"),
    (Call("length", (XS,), INT), "xs.length", "len(xs)"),
    (Call("length", (ITEMS,), INT), "items.size()", "len(items)"),
    (both("==", Call("at", (ITEMS, I), INT), Call("at", (ITEMS, A), INT), BOOLEAN),
     "items.get(i).equals(items.get(a))", "items[i] == items[a]"),
    (both("!=", Call("at", (ITEMS, I), INT), Call("at", (ITEMS, A), INT), BOOLEAN),
     "!items.get(i).equals(items.get(a))", "items[i] != items[a]"),
    (both("==", Call("at", (ITEMS, I), INT), A, BOOLEAN), "items.get(i) == a", "items[i] == a"),
    (both("&&", both(">", A, B, BOOLEAN), both("||", both("<", A, N, BOOLEAN), Not(Name(("ok",), BOOLEAN)), BOOLEAN),
          BOOLEAN), "a > b && (a < maxSize || !ok)", "a > b and (a < max_size or not ok)"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "in_java", "in_python"), EXPRESSIONS, ids=[case[1] for case in EXPRESSIONS])
def test_an_expression(made, in_java, in_python):
    assert java.expression(made)[0] == in_java
    assert python.expression(made)[0] == in_python


def test_what_multiplies_itself_is_held_to_32_bits():
    product = Assign(A, both("+", both("*", A, whole(31)), CODE))
    assert python.statement(product) == ["a = (a * 31 + ord(c) + 2**31) % 2**32 - 2**31"]
    assert python.statement(Update(A, "*", both("+", B, whole(1)))) == ["a = (a * (b + 1) + 2**31) % 2**32 - 2**31"]
    assert python.statement(Assign(B, both("*", A, whole(31)))) == ["b = a * 31"]  # it may not leave them
    space = {"a": 123_456_789, "c": "z"}
    exec(python.statement(product)[0], space)
    assert space["a"] == (123_456_789 * 31 + 122 + 2**31) % 2**32 - 2**31 == -467_806_715


def test_what_is_joined_to_a_text_is_made_one():
    assert python.statement(Update(S, "+", A)) == ["s += str(a)"]
    assert python.statement(Update(S, "+", C)) == ["s += c"]
    assert python.statement(Update(S, "+", whole(1))) == ["s += str(1)"]
    assert block((Update(S, "+", whole(1)), Update(A, "+", whole(1))), java.OWN) == ["    s += 1;", "    a++;"]


def loop(start, stop, step=1, inclusive=False, body=()):
    return python.statement(ForRange(I, start, stop, step, inclusive, body or (Update(A, "+", I),)))


@pytest.mark.parametrize(
    ("made", "head"),
    [
        ((whole(0), N), "range(max_size)"),
        ((whole(1), N), "range(1, max_size)"),
        ((whole(1), N, 1, True), "range(1, max_size + 1)"),
        ((whole(0), whole(9), 1, True), "range(10)"),
        ((whole(0), N, 2), "range(0, max_size, 2)"),
        ((both("-", Call("length", (XS,), INT), whole(1)), whole(0), -1, True), "range(len(xs) - 1, -1, -1)"),
        ((N, whole(0), -2), "range(max_size, 0, -2)"),
    ],
)
def test_ranges(made, head):
    assert loop(*made) == [f"for i in {head}:", "    a += i"]


def test_a_loop_that_range_would_not_follow_counts_by_hand():
    out = Do("remove", (ITEMS, I))
    assert loop(whole(0), Call("length", (ITEMS,), INT), body=(out, Update(I, "-", whole(1)))) == [
        "i = 0", "while i < len(items):", "    items.pop(i)", "    i -= 1", "    i += 1",
    ]  # fmt: skip
    assert loop(whole(0), Call("length", (ITEMS,), INT), body=(Do("add", (ITEMS, I)),))[1] == "while i < len(items):"
    assert loop(whole(0), N, body=(If(both(">", A, I, BOOLEAN), (Update(I, "+", whole(2)),)),))[0] == "i = 0"
    assert loop(whole(0), N, body=(Assign(N, A),))[1] == "while i < max_size:"


def test_a_whole_file_imports_what_it_needs():
    def file(value):
        return Program((Function(("half", "of"), (A,), INT, (Declare(B, value), Return(B))),))

    assert python.write(file(A)) == "def half_of(a):\n    b = a\n    return b\n"
    assert python.write(file(both("%", A, whole(2)))).startswith("import math\n\n\ndef half_of(a):\n    b = int(math")
    assert java.write(file(A)).startswith("class Main {\n    static int halfOf(int a) {\n        int b = a;\n")
