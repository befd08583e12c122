"""Every mask against its meaning, pair by pair."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vlmcore.models import masks

FAST = settings(deadline=None, max_examples=40)


@given(st.integers(1, 8), st.integers(0, 8))
@FAST
def test_causal(length, past):
    mask = masks.causal(length, past)
    assert mask.dtype == torch.bool and mask.shape == (1, 1, length, past + length)
    for i in range(length):
        for j in range(past + length):
            assert mask[0, 0, i, j] == (j <= past + i)


@given(st.integers(1, 8), st.data())
@FAST
def test_prefix(length, data):
    seen = data.draw(st.integers(0, length))
    mask = masks.prefix(length, seen)
    assert mask.dtype == torch.bool and mask.shape == (1, 1, length, length)
    for i in range(length):
        for j in range(length):
            assert mask[0, 0, i, j] == (j <= i or (i < seen and j < seen))


tokens = st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 2)), min_size=7, max_size=7)


@given(tokens, tokens)
@FAST
def test_packed(first, second):
    rows = [first, second]
    document, segment = torch.tensor(rows).unbind(-1)
    mask = masks.packed(document, segment)
    assert mask.dtype == torch.bool and mask.shape == (2, 1, 7, 7)
    assert mask.any(-1).all(), "an empty row would make the softmax NaN"
    for b, row in enumerate(rows):
        for i, (owner, part) in enumerate(row):
            for j, (other, its_part) in enumerate(row):
                reads = owner == other != -1 and its_part in (0, part) and j <= i
                assert mask[b, 0, i, j] == (reads or i == j)


def test_packed_is_the_picture_of_its_docstring():
    document = torch.tensor([[0, 0, 0, 0, 0, 0, 1, -1]])
    segment = torch.tensor([[0, 0, 1, 1, 2, 2, 0, 0]])
    expected = """
        x.......
        xx......
        xxx.....
        xxxx....
        xx..x...
        xx..xx..
        ......x.
        .......x
    """
    drawn = ["".join("x" if seen else "." for seen in row) for row in masks.packed(document, segment)[0, 0].tolist()]
    assert drawn == expected.split()


def test_one_document_with_one_segment_is_causal():
    document, segment = torch.zeros(1, 6, dtype=torch.long), torch.ones(1, 6, dtype=torch.long)
    assert torch.equal(masks.packed(document, segment), masks.causal(6))


# -- text, then a picture's codes --------------------------------------------------------------------------------------


@given(st.integers(0, 3), st.integers(1, 5), st.sampled_from([1, 3, 5]))
@FAST
def test_dalles_three_masks(text, side, kernel):
    """Text is causal; a code sees all text, itself, and of the codes before it those that its mask is named for."""
    length = text + side * side
    found = {
        "row": masks.row(text, side),
        "column": masks.column(text, side),
        "convolution": masks.convolution(text, side, kernel),
    }
    for name, mask in found.items():
        assert mask.dtype == torch.bool and mask.shape == (1, 1, length, length), name
    for i in range(length):
        for j in range(length):
            if i < text or j < text:
                expected = dict.fromkeys(found, j <= i)
            else:
                (y, x), (v, u) = divmod(i - text, side), divmod(j - text, side)
                expected = {
                    "row": 0 <= i - j <= side,
                    "column": x == u and v <= y,
                    "convolution": j <= i and abs(x - u) <= kernel // 2 and abs(y - v) <= kernel // 2,
                }
            assert {name: bool(mask[0, 0, i, j]) for name, mask in found.items()} == expected


def test_the_row_mask_wraps():
    """The first code of a row sees the whole row above, and not the one above that."""
    mask = masks.row(2, 3)[0, 0].int().tolist()
    assert mask[2 + 3] == [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert mask[2 + 6] == [1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 0]


def test_a_kernel_has_a_middle():
    with pytest.raises(AssertionError, match="odd"):
        masks.convolution(2, 4, 2)


@given(st.lists(st.booleans(), min_size=1, max_size=7), st.integers(0, 3))
@FAST
def test_coglm(hidden, text):
    codes = len(hidden)
    mask = masks.coglm(torch.tensor(hidden), text)
    assert mask.dtype == torch.bool and mask.shape == (1, 1, codes + text, codes + text)
    for i in range(codes + text):
        for j in range(codes + text):
            if i >= codes:
                expected = j <= i  # text sees the whole picture, and the text before it
            elif j >= codes:
                expected = False
            else:
                expected = not hidden[j] or (hidden[i] and j <= i)
            assert mask[0, 0, i, j] == expected
