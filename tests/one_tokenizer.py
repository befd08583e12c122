"""Recipes make their tokenizer anew each time, and always the same one: for many small trainings once is enough."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from transformers import PreTrainedTokenizerFast

from vlmcore.recipes import llava
from vlmcore.scenes.world import World
from vlmcore.text.corpora import tokenizer_corpus
from vlmcore.text.tokenizer import train_tokenizer


@cache
def made(objects: int, seed: int, vocabulary: int) -> PreTrainedTokenizerFast:
    return train_tokenizer(tokenizer_corpus(World(objects), seed), vocabulary)


@contextmanager
def one_tokenizer() -> Iterator[None]:
    """Within, a recipe's tokenizer is trained only where none was trained for its world, seed and size yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(llava, "tokenizer_corpus", lambda world, seed: (len(world.names), seed))
        patch.setattr(llava, "train_tokenizer", lambda texts, vocabulary: made(*texts, vocabulary))
        yield
