"""Many documents in rows of one length: whole, in order, laid out as written, read as if each were alone."""

from collections import Counter
from collections.abc import Sequence

import torch
from hypothesis import given
from hypothesis import strategies as st

from tests import tiny
from tests.text.small import CHAT, FAST, TOKENIZER
from vlmcore.models.config import TransformerConfig
from vlmcore.models.language import LanguageConfig, LanguageModel
from vlmcore.text.chat import IGNORE
from vlmcore.text.packing import Document, batch_of, pack


def document(*segments: Sequence[int], patches: int = 0, **rest: object) -> Document:
    """Segments whose labels are their ids plus 100."""
    return Document([(list(ids), [token + 100 for token in ids]) for ids in segments], patches, **rest)


def test_a_batch_is_laid_out_as_written():
    rows = [
        [document([10, 11], [12], patches=2, picture=5), document([13, 14])],
        [document([15], patches=1, picture=3)],
    ]
    batch = batch_of(CHAT, rows, 9)
    i, p, no = CHAT.image, CHAT.pad, IGNORE
    assert batch.ids.tolist() == [[i, i, 10, 11, 12, 13, 14, p, p], [i, 15, p, p, p, p, p, p, p]]
    assert batch.labels.tolist() == [[no, no, 110, 111, 112, 113, 114, no, no], [no, 115, *[no] * 7]]
    assert batch.positions.tolist() == [[0, 1, 2, 3, 2, 0, 1, 0, 0], [0, 1, *[0] * 7]]
    assert batch.document.tolist() == [[0, 0, 0, 0, 0, 1, 1, -1, -1], [2, 2, *[-1] * 7]]
    assert batch.segment.tolist() == [[0, 0, 1, 1, 2, 1, 1, 0, 0], [0, 1, *[0] * 7]]
    assert batch.pictures.tolist() == [5, 3] and batch.cells is None
    assert batch.mask.shape == (2, 1, 9, 9)


def test_word_maps_are_padded_with_minus_one():
    here, nowhere = [21, 22, 23, 24], [-1] * 4
    rows = [
        [document([9], patches=2, cells=[[7], [8, 9, 10]], corners=[here, nowhere])],
        [document([9], patches=2, cells=[[], [6]], corners=[nowhere, here])],
    ]
    batch = batch_of(CHAT, rows, 4)
    assert batch.cells.tolist() == [[[7, -1, -1], [8, 9, 10]], [[-1, -1, -1], [6, -1, -1]]]
    assert batch.corners.tolist() == [[here, nowhere], [nowhere, here]]
    assert batch.pictures is None


def test_a_batch_moves_whole():
    batch = batch_of(CHAT, [[document([9], patches=1, picture=0)]], 4)
    moved = batch.to(torch.device("meta"))
    assert all(value.device.type == "meta" for value in vars(moved).values() if value is not None)
    assert moved.cells is None and batch.ids.device.type == "cpu"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=20), st.integers(1, 4))
@FAST
def test_packing_keeps_documents_whole_and_in_order(lengths, rows):
    batch = pack(CHAT, iter([document([20 + n] * length) for n, length in enumerate(lengths)]), rows, 8)
    assert batch.ids.shape == (rows, 8)
    rows_read = [ids[real].tolist() for ids, real in zip(batch.ids, batch.document >= 0)]
    assert all(row == sorted(row) for row in rows_read)
    found = Counter(token - 20 for row in rows_read for token in row)
    assert all(count == lengths[n] for n, count in found.items())
    left_out = [n for n in range(max(found, default=-1)) if n not in found]
    room = int((batch.document < 0).sum(1).max())
    assert len(left_out) < 4 and all(lengths[n] > room for n in left_out), "it had its place"


def test_packing_an_endless_stream_ends():
    def endless():
        while True:
            yield document([9, 9, 9])

    batch = pack(CHAT, endless(), 2, 8)
    assert (batch.document >= 0).sum(1).tolist() == [6, 6]


def test_packed_segments_are_read_as_if_alone():
    small = TransformerConfig(width=32, layers=2, heads=4, kv_heads=2, intermediate_size=48)
    model = tiny.randomise(LanguageModel(LanguageConfig(len(TOKENIZER), small)))
    talks = [[("where is the dog?", "in the middle"), ("and the cat?", "at the top")], [("the cat?", "the dog")]]
    documents = [Document([CHAT.supervise([pair]) for pair in talk]) for talk in talks]
    batch = batch_of(CHAT, [documents], 64)
    logits = model(batch.ids, positions=batch.positions, mask=batch.mask)
    for n, talk in enumerate(talks):
        for which, pair in enumerate(talk, 1):
            here = (batch.document == n) & (batch.segment == which)
            tiny.agree(logits[here][None], model(torch.tensor([CHAT.supervise([pair])[0]])))


# -- documents that no longer fit --------------------------------------------------------------------------------------


def test_what_does_not_fit_whole_is_asked_fewer_questions():
    """Six tokens of room: the picture and the first two questions go in, the third is left out."""
    whole, long = document([1, 2]), document([10, 11], [12, 13], [14, 15, 16], patches=2, picture=3)
    batch = pack(CHAT, iter([whole, long]), 1, 8)
    assert batch.ids.tolist() == [[1, 2, CHAT.image, CHAT.image, 10, 11, 12, 13]]
    assert batch.pictures.tolist() == [3] and batch.segment.tolist() == [[1, 1, 0, 0, 1, 1, 2, 2]]


def test_it_is_shortened_to_the_largest_room_and_no_further():
    first, second = document([1] * 6), document([2] * 3)
    batch = pack(CHAT, iter([first, second, document([3, 3, 3], [4, 4], [5, 5])]), 2, 8)
    assert batch.ids.tolist() == [[1] * 6 + [CHAT.pad] * 2, [2] * 3 + [3] * 3 + [4] * 2]


def test_a_picture_without_a_question_is_not_packed_at_all():
    long = [document([number] * 7, patches=3, picture=number) for number in range(4)]
    batch = pack(CHAT, iter([document([9] * 5), *long, document([8])]), 1, 8)
    assert batch.ids.tolist() == [[9] * 5 + [CHAT.pad] * 3]  # four that do not fit, and the fifth is not looked at
    assert batch.pictures is None


@given(st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4), min_size=1, max_size=12), st.integers(1, 3))
@FAST
def test_what_is_left_of_a_document_is_its_beginning(lengths, rows):
    """Documents numbered by their tokens, segments told apart by the tokens' order."""
    made = [document(*([20 + n] * length for length in segments)) for n, segments in enumerate(lengths)]
    batch = pack(CHAT, iter(made), rows, 8)
    found = Counter((batch.ids[batch.document >= 0] - 20).tolist())
    room = int((batch.document < 0).sum(1).max())
    misses = 0
    for n, segments in enumerate(lengths[: max(found, default=-1) + 1]):
        starts = [sum(segments[:count]) for count in range(len(segments) + 1)]
        assert found[n] in starts
        misses += found[n] == 0
        assert found[n] == starts[-1] or starts[starts.index(found[n]) + 1] > room, "it had its place"
    assert misses < 4
