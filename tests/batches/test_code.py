"""Batches of code: the same from the same number, nothing held out, answers alone are learned."""

from random import Random

import pytest

from vlmcore.batches import code
from vlmcore.batches.code import CodeBatches, asked, either, translated
from vlmcore.programs import java, python
from vlmcore.programs.described import described
from vlmcore.programs.generator import held_out
from vlmcore.text.chat import IGNORE
from vlmcore.text.code_text import CodeText
from vlmcore.text.code_tokenizer import train_code_tokenizer

SOURCES = {"argparse": "def parse(x):\n    return x\n" * 60, "glob": "HELD = 1\n" * 60}


@pytest.fixture(scope="module")
def text():
    made = [either(Random(seed)) for seed in range(200)]
    return CodeText(train_code_tokenizer([write(each) for each in made for write in (java.write, python.write)], 700))


@pytest.fixture
def library(monkeypatch):
    monkeypatch.setattr(code.python_source, "modules", lambda: SOURCES)
    assert [code.python_source.held_out(name) for name in SOURCES] == [False, True]


def made(text, **mix):
    return CodeBatches(text, 4, 400, 0, mix)


def test_the_same_number_makes_the_same_batch(text, library):
    batches = made(text, source=1.0, described=1.0, translation=1.0)
    one, again, other = batches(3), batches(3), batches(4)
    assert one.ids.equal(again.ids) and one.labels.equal(again.labels) and not one.ids.equal(other.ids)
    assert one.ids.shape == (4, 400) and (one.ids != text.pad).float().mean() > 0.6
    assert one.labels[one.labels != IGNORE].equal(one.ids[one.labels != IGNORE])


def test_translations_are_learned_and_what_they_are_made_from_is_not(text):
    prompt, answer = translated(text, Random(1))
    asked_for = text.decode(prompt)
    assert asked_for.startswith("code translation\nJava:\n") and asked_for.endswith("\nPython:\n")
    assert answer.startswith(("def ", "import math"))
    batch = made(text, translation=1.0)(0)
    learned = text.decode(batch.ids[batch.labels != IGNORE].tolist())
    assert "def " in learned and "code translation" not in learned


def test_some_go_the_other_way(text):
    prompts = [text.decode(translated(text, Random(seed))[0]) for seed in range(60)]
    assert 2 < sum("translation\nPython:" in prompt for prompt in prompts) < 25


def test_shapes_that_are_held_out_never_come(text, monkeypatch):
    seen = []
    monkeypatch.setattr(code, "held_out", lambda tree: seen.append(held_out(tree)) or seen[-1])
    for seed in range(60):
        translated(text, Random(seed))
        asked(text, Random(seed))
    assert any(seen), "one of so many should have been held out"
    assert seen.count(False) == 120  # each that was used


def test_a_sentence_is_asked_and_the_body_follows(text):
    prompt, body = asked(text, Random(5))
    head = text.decode(prompt)
    assert head.startswith("# language: Python\n") and head.endswith('"""\n') and body.startswith("    ")
    compile(head + body, "made", "exec")
    assert described(Random(5)).sentence.endswith(".")


def test_held_out_modules_are_not_read(text, library):
    batches = made(text, source=1.0)
    assert batches.sources == [SOURCES["argparse"]]
    assert "parse" in text.decode(batches(0).ids[0].tolist())
