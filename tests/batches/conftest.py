"""A chat whose tokenizer knows the small world of these tests."""

import pytest

from vlmcore.scenes.world import World
from vlmcore.text.chat import Chat
from vlmcore.text.corpora import tokenizer_corpus
from vlmcore.text.tokenizer import train_tokenizer


@pytest.fixture(scope="session")
def world() -> World:
    return World(24)


@pytest.fixture(scope="session")
def chat(world) -> Chat:
    return Chat(train_tokenizer(tokenizer_corpus(world), 1500))
