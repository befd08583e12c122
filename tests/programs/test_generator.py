"""Random programs: the same from the same seed, many shapes, and what they are called with fits."""

from random import Random

import pytest

from tests.programs.running import by_python
from vlmcore.programs import java, python
from vlmcore.programs.expressions import Binary, Call
from vlmcore.programs.generator import arguments, held_out, program
from vlmcore.programs.java_types import INT
from vlmcore.programs.statements import Assign, ForRange, Update
from vlmcore.programs.tree import nodes, shape, wraps

MADE = [program(Random(seed)) for seed in range(300)]


def test_the_same_seed_makes_the_same_program():
    assert [program(Random(seed)) for seed in range(20)] == MADE[:20]


def test_shapes_are_many_and_a_tenth_is_held_out():
    assert len({shape(each) for each in MADE}) > 280
    share = sum(held_out(program(Random(seed))) for seed in range(2000)) / 2000
    assert share == pytest.approx(0.1, abs=0.03)


def test_names_do_not_decide_what_is_held_out():
    renamed = [program(Random(seed)) for seed in range(400)]
    by_shape = {}
    for each in renamed:
        assert by_shape.setdefault(shape(each), held_out(each)) == held_out(each)


def test_they_run_on_what_they_are_called_with():
    for seed, each in enumerate(MADE[:150]):
        random = Random(f"calls {seed}")
        assert len(by_python(each, [arguments(each, random) for _ in range(3)])) == 3


def test_none_is_given_only_to_those_that_ask_for_it():
    some = [arguments(each, Random(seed)) for seed, each in enumerate(MADE) for _ in range(20)]
    asking = [each for each in MADE if any(isinstance(n, Call) and n.what == "is null" for n in nodes(each))]
    assert asking and any(None in values for values in some)
    for seed, each in enumerate(MADE):
        if each not in asking:
            assert all(None not in arguments(each, Random(f"{seed} {n}")) for n in range(20))


def test_what_copying_gets_wrong_is_frequent():
    """Each of these in one program of a hundred at least: otherwise nobody could learn or measure it."""
    written = [(java.write(each), python.write(each)) for each in MADE]
    wanted = {
        "division": lambda j, p: "int(" in p and "fmod" not in p,
        "remainder": lambda j, p: "math.fmod" in p,
        "equality": lambda j, p: ".equals(" in j,
        "codes": lambda j, p: "ord(" in p,
        "to a character": lambda j, p: "chr(" in p,
        "ternary": lambda j, p: " ? " in j,
        "null": lambda j, p: "null" in j,
        "a list that becomes shorter": lambda j, p: ".pop(" in p,
        "a counter that is moved": lambda j, p: "while i <" in p or "while pos <" in p or "while k <" in p,
        "numbers joined to a text": lambda j, p: "str(" in p,
        "inclusive": lambda j, p: "<= " in j and "range" in p,
        "downward": lambda j, p: ", -1)" in p,
        "overflow": lambda j, p: "2**32" in p,
    }
    for name, test in wanted.items():
        assert sum(test(*each) for each in written) >= 3, name
    assert any(isinstance(node, ForRange) and node.inclusive for each in MADE for node in nodes(each))
    assert any(wraps(node) for each in MADE for node in nodes(each))


def test_numbers_that_fill_all_32_bits_are_never_added_up():
    """In Java their sum would wrap around, in Python it would not."""
    seen = 0
    for seed in range(1500):
        body = program(Random(seed), idioms=2).main.body
        wide = {n.name for each in body for n in nodes(each) if isinstance(n, Assign | Update) and wraps(n)}
        end = body[-1].value
        seen += bool(wide)
        sums = [n for n in nodes(end) if isinstance(n, Binary) and n.type == INT and n.operator in "+-"]
        assert not any({n.left, n.right} & wide for n in sums), seed
    assert seen > 100


def test_longer_programs_can_be_asked_for():
    def size(count):
        lengths = sorted(len(java.write(program(Random(seed), idioms=count))) for seed in range(60))
        return lengths[30]

    assert size(1) < size(2) < size(4)
