"""Pieces add up to the text, and no piece ends within a letter."""

import pytest

from vlmcore.decoding.pieces import pieces


def decode(ids):
    return bytes(ids).decode("utf-8", errors="replace")


@pytest.mark.parametrize("text", ["", "a whale", "é漢🐳", "漢"])
def test_pieces_add_up_and_letters_stay_whole(text):
    found = list(pieces(text.encode(), decode))
    assert "".join(found) == text and not any("\ufffd" in piece for piece in found)
    assert len(found) == len(text)


def test_a_letter_that_is_never_completed_is_told_at_the_end():
    assert list(pieces("a漢".encode()[:-1], decode)) == ["a", "\ufffd"]
