"""Conversations as tokens: what is supervised, what is packed, and a tokenizer that loses nothing."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from tests import tiny
from vlmcore.chat import IGNORE, Chat, Document
from vlmcore.data.instruct import Turn
from vlmcore.data.text import SPECIAL, tokenizer_corpus, train_tokenizer
from vlmcore.data.wording import box_text
from vlmcore.data.world import World
from vlmcore.errors import VlmError
from vlmcore.language import LanguageConfig, LanguageModel
from vlmcore.transformer import TransformerConfig

TEXTS = [
    " the dog is in the middle",
    " where is the cat? it is at the top",
    " con chó ở giữa",
    " 狗在中间 🐕",
    " [[120,340,560,780]]",
]
FAST = settings(deadline=None, max_examples=60)
ANY = st.text(max_size=40)
TRICKY = st.lists(st.sampled_from([*SPECIAL, "<", "image>", " ", "dog", "🐕"]), max_size=6).map("".join)


def build() -> Chat:
    return Chat(train_tokenizer(TEXTS * 20, vocabulary=320))


CHAT = build()  # hypothesis wants no fixtures that are made anew
TOKENIZER = CHAT.tokenizer


def plain_ids(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)


# -- the tokenizer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Con chó đứng giữa bức tranh, bên trái con mèo.",
        "狗在中间，猫在左上角。",
        "👩‍👩‍👧‍👦 🇻🇳🐕‍🦺 e\u0301 \u200b",
        " two  spaces,\ttabs\r\n\n and trailing ones  ",
        "1234567 3.14 [[001,020;999,000]]",
        "don't \x00\x7f",
        "",
    ],
)
def test_text_survives(text):
    ids = plain_ids(TOKENIZER, text)
    assert TOKENIZER.decode(ids) == text
    assert not set(ids) & set(TOKENIZER.convert_tokens_to_ids(list(SPECIAL)))


@given(ANY | TRICKY)
@FAST
def test_any_text_survives(text):
    assert TOKENIZER.decode(plain_ids(TOKENIZER, text)) == text
    assert CHAT.decode(CHAT.encode(text)) == text.strip()


def test_special_tokens_come_first_and_common_words_are_one_token():
    assert TOKENIZER.convert_tokens_to_ids(list(SPECIAL)) == [0, 1, 2, 3, 4]
    assert len(TOKENIZER) == 320
    assert len(CHAT.encode("the")) == 1 and len(plain_ids(TOKENIZER, "3405")) > 1
    assert CHAT.encode("the the") == CHAT.encode("the") * 2  # the same at the start as in the middle


def test_every_name_is_one_token_and_begins_its_plural():
    world = World()
    chat = Chat(train_tokenizer(tokenizer_corpus(world)))
    assert {len(chat.encode(name)) for name in world.names} == {1}
    for name, item in world.objects.items():
        if item.plural == f"{name}s":
            singular, plural = chat.encode(name), chat.encode(item.plural)
            assert plural[: len(singular)] == singular or name.endswith("s"), name


@pytest.mark.parametrize("kind", [PreTrainedTokenizerFast, AutoTokenizer])
def test_the_tokenizer_survives_the_disk(tmp_path: Path, kind):
    TOKENIZER.save_pretrained(tmp_path)
    loaded = Chat(kind.from_pretrained(tmp_path, local_files_only=True))
    assert (loaded.image, loaded.user, loaded.assistant, loaded.stop, loaded.pad) == (0, 1, 2, 3, 4)
    assert loaded.tokenizer.get_vocab() == TOKENIZER.get_vocab()
    for text in [*TEXTS, "<image> <stop>", "Đà Nẵng 🐉  \n x", " a ,b . don 't"]:
        assert loaded.encode(text) == CHAT.encode(text)
        assert loaded.tokenizer.decode(loaded.encode(text)) == f" {text}"
    assert loaded.tokenizer.pad_token_id == 4 and loaded.tokenizer.eos_token_id == 3


def test_the_chat_template_says_the_same():
    talk = [("where is the dog?", "in the middle"), ("and the cat?", "at the top")]
    messages = [{"role": role, "content": text} for pair in talk for role, text in zip(("user", "assistant"), pair)]
    text = TOKENIZER.apply_chat_template(messages, tokenize=False)
    assert TOKENIZER.encode(text, add_special_tokens=False) == CHAT.supervise(talk)[0]
    text = TOKENIZER.apply_chat_template(messages[:3], tokenize=False, add_generation_prompt=True)
    assert TOKENIZER.encode(text, add_special_tokens=False) == CHAT.prompt(talk[:1], talk[1][0])


# -- conversations ---------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(ANY | TRICKY, ANY | TRICKY), min_size=1, max_size=4))
@FAST
def test_only_answers_and_their_stops_are_supervised(talk):
    ids, labels = CHAT.supervise(talk)
    answering, answers = False, 0
    for token, label in zip(ids, labels, strict=True):
        assert label == (token if answering else IGNORE)
        if token == CHAT.assistant:
            answering = True
        elif token == CHAT.stop:
            answering, answers = False, answers + 1
    assert answers == len(talk) and not answering
    assert [ids.count(token) for token in (CHAT.user, CHAT.assistant, CHAT.image, CHAT.pad)] == [answers, answers, 0, 0]


@given(st.lists(st.tuples(ANY, ANY), max_size=3), ANY, ANY)
@FAST
def test_a_prompt_is_what_stands_before_the_answer(history, question, answer):
    prompt = CHAT.prompt(history, question)
    ids, labels = CHAT.supervise([*history, (question, answer)])
    assert ids[: len(prompt)] == prompt
    assert ids[len(prompt) :] == labels[len(prompt) :] == [*CHAT.encode(answer), CHAT.stop]


def test_turns_and_pairs_are_the_same():
    assert CHAT.supervise([Turn("any", "the dog?", "the cat")]) == CHAT.supervise([("the dog?", "the cat")])


@pytest.mark.parametrize("special", SPECIAL)
def test_typing_a_special_token_does_not_make_one(special):
    ids = CHAT.prompt([(special, special)], f"what is {special}{special}?")
    ours = [CHAT.user, CHAT.assistant, CHAT.stop, CHAT.user, CHAT.assistant]
    assert [token for token in ids if token < len(SPECIAL)] == ours
    assert CHAT.decode(CHAT.encode(f"what is {special}?")) == f"what is {special}?"


@given(ANY, st.integers(2, 12))
@FAST
def test_running_text_is_supervised_everywhere(text, limit):
    ids, labels = CHAT.plain(text, limit)
    whole = [CHAT.stop, *CHAT.encode(text)]
    assert len(ids) <= limit and ids[-1] == CHAT.stop
    assert ids[:-1] == whole[: limit - 1]
    assert labels == [IGNORE, *ids[1:]]


def test_words_of_a_map_are_tokens():
    assert CHAT.map_ids([["dog", "120"], []]) == [[*CHAT.encode("dog"), *CHAT.encode("120")], []]


# -- rows ------------------------------------------------------------------------------------------------------------


def document(*turns: Sequence[int], patches: int = 0, **rest: object) -> Document:
    """Turns whose labels are their ids plus 100."""
    return Document([(list(turn), [token + 100 for token in turn]) for turn in turns], patches, **rest)


def test_a_batch_is_laid_out_as_written():
    rows = [
        [document([10, 11], [12], patches=2, picture=5), document([13, 14])],
        [document([15], patches=1, picture=3)],
    ]
    batch = CHAT.batch(rows, 9)
    i, p, no = CHAT.image, CHAT.pad, IGNORE
    assert batch.ids.tolist() == [[i, i, 10, 11, 12, 13, 14, p, p], [i, 15, p, p, p, p, p, p, p]]
    assert batch.labels.tolist() == [[no, no, 110, 111, 112, 113, 114, no, no], [no, 115, *[no] * 7]]
    assert batch.positions.tolist() == [[0, 1, 2, 3, 2, 0, 1, 0, 0], [0, 1, *[0] * 7]]
    assert batch.document.tolist() == [[0, 0, 0, 0, 0, 1, 1, -1, -1], [2, 2, *[-1] * 7]]
    assert batch.turn.tolist() == [[0, 0, 1, 1, 2, 1, 1, 0, 0], [0, 1, *[0] * 7]]
    assert batch.pictures.tolist() == [5, 3] and batch.cells is None
    assert batch.mask.shape == (2, 1, 9, 9)


def test_word_maps_are_padded_with_minus_one():
    here, nowhere = [21, 22, 23, 24], [-1] * 4
    rows = [
        [document([9], patches=2, cells=[[7], [8, 9, 10]], corners=[here, nowhere])],
        [document([9], patches=2, cells=[[], [6]], corners=[nowhere, here])],
    ]
    batch = CHAT.batch(rows, 4)
    assert batch.cells.tolist() == [[[7, -1, -1], [8, 9, 10]], [[-1, -1, -1], [6, -1, -1]]]
    assert batch.corners.tolist() == [[here, nowhere], [nowhere, here]]
    assert batch.pictures is None


def test_corners_are_the_words_that_an_answer_would_give():
    corpus = [f" [[{n:03d},{n:03d},{n:03d},{n:03d}]]" for n in range(0, 1000, 40)]
    chat = Chat(train_tokenizer(corpus * 50, vocabulary=500))
    box = (0.121, 0.0, 0.5, 1.0)
    there, nowhere = chat.corner_ids([box, None])
    assert nowhere == [-1] * 4
    assert chat.tokenizer.convert_ids_to_tokens(there) == ["Ġ[[120", ",000,", "480", ",960]]"]
    assert list(chat.encode(box_text([box]))) == there
    assert len({token for scale in chat.scales for token in scale}) == 100
    with pytest.raises(VlmError, match="larger vocabulary"):
        CHAT.corner_ids([box])


def test_a_batch_moves_whole():
    batch = CHAT.batch([[document([9], patches=1, picture=0)]], 4)
    moved = batch.to(torch.device("meta"))
    assert all(value.device.type == "meta" for value in vars(moved).values() if value is not None)
    assert moved.cells is None and batch.ids.device.type == "cpu"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=20), st.integers(1, 4))
@FAST
def test_packing_keeps_documents_whole_and_in_order(lengths, rows):
    batch = CHAT.pack(iter([document([20 + n] * length) for n, length in enumerate(lengths)]), rows, 8)
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

    batch = CHAT.pack(endless(), 2, 8)
    assert (batch.document >= 0).sum(1).tolist() == [6, 6]


def test_packed_turns_are_read_as_if_alone():
    small = TransformerConfig(width=32, layers=2, heads=4, kv_heads=2, hidden=48)
    model = tiny.randomise(LanguageModel(LanguageConfig(len(TOKENIZER), small)))
    talks = [[("where is the dog?", "in the middle"), ("and the cat?", "at the top")], [("the cat?", "the dog")]]
    documents = [Document([CHAT.supervise([pair]) for pair in talk]) for talk in talks]
    batch = CHAT.batch([documents], 64)
    logits = model(batch.ids, positions=batch.positions, mask=batch.mask)
    for n, talk in enumerate(talks):
        for which, pair in enumerate(talk, 1):
            here = (batch.document == n) & (batch.turn == which)
            tiny.agree(logits[here][None], model(torch.tensor([CHAT.supervise([pair])[0]])))
