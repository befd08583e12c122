"""Word maps and boxes as ids: the very words that an answer would give."""

import pytest

from tests.text.small import CHAT
from vlmcore.errors import VlmError
from vlmcore.scenes.grounding import box_text
from vlmcore.text.chat import Chat
from vlmcore.text.tokenizer import train_tokenizer
from vlmcore.text.word_map import cell_ids, coordinate_ids, corner_ids


def test_words_of_a_map_are_tokens():
    assert cell_ids(CHAT, [["dog", "120"], []]) == [[*CHAT.encode("dog"), *CHAT.encode("120")], []]


def test_corners_are_the_words_that_an_answer_would_give():
    corpus = [f" [[{n:03d},{n:03d},{n:03d},{n:03d}]]" for n in range(0, 1000, 40)]
    chat = Chat(train_tokenizer(corpus * 50, vocabulary=500))
    box = (0.121, 0.0, 0.5, 1.0)
    there, nowhere = corner_ids(chat, [box, None])
    assert nowhere == [-1] * 4
    assert chat.tokenizer.convert_ids_to_tokens(there) == ["Ġ[[120", ",000,", "480", ",960]]"]
    assert list(chat.encode(box_text([box]))) == there
    assert len({token for scale in coordinate_ids(chat) for token in scale}) == 100
    with pytest.raises(VlmError, match="larger vocabulary"):
        corner_ids(CHAT, [box])
