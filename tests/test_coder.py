"""Completing, translating, what a coder refuses, and its folder."""

from random import Random

import pytest

from vlmcore.batches.code import either
from vlmcore.coder import first_function, load_coder, read_java
from vlmcore.errors import VlmError
from vlmcore.programs import java

POSITIONS = 200  # of the tiny one


@pytest.fixture
def coder(tiny_coder):
    return tiny_coder


def test_it_goes_on(coder):
    (one,) = coder.complete("def f(x):\n", max_tokens=8)
    assert isinstance(one, str)
    many = coder.complete("def f(x):\n", samples=5, temperature=1.5, seed=1, max_tokens=8)
    assert len(many) == 5 and len(set(many)) > 1
    assert many == coder.complete("def f(x):\n", samples=5, temperature=1.5, seed=1, max_tokens=8)


def test_streamed_or_at_once_it_is_the_same(coder):
    prompt = coder.prompt("def f(x):\n")
    assert "".join(coder.stream(prompt, max_tokens=12)) == coder.answer_all([prompt], max_tokens=12)[0]


def test_prompts_of_different_lengths_do_not_disturb_one_another(coder):
    prompts = [coder.prompt("def f(x):\n"), coder.prompt("def count(xs, n):\n    total = 0\n    for x in xs:\n")]
    together = coder.answer_all(prompts, max_tokens=10)
    assert together == [coder.answer_all([prompt], max_tokens=10)[0] for prompt in prompts]


def test_an_answer_ends_where_the_positions_end(coder):
    code = "x = 1\n" * 30
    prompt = coder.prompt(code)
    assert 100 < len(prompt) < POSITIONS
    assert len(coder.text.encode(coder.answer_all([prompt])[0])) <= POSITIONS


@pytest.mark.parametrize("empty", ["", "  \n"])
def test_an_empty_prompt_is_refused(coder, empty):
    for ask in (coder.complete, coder.translate):
        with pytest.raises(VlmError, match="empty"):
            ask(empty)


def test_too_long_and_unknown_are_refused(coder):
    with pytest.raises(VlmError, match=f"the model reads {POSITIONS - 1}: give it a part"):
        coder.complete("x = 1\n" * 100)
    with pytest.raises(VlmError, match="no language 'Cobol'"):
        coder.translate("class Main {}", target="Cobol")


def test_a_function_ends_where_something_else_begins():
    body = "    total = 0\n    # add\n    return total\n"
    for other in ("def g():\n", "class A:\n", "if __name__", "print(1)\n", "@cache\n", "# next\n", "assert f(1)\n"):
        assert first_function(f"{body}\n{other}    pass\n") == f"{body}\n"
    assert first_function(body) == body
    assert first_function("    define = 1\n") == "    define = 1\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"def f(x):\n    return x\n", "no Java method"),
        (b"x" * 100_001, "100001 bytes"),
        (None, "cannot read"),
    ],
)
def test_what_is_no_java_is_told(tmp_path, content, message):
    file = tmp_path / "Main.java"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(VlmError, match=message) as told:
        read_java(file)
    assert "Main.java" in str(told.value) and "\n" not in str(told.value)


def test_java_is_read(tmp_path):
    file = tmp_path / "Main.java"
    for seed in range(40):
        file.write_text(java.write(either(Random(seed))))
        assert read_java(file) == file.read_text()


def test_a_folder_holds_all_of_it(coder, tmp_path):
    coder.save(tmp_path / "run", half=False)
    again = load_coder(tmp_path / "run")
    assert again.about == {"seed": 3}
    assert again.complete("def f(x):\n", max_tokens=8) == coder.complete("def f(x):\n", max_tokens=8)


def test_a_folder_that_holds_no_coder_is_told(coder, tiny_folder, tmp_path):
    with pytest.raises(VlmError, match="train --model codegeex"):
        load_coder(tmp_path / "none")
    with pytest.raises(VlmError, match="writes no code"):
        load_coder(tiny_folder)
    coder.save(tmp_path / "run")
    (tmp_path / "run" / "tokenizer.json").unlink()
    with pytest.raises(VlmError, match="tokenizer"):
        load_coder(tmp_path / "run")
