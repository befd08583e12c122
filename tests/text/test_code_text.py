"""How code is put before the model, and which of its tokens are learned."""

import pytest

from vlmcore.errors import VlmError
from vlmcore.text.chat import IGNORE
from vlmcore.text.code_text import CodeText, tag
from vlmcore.text.code_tokenizer import train_code_tokenizer

CODE = "def twice(x):\n    return 2 * x\n"


@pytest.fixture(scope="module")
def text():
    return CodeText(train_code_tokenizer([CODE * 5, "# language: Python", "code translation\nJava:\n"], 330))


def test_a_program_stands_behind_its_languages_name(text):
    assert text.decode(text.prompt("Python", CODE)) == f"# language: Python\n{CODE}"
    assert tag("Java") == "// language: Java\n"


def test_a_translation_is_asked_for_as_published(text):
    prompt = text.translation("Java", "class Main {\n}\n", "Python")
    assert text.decode(prompt) == "code translation\nJava:\nclass Main {\n}\nPython:\n"
    assert prompt[0] == text.stop


@pytest.mark.parametrize("language", ["Cobol", "python", ""])
def test_an_unknown_language_is_refused(text, language):
    for ask in (lambda: text.prompt(language), lambda: text.translation("Java", CODE, language)):
        with pytest.raises(VlmError, match=r"Python, Java, JavaScript, C\+\+"):
            ask()


def test_what_follows_a_prompt_is_learned_to_its_end(text):
    prompt = text.prompt("Python", "def twice(x):\n")
    ids, labels = text.supervise(prompt, "    return 2 * x\n")
    assert ids[: len(prompt)] == prompt and labels[: len(prompt)] == [IGNORE] * len(prompt)
    assert labels[len(prompt) :] == ids[len(prompt) :] and ids[-1] == text.stop
    assert text.decode(ids) == f"# language: Python\n{CODE}"


def test_of_a_whole_program_all_is_learned_and_what_is_cut_off_does_not_stop(text):
    ids, labels = text.plain("Python", CODE, 1000)
    assert labels == [IGNORE, *ids[1:]] and ids[-1] == text.stop
    short, _ = text.plain("Python", CODE, 10)
    assert short == ids[:10] and short[-1] != text.stop


def test_the_names_of_special_tokens_in_a_program_are_text(text):
    ids = text.encode("x = '<|stop|>'")
    assert text.stop not in ids and text.tokenizer.decode(ids) == "x = '<|stop|>'"
