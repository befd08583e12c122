"""The chat template: conversations as tokens and labels.

Design choices:
- ``<image>…<image> <user> question <assistant> answer <stop>``, LLaVA's ``Human … <STOP> Assistant … <STOP>``;
- only answers and their ``<stop>`` are supervised: every other label is −100, which cross-entropy ignores;
- running text that is cut off is not taught to stop there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from transformers import PreTrainedTokenizerFast

from vlmcore.scenes.exchange import Exchange
from vlmcore.text.tokenizer import ASSISTANT, IMAGE, PAD, STOP, USER

IGNORE = -100  # the label of a token that is not supervised: cross-entropy leaves it out


class Chat:
    """Text ↔ tokens for one tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        self.image, self.user, self.assistant, self.stop, self.pad = tokenizer.convert_tokens_to_ids(
            [IMAGE, USER, ASSISTANT, STOP, PAD]
        )
        self.encode = lru_cache(maxsize=20_000)(self._encode)

    def _encode(self, text: str) -> tuple[int, ...]:
        """A word keeps the space before it, so that it is the same token at the start as in the middle."""
        return tuple(self.tokenizer.encode(f" {text}", add_special_tokens=False, split_special_tokens=True))

    def decode(self, ids: Sequence[int]) -> str:
        """The way back: without the space that ``encode`` puts in front, indentation and all else as it is."""
        return self.tokenizer.decode(ids, skip_special_tokens=True).removeprefix(" ")

    def prompt(self, history: Sequence[tuple[str, str]], question: str) -> list[int]:
        """What stands before the answer to ``question``, earlier (question, answer) pairs in front."""
        ids: list[int] = []
        for asked, answered in history:
            ids += [self.user, *self.encode(asked), self.assistant, *self.encode(answered), self.stop]
        return [*ids, self.user, *self.encode(question), self.assistant]

    def supervise(self, exchanges: Sequence[Exchange] | Sequence[tuple[str, str]]) -> tuple[list[int], list[int]]:
        """A conversation as (ids, labels): labels repeat the ids of answers and <stop>, −100 elsewhere."""
        ids: list[int] = []
        labels: list[int] = []
        for exchange in exchanges:
            question, answer = (exchange.question, exchange.answer) if isinstance(exchange, Exchange) else exchange
            asked = [self.user, *self.encode(question), self.assistant]
            answered = [*self.encode(answer), self.stop]
            ids += asked + answered
            labels += [IGNORE] * len(asked) + answered
        return ids, labels

    def plain(self, text: str, limit: int) -> tuple[list[int], list[int]]:
        """Running text of at most ``limit`` tokens: every one is supervised, ``<stop>`` only where the text ends."""
        ids = [self.stop, *self.encode(text), self.stop][:limit]
        return ids, [IGNORE, *ids[1:]]
