"""Shapes, and what can be seen of a number without running it."""

from vlmcore.programs.expressions import Binary, Call, Literal, Name
from vlmcore.programs.java_types import CHAR, INT, STRING
from vlmcore.programs.statements import Assign, ForRange, Return, Update
from vlmcore.programs.tree import natural, nodes, shape, wraps

A, B, I = Name(("a",), INT), Name(("b",), INT), Name(("i",), INT, natural=True)


def whole(value):
    return Literal(value, INT)


def test_a_shape_knows_no_names_and_no_values():
    one = ForRange(I, whole(0), A, 1, False, (Update(B, "+", whole(3)),))
    other = ForRange(Name(("k",), INT), whole(5), B, 1, False, (Update(A, "+", whole(7)),))
    assert shape(one) == shape(other)
    for changed in (
        ForRange(I, whole(0), A, 2, False, one.body),
        ForRange(I, whole(0), A, 1, True, one.body),
        ForRange(I, whole(0), A, 1, False, (Update(B, "*", whole(3)),)),
        ForRange(I, whole(0), A, 1, False, (Update(B, "+", A), Update(B, "+", A))),
        ForRange(I, A, A, 1, False, (Return(B),)),
    ):
        assert shape(changed) != shape(one)


def test_what_is_never_negative():
    size = Call("length", (Name(("s",), STRING),), INT)
    for value in (I, whole(0), size, Binary("+", I, size, INT), Binary("%", I, whole(3), INT), Literal("a", CHAR)):
        assert natural(value)
    for value in (A, whole(-1), Binary("-", I, whole(1), INT), Binary("*", A, I, INT), Literal("a", STRING)):
        assert not natural(value)


def test_what_wraps():
    product = Binary("*", A, whole(3), INT)
    assert wraps(Update(A, "*", B)) and wraps(Assign(A, Binary("+", product, B, INT)))
    assert not wraps(Assign(B, product)) and not wraps(Update(A, "+", product)) and not wraps(Return(product))


def test_all_nodes_are_found_in_order():
    value = Binary("+", A, Call("abs", (B,), INT), INT)
    assert [type(node).__name__ for node in nodes(Return(value))] == ["Return", "Binary", "Name", "Call", "Name"]
