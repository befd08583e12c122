"""Lesson 01: tokens, bigrams, cross-entropy, compression."""

from __future__ import annotations

from collections import Counter

import torch
import torch.nn.functional as F
from torch import Tensor

from vlmcore.exercises.check import Exercise, Lesson

Word = tuple[str, ...]  # a word as its symbols


# -- the references ----------------------------------------------------------------------------------------------------


def count_pairs(words: dict[Word, int]) -> Counter:
    """How often each pair of neighbouring symbols occurs, each word as often as the text has it."""
    pairs: Counter = Counter()
    for word, times in words.items():
        for pair in zip(word, word[1:]):
            pairs[pair] += times
    return pairs


def merge(word: Word, pair: tuple[str, str]) -> Word:
    """The word with every occurrence of the pair, from left to right, made one symbol."""
    merged: list[str] = []
    place = 0
    while place < len(word):
        if word[place : place + 2] == pair:
            merged.append(word[place] + word[place + 1])
            place += 2
        else:
            merged.append(word[place])
            place += 1
    return tuple(merged)


def count_bigrams(ids: Tensor, vocabulary: int, start: float = 1.0) -> Tensor:
    """How often each token follows each, counted from ``start``. (T,) → (V, V), the row is the token before."""
    counts = torch.full((vocabulary, vocabulary), start)
    return counts.index_put_((ids[:-1], ids[1:]), torch.ones(len(ids) - 1), accumulate=True)


def bigram_table(ids: Tensor, vocabulary: int) -> Tensor:
    """Probability of each token after each token, one added to every count. (T,) → (V, V), rows add up to 1."""
    counts = count_bigrams(ids, vocabulary)
    return counts / counts.sum(dim=1, keepdim=True)


def next_token_loss(logits: Tensor, ids: Tensor) -> Tensor:
    """Mean surprise, in nats, at each token given those before it. logits (B, T, V), ids (B, T)."""
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


def bits_per_byte(nats_per_token: float, tokens: int, size: int) -> float:
    """A loss as what an ideal archiver would write: bits for each byte of the text."""
    return nats_per_token * tokens / size / torch.log(torch.tensor(2.0)).item()


# -- what is tried, and what goes wrong --------------------------------------------------------------------------------


def some_words() -> list[tuple]:
    words = {tuple("hugs"): 5, tuple("pug"): 10, tuple("aaa"): 3, ("hu", "g"): 4, ("a",): 7}
    return [(words,), ({tuple("banana"): 2},)]


def some_merges() -> list[tuple]:
    return [
        (tuple("banana"), ("a", "n")),
        (tuple("aaaa"), ("a", "a")),
        (tuple("aaa"), ("a", "a")),
        (("hu", "g"), ("hu", "g")),
        (tuple("dog"), ("x", "y")),
        (("a",), ("a", "a")),
    ]


def merge_overlapping(word: Word, pair: tuple[str, str]) -> Word:
    merged = [word[0]]
    for symbol, following in zip(word, word[1:]):
        if (symbol, following) == pair:
            merged[-1] = symbol + following
        else:
            merged.append(following)
    return tuple(merged)


def merge_once(word: Word, pair: tuple[str, str]) -> Word:
    for place in range(len(word) - 1):
        if word[place : place + 2] == pair:
            return (*word[:place], "".join(pair), *word[place + 2 :])
    return word


def some_ids() -> list[tuple]:
    random = torch.Generator().manual_seed(0)
    return [(torch.randint(5, (40,), generator=random), 5), (torch.tensor([0, 1, 0, 1, 2]), 4)]


def bigrams_overwritten(ids: Tensor, vocabulary: int) -> Tensor:
    counts = torch.ones(vocabulary, vocabulary)
    counts[ids[:-1], ids[1:]] += 1  # a pair that comes twice is counted once
    return counts / counts.sum(dim=1, keepdim=True)


def bigrams_unsmoothed(ids: Tensor, vocabulary: int) -> Tensor:
    counts = count_bigrams(ids, vocabulary, start=0.0)
    return counts / counts.sum(dim=1, keepdim=True)


def bigrams_by_column(ids: Tensor, vocabulary: int) -> Tensor:
    counts = count_bigrams(ids, vocabulary)
    return counts / counts.sum(dim=0, keepdim=True)


def some_logits() -> list[tuple]:
    random = torch.Generator().manual_seed(0)
    return [
        (torch.randn(2, 6, 7, generator=random).requires_grad_(), torch.randint(7, (2, 6), generator=random))
        for _ in range(2)
    ]


def _bits(nats_per_token: float, tokens: int, size: int) -> float:
    return nats_per_token * tokens / size


LESSON = Lesson(
    "01",
    {
        "count_pairs": Exercise(
            count_pairs,
            some_words,
            mistakes={
                "Each word counts as often as the text has it: add `times`, not 1.": lambda words: Counter(
                    pair for word in words for pair in zip(word, word[1:])
                ),
                "A pair may come twice in one word (`banana` has two `an`): count each.": lambda words: sum(
                    (Counter({pair: times for pair in zip(word, word[1:])}) for word, times in words.items()), Counter()
                ),
                "Only neighbours make a pair: each symbol with the next one.": lambda words: sum(
                    (
                        Counter({pair: times})
                        for word, times in words.items()
                        for i in range(len(word))
                        for j in range(i + 1, len(word))
                        for pair in [(word[i], word[j])]
                    ),
                    Counter(),
                ),
            },
            hints=(
                "zip(word, word[1:]) walks over the neighbours of one word.",
                "words.items() gives each word with how often it occurs; that number is what a pair gains.",
                "for pair in zip(word, word[1:]): pairs[pair] += times",
            ),
            cpu_only=True,
        ),
        "merge": Exercise(
            merge,
            some_merges,
            mistakes={
                "Once two symbols are merged, the second is used up: 'aaa' becomes ('aa', 'a').": merge_overlapping,
                "Every occurrence is merged, not the first alone: 'banana' becomes b an an a.": merge_once,
                "The pair is to be found and made one symbol; nothing was merged.": lambda word, pair: word,
            },
            hints=(
                "Walk with a place that you move yourself: by two after a merge, by one otherwise.",
                "word[place : place + 2] == pair asks whether the pair stands here.",
            ),
            cpu_only=True,
        ),
        "bigram_table": Exercise(
            bigram_table,
            some_ids,
            mistakes={
                "Rows must add up to 1, not columns: divide by counts.sum(dim=1, keepdim=True).": bigrams_by_column,
                "It is the wrong way round: the row is the token before, the column the token after.": (
                    lambda ids, vocabulary: bigram_table(ids.flip(0), vocabulary)
                ),
                "A pair that comes twice is counted once: `counts[a, b] += 1` writes each place one time only. "
                "Loop, or use index_put_(…, accumulate=True).": bigrams_overwritten,
                "What was never seen must not be impossible: begin with ones, not zeros.": bigrams_unsmoothed,
            },
            hints=(
                "ids[:-1] are the tokens before, ids[1:] those after.",
                "Begin with torch.ones(vocabulary, vocabulary), then add 1 for each pair.",
                "counts / counts.sum(dim=1, keepdim=True)",
            ),
            cpu_only=True,
        ),
        "next_token_loss": Exercise(
            next_token_loss,
            some_logits,
            mistakes={
                "The labels are not shifted: the logits at place t are about the token at t + 1.": lambda logits, ids: (
                    F.cross_entropy(logits.flatten(0, 1), ids.flatten())
                ),
                "Shifted the wrong way: place t is compared with the token at t − 1.": lambda logits, ids: (
                    F.cross_entropy(logits[:, 1:].flatten(0, 1), ids[:, :-1].flatten())
                ),
                "The softmax runs over the places, not over the vocabulary: the last dimension is V.": (
                    lambda logits, ids: -logits[:, :-1].log_softmax(1).gather(-1, ids[:, 1:, None]).mean()
                ),
                "It is the sum over all tokens, not their mean.": lambda logits, ids: F.cross_entropy(
                    logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), reduction="sum"
                ),
                "The sign is wrong: surprise is −log p, which is never negative.": lambda logits, ids: (
                    -next_token_loss(logits, ids)
                ),
            },
            hints=(
                "What do the logits at place 0 try to guess? Which label belongs to them?",
                "logits[:, :-1] and ids[:, 1:] have as many places.",
                "F.cross_entropy wants (N, V) and (N,): flatten(0, 1).",
            ),
        ),
        "bits_per_byte": Exercise(
            bits_per_byte,
            lambda: [(2.0, 100, 350), (0.7, 3, 11)],
            mistakes={
                "These are nats per byte: a bit is log 2 = 0.693 nats, divide by it.": _bits,
                "Multiplied by log 2 instead of divided: there are more bits than nats.": lambda n, t, s: (
                    _bits(n, t, s) * torch.log(torch.tensor(2.0)).item()
                ),
                "These are bits per token: a text of few long tokens must not look better for it. Use its bytes.": (
                    lambda n, t, s: n / torch.log(torch.tensor(2.0)).item()
                ),
                "Tokens and bytes are the wrong way round.": lambda n, t, s: bits_per_byte(n, s, t),
            },
            hints=("How many nats has the whole text?", "1 bit = log(2) nats."),
            cpu_only=True,
        ),
    },
)
check, hint = LESSON.check, LESSON.hint
