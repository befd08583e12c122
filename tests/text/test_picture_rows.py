"""Rows of a text and a picture's codes, written out by hand."""

import pytest

from vlmcore.errors import VlmError
from vlmcore.text.picture_rows import CogViewRows, DALLERows

DALLE, COGVIEW = DALLERows(words=100, codes=16, text=5), CogViewRows(words=100, codes=16, text=5)


def test_dall_es_text_is_filled_up_by_the_pad_of_each_place():
    assert DALLE.prompt([7, 8, 9]) == [7, 8, 9, 103, 104]  # the pads of places 3 and 4
    assert DALLE.prompt([1, 2, 3, 4, 5]) == [1, 2, 3, 4, 5] and DALLE.prompt([]) == [100, 101, 102, 103, 104]
    assert DALLE.row([7], [0, 15]) == [7, 101, 102, 103, 104, 105, 120]
    assert DALLE.vocabulary == 121 and DALLE.code_ids == range(105, 121)


def test_cogviews_signs_stand_around_text_and_codes():
    assert COGVIEW.prompt([7, 8]) == [100, 7, 8, 101, 102] and COGVIEW.prompt([]) == [100, 101, 102]
    assert COGVIEW.row([7, 8], [0, 15]) == [100, 7, 8, 101, 102, 104, 119, 103]
    assert COGVIEW.vocabulary == 120 and COGVIEW.code_ids == range(104, 120)


@pytest.mark.parametrize("rows", [DALLE, COGVIEW], ids=["DALL·E", "CogView"])
def test_no_two_things_share_an_id_and_a_long_text_is_refused(rows):
    row = rows.row(range(rows.text), range(rows.codes))
    signs = [token for token in row if token >= rows.words and token not in rows.code_ids]
    assert len(set(row)) == len(row) and set(rows.code_ids) <= set(row) and max(row) == rows.vocabulary - 1
    assert all(token < rows.words + 5 for token in signs)
    with pytest.raises(VlmError, match="6 tokens, the model reads 5"):
        rows.prompt(range(6))
