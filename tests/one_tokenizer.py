"""Recipes make their tokenizer anew each time, and always the same one: for many small trainings once is enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from transformers import PreTrainedTokenizerFast

from vlmcore.recipes import cogvlm, llava
from vlmcore.scenes.world import World
from vlmcore.text.corpora import tokenizer_corpus
from vlmcore.text.tokenizer import train_tokenizer

Texts = tuple[tuple[object, ...], Callable[[], Iterator[str]]]  # what decides them, and a function that makes them

made: dict[tuple[object, ...], PreTrainedTokenizerFast] = {}


def corpus(recipe: str, world: World, seed: int, *asking: object) -> Texts:
    """asking: always the same in one recipe."""
    return (recipe, len(world.names), seed), partial(tokenizer_corpus, world, seed, *asking)


def trained(texts: Texts, vocabulary: int) -> PreTrainedTokenizerFast:
    decided, make = texts
    if (*decided, vocabulary) not in made:
        made[*decided, vocabulary] = train_tokenizer(make(), vocabulary)
    return made[*decided, vocabulary]


@contextmanager
def one_tokenizer() -> Iterator[None]:
    """Within, a recipe's tokenizer is trained only where none was trained for it, its world, seed and size yet."""
    with pytest.MonkeyPatch.context() as patch:
        for recipe in (llava, cogvlm):
            patch.setattr(recipe, "tokenizer_corpus", partial(corpus, recipe.__name__))
            patch.setattr(recipe, "train_tokenizer", trained)
        yield
