"""Every mask against its meaning, pair by pair."""

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
