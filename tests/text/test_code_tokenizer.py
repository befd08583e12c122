"""Any text survives; a run of spaces is one token; words part at their humps."""

import pytest
from transformers import PreTrainedTokenizerFast

from vlmcore.text.code_tokenizer import LONGEST_RUN, PAD, STOP, train_code_tokenizer

CODE = "def running_total(xs):\n    total = 0\n    for x in xs:\n        total += x\n    return total\n" * 3


@pytest.fixture(scope="module")
def tokenizer():
    return train_code_tokenizer([CODE, "int runningTotal = 120;"], 300)


@pytest.mark.parametrize(
    "text", [CODE, "", " ", "a" + " " * 23 + "b", "\ttab\r\n\n  end   ", "é 漢字 🐳", "a  b c", "x=1;y = 1024"]
)
def test_any_text_survives(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_runs_of_spaces_are_tokens_the_longest_first(tokenizer):
    def pieces(text):
        return [tokenizer.decode([token]) for token in tokenizer.encode(text)]

    for length in range(2, LONGEST_RUN + 1):
        assert pieces(" " * length + "x") == [" " * length, "x"]
    assert pieces("x" + " " * 23 + "x") == ["x", " " * 10, " " * 10, " " * 3, "x"]


def test_words_part_at_their_humps(tokenizer):
    java, python = tokenizer.tokenize("runningTotal"), tokenizer.tokenize("running_total")
    assert "".join(java) == "runningTotal" and not any("gT" in piece for piece in java)
    assert "_" in python


def test_the_vocabulary_is_as_large_as_asked_and_survives_the_disk(tokenizer, tmp_path):
    assert len(tokenizer) == 300 and tokenizer.convert_tokens_to_ids([STOP, PAD]) == [0, 1]
    tokenizer.save_pretrained(tmp_path)
    again = PreTrainedTokenizerFast.from_pretrained(tmp_path, local_files_only=True)
    assert again.encode(CODE) == tokenizer.encode(CODE) and again.decode(again.encode(CODE)) == CODE
