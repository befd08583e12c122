"""The checker: right goes on with the student's own, wrong is named, blank goes on, strict raises."""

from collections import Counter
from dataclasses import replace

import pytest
import torch

from vlmcore.device import Device
from vlmcore.exercises import check, lesson02, progress
from vlmcore.exercises.check import STRICT, Exercise, Lesson, Unsolved, difference, elsewhere, examine, same

META = torch.device("meta")  # stands for a GPU: a device whose tensors do not mix with the CPU's


def softmax(x):
    e = (x - x.max(-1, keepdim=True).values).exp()
    return e / e.sum(-1, keepdim=True)


def inputs():
    return [(torch.randn(3, 4, generator=torch.Generator().manual_seed(n)),) for n in range(2)]


LESSON = Lesson(
    "99",
    {
        "softmax": Exercise(
            softmax,
            inputs,
            mistakes={
                "the sum runs over the rows, not over each row's numbers.": lambda x: x.softmax(0),
                "the numbers are not divided by their sum.": lambda x: (x - x.max(-1, keepdim=True).values).exp(),
            },
            hints=("What must each row add up to?", "Divide by the sum.", "e / e.sum(-1, keepdim=True)"),
        )
    },
)


def named(function):
    function.__name__ = "softmax"
    return function


@pytest.fixture(autouse=True)
def beside(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "folder", lambda: tmp_path)
    for name in STRICT:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def blank(x):
    raise NotImplementedError


WRONG = {
    "the sum runs over the rows": lambda x: x.softmax(0),
    "not divided by their sum": lambda x: (x - x.max(-1, keepdim=True).values).exp(),
    r"shape \(4, 3\), expected is \(3, 4\)": lambda x: x.softmax(-1).T,
    r"Furthest off at \[": lambda x: x.softmax(-1) * 1.5,
    "stops with ZeroDivisionError": lambda x: 1 / 0,
    "changes what it was given": lambda x: x.sub_(1).softmax(-1),
    "Yours is None": lambda x: None,
    "Yours is 'nan'": lambda x: "nan",
}


def test_right_on_the_cpu_alone_is_told_of(monkeypatch, capsys):
    monkeypatch.setattr(check, "pick_device", lambda: Device(META, reason="a test"))
    assert LESSON.check(named(lambda x: softmax(x) * torch.ones(3, 4))) is softmax
    assert "this lesson computes on meta" in capsys.readouterr().out
    answer = named(lambda x: softmax(x) * torch.ones(3, 4, device=x.device))
    assert LESSON.check(answer) is answer


def test_models_and_caches_go_along_with_tensors():
    """What is tried elsewhere lies there whole: a model left behind would make a right answer look wrong."""
    exercise = lesson02.LESSON.exercises["read_on"]
    where = []

    def answer(model, ids, cache):
        held = [*model.parameters(), ids, *cache.keys, *cache.values, *cache.table]
        where.append({tensor.device for tensor in held})
        return exercise.reference(model, ids, cache)

    assert elsewhere(exercise, answer, META) is None
    assert where == [{META}] * len(exercise.inputs())
    assert {tensor.device.type for tensor in exercise.inputs()[0][0].parameters()} == {"cpu"}


def test_what_a_lesson_calls_on_the_cpu_alone_is_not_tried_elsewhere(monkeypatch):
    monkeypatch.setattr(check, "pick_device", lambda: Device(META, reason="a test"))
    devices = []

    def mine(x):
        devices.append(x.device.type)
        return x.softmax(-1) * torch.ones(3, 4)  # made on the CPU

    exercise = LESSON.exercises["softmax"]
    assert "computes on meta" in examine(exercise, mine) and set(devices) == {"cpu", "meta"}
    devices.clear()
    assert examine(replace(exercise, cpu_only=True), mine) is None and set(devices) == {"cpu"}


def test_right_goes_on_with_the_students_own(capsys):
    def mine(x):
        return x.softmax(-1)

    assert LESSON.check(named(mine)) is mine
    assert capsys.readouterr().out.startswith("✓ softmax: right")
    assert progress.load() == {"99": {"softmax": "right"}}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_is_named_and_the_lesson_goes_on(message, capsys, monkeypatch):
    assert LESSON.check(named(WRONG[message])) is softmax
    out, err = capsys.readouterr()
    assert out.startswith("✗ softmax: ") and "hint('softmax')" in out and err == ""
    assert progress.load() == {"99": {"softmax": "wrong"}}
    monkeypatch.setenv(STRICT[0], "1")
    with pytest.raises(Unsolved, match=message):
        LESSON.check(named(WRONG[message]))


@pytest.mark.parametrize("variable", STRICT)
def test_blank_goes_on_but_not_in_strict_mode(variable, capsys, monkeypatch):
    assert LESSON.check(named(blank)) is softmax
    assert capsys.readouterr().out.startswith("○ softmax: not written yet")
    assert progress.load() == {"99": {"softmax": "blank"}}
    monkeypatch.setenv(variable, "1")
    with pytest.raises(Unsolved, match="not written yet"):
        LESSON.check(named(blank))


def test_another_name_is_an_error_that_says_so():
    with pytest.raises(ValueError, match="keep the name"):
        LESSON.check(lambda x: x)


def test_hints_come_one_by_one(capsys):
    LESSON.hint("softmax")
    assert capsys.readouterr().out == "1. What must each row add up to?\n   More: hint('softmax', 2) of 3\n"
    LESSON.hint("softmax", 3)
    assert capsys.readouterr().out.splitlines()[-1] == "3. e / e.sum(-1, keepdim=True)"


@pytest.mark.parametrize(
    ("mine", "theirs", "alike"),
    [
        (1.0, 1.0, True),
        (torch.tensor(1.0), 1.0, True),
        (1, 1.0, True),
        (1.1, 1.0, False),
        (True, 1, False),
        ([1, 2], [1, 2], True),
        ([1], [1, 2], False),
        ("a", "a", True),
        (None, None, True),
        ({"a": 1}, Counter(a=1), True),
        ({"a": 1}, Counter(a=1, b=1), False),
        ({"a": 2}, Counter(a=1), False),
        (torch.tensor([1, 2]), torch.tensor([1.0, 2.0]), True),
        (torch.tensor([float("nan")]), torch.tensor([1.0]), False),
        (torch.ones(2, 1), torch.ones(2), False),
        (torch.ones(2), torch.ones(2, dtype=torch.bool), False),
        ((torch.ones(2), 3), (torch.ones(2), 3), True),
        ((torch.ones(2), 4), (torch.ones(2), 3), False),
    ],
)
def test_same(mine, theirs, alike):
    assert same(mine, theirs, 1e-4) == alike


def test_difference_finds_the_furthest_place():
    mine, theirs = torch.zeros(2, 3), torch.zeros(2, 3)
    mine[1, 2] = float("nan")
    assert difference(mine, theirs) == "Furthest off at [1, 2]: yours is nan, expected 0."
    assert difference(torch.tensor(1.0), torch.tensor(2.0)) == "Yours is 1, expected 2."
    assert difference(torch.ones(1), torch.ones(1) > 0) == "Your result holds torch.float32, expected is torch.bool."
    assert difference({"a": 1}, {"a": 1, "b": 2}) == "At 'b' yours is None, expected 2."
    assert "Part 1: Your result has the shape (2,)" in difference([1, torch.ones(2)], [1, torch.ones(3)])


def test_a_long_text_is_shown_from_where_it_goes_wrong():
    text = "a whale and a cow in the kitchen, " * 3
    said = difference(text + "[0.00, 0.25]", text + "[0.00,0.25]")
    assert "[0.00, 0.25]" in said and "[0.00,0.25]" in said


def test_a_loss_that_nothing_can_learn_from_is_wrong():
    loss = torch.ones(3, requires_grad=True).mean()
    assert same(loss * 1, loss, 0.0) and not same(loss.detach(), loss, 0.0) and not same(loss.item(), loss, 0.0)
    assert "no gradient" in difference(loss.item(), loss)


def test_the_type_is_told_of_where_it_alone_is_wrong():
    assert difference(5.0, 5) == "Yours is 5 of type float, expected is type int."
    assert "type" not in difference(12345.6, 12347.0)  # alike in four digits, and wrong all the same
