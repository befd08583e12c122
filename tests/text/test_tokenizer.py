"""A tokenizer that loses nothing, and for which every word of a name is one token."""

from pathlib import Path

import pytest
from hypothesis import given
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from tests.text.small import ANY, CHAT, FAST, TEXTS, TOKENIZER, TRICKY
from vlmcore.scenes.world import World
from vlmcore.text.chat import Chat
from vlmcore.text.corpora import tokenizer_corpus
from vlmcore.text.tokenizer import SPECIAL, train_tokenizer


def plain_ids(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)


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
    assert CHAT.decode(CHAT.encode(text)) == text


def test_special_tokens_come_first_and_common_words_are_one_token():
    assert TOKENIZER.convert_tokens_to_ids(list(SPECIAL)) == [0, 1, 2, 3, 4]
    assert len(TOKENIZER) == 320
    assert len(CHAT.encode("the")) == 1 and len(plain_ids(TOKENIZER, "3405")) > 1
    assert CHAT.encode("the the") == CHAT.encode("the") * 2  # the same at the start as in the middle


def test_every_word_of_a_name_is_one_token_and_a_name_begins_its_plural():
    world = World()
    chat = Chat(train_tokenizer(tokenizer_corpus(world)))
    for name in world.names:  # the s of scissors is one too, as that of any plural
        pieces = [chat.decode([token]).strip() for token in chat.encode(name)]
        whole = [part for word in name.split() for part in ([word] if word in pieces else [word[:-1], "s"])]
        assert pieces == whole and (pieces == name.split() or name.endswith("s") or "sports" in name)
    for name, item in world.objects.items():
        if item.plural == f"{name}s":
            singular, plural = chat.encode(name), chat.encode(item.plural)
            assert plural[: len(singular)] == singular or name.endswith("s") or len(name) < 3, name  # tv, tvs


@pytest.mark.parametrize("kind", [PreTrainedTokenizerFast, AutoTokenizer])
def test_the_tokenizer_survives_the_disk(tmp_path: Path, kind):
    TOKENIZER.save_pretrained(tmp_path)
    loaded = Chat(kind.from_pretrained(tmp_path, local_files_only=True))
    assert (loaded.image, loaded.user, loaded.assistant, loaded.stop, loaded.pad) == (0, 1, 2, 3, 4)
    assert loaded.tokenizer.get_vocab() == TOKENIZER.get_vocab()
    for text in [*TEXTS, "<image> <stop>", "Đà Nẵng 🐉  \n x", " a ,b . don 't"]:
        assert loaded.encode(text) == CHAT.encode(text)
        assert loaded.tokenizer.decode(loaded.encode(text)) == f" {text}"
        assert loaded.decode(loaded.encode(text)) == text
    assert loaded.tokenizer.pad_token_id == 4 and loaded.tokenizer.eos_token_id == 3
