"""Lesson 02: attention, the causal mask, rotary positions, the nucleus, reading on with a cache."""

from __future__ import annotations

import torch
from torch import Tensor

from vlmcore.decoding.sampling import nucleus
from vlmcore.exercises.check import Exercise, Lesson
from vlmcore.models.attention import attend
from vlmcore.models.cache import Cache
from vlmcore.models.config import TransformerConfig
from vlmcore.models.language import LanguageConfig, LanguageModel
from vlmcore.models.masks import (
    causal as causal_mask,  # by name: the lesson puts the student's functions into the modules
)
from vlmcore.models.rotary import rotate as rotate_by_table

# -- the references ----------------------------------------------------------------------------------------------------


def causal(length: int, past: int) -> Tensor:
    """Each of ``length`` new tokens sees the ``past`` ones, itself and the new ones before it → (T, past + T)."""
    return causal_mask(length, past)[0, 0]


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (x[i], x[i + d/2]) by its angle. x (B, H, T, d), cos and sin (T, d/2) → the shape of x."""
    return rotate_by_table(x, torch.cat([cos, cos], dim=-1), torch.cat([-sin, sin], dim=-1))


def read_on(model: LanguageModel, ids: Tensor, cache: Cache) -> Tensor:
    """Logits of the token after ``ids`` (B, T), of which the cache holds the first ``cache.length`` → (B, V)."""
    return model(ids[:, cache.length :], cache=cache)[:, -1]


# -- what is tried, and what goes wrong --------------------------------------------------------------------------------


def some_attention() -> list[tuple]:
    random = torch.Generator().manual_seed(0)

    def heads(tokens: int) -> Tensor:
        return torch.randn(2, 3, tokens, 4, generator=random)

    apart = torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [0, 1, 1, 0, 0], [0, 0, 1, 1, 1], [0, 1, 0, 1, 1]]).bool()
    return [
        (heads(5), heads(5), heads(5), causal_mask(5)),
        (heads(5), heads(5), heads(5), apart.expand(2, 1, 5, 5)),
        (heads(2), heads(5), heads(5), None),
    ]


def attend_so(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    scale: float | None = None,
    dim: int = -1,
    hidden: float = -torch.inf,
    invert: bool = False,
    after: bool = False,
    mix: bool = True,
) -> Tensor:
    """The formula, with one thing or another done differently."""
    scores = query @ key.transpose(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is None:
        mask = torch.ones_like(scores, dtype=torch.bool)
    elif invert:
        mask = ~mask
    weights = scores.softmax(dim) * mask if after else scores.masked_fill(~mask, hidden).softmax(dim)
    return weights @ value if mix else weights


def attend_transposed(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    return attend(query, key, value, None if mask is None else mask.transpose(-1, -2))


def some_turns() -> list[tuple]:
    random = torch.Generator().manual_seed(0)
    angles = torch.arange(5.0)[:, None] * torch.tensor([1.0, 0.3, 0.1])  # (T, d/2)
    turned_back = -2.5 * angles[:4]
    return [
        (torch.randn(2, 3, 5, 6, generator=random), angles.cos(), angles.sin()),
        (torch.randn(1, 1, 4, 6, generator=random), turned_back.cos(), turned_back.sin()),
    ]


def rotate_neighbours(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    a, b = x[..., ::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)


def rotate_overwritten(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=-1)
    a = a * cos - b * sin
    return torch.cat([a, b * cos + a * sin], dim=-1)


def rotate_mirrored(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos + b * sin, b * cos + a * sin], dim=-1)


def some_probabilities() -> list[tuple]:
    random = torch.Generator().manual_seed(0)
    return [
        (torch.tensor([[0.15, 0.5, 0.05, 0.3]]), 0.6),
        (torch.tensor([[0.02, 0.95, 0.03], [0.41, 0.19, 0.4]]), 0.9),  # one token alone is more than p
        (torch.randn(3, 12, generator=random).mul(2).softmax(-1), 0.75),
    ]


def renormalised(kept: Tensor) -> Tensor:
    return kept / kept.sum(-1, keepdim=True)


def nucleus_cut(probabilities: Tensor, p: float, spare: int, descending: bool = True) -> Tensor:
    """Keeps what adds up to less than p, and ``spare`` tokens more."""
    sorted_, order = probabilities.sort(dim=-1, descending=descending)
    kept = (sorted_.cumsum(-1) < p).sum(-1, keepdim=True) + spare
    rank = torch.arange(sorted_.shape[-1]).expand_as(sorted_)
    return renormalised(torch.zeros_like(sorted_).scatter(-1, order, sorted_.masked_fill(rank >= kept, 0)))


def nucleus_sorted(probabilities: Tensor, p: float) -> Tensor:
    return nucleus(probabilities, p).sort(dim=-1, descending=True).values


def nucleus_unsorted(probabilities: Tensor, p: float) -> Tensor:
    return renormalised(probabilities.masked_fill(probabilities.cumsum(-1) - probabilities >= p, 0))


def nucleus_smaller(probabilities: Tensor, p: float) -> Tensor:
    """Not brought back to a sum of 1."""
    return probabilities.masked_fill(nucleus(probabilities, p) == 0, 0)


def some_readings() -> list[tuple]:
    """A small model, and caches that hold the beginning of a text, or nothing yet.

    What the cache remembers is the beginning of another text: whoever computes the beginning anew is found out.
    """
    with torch.random.fork_rng(devices=[]):  # the lesson's own random numbers stay what they were
        torch.manual_seed(0)
        stack = TransformerConfig(width=16, layers=2, heads=2, kv_heads=2, intermediate_size=32)
        model = LanguageModel(LanguageConfig(20, stack)).requires_grad_(False).eval()
        texts = torch.randint(20, (2, 2, 8))
    tried = []
    for held, length in ((0, 6), (5, 6), (4, 8)):
        cache = Cache(stack, 2, 16, like=model.embedding.weight)
        if held:
            model(texts[0, :, :held], cache=cache)
        tried.append((model, texts[1, :, :length], cache))
    return tried


def read_from_zero(model: LanguageModel, ids: Tensor, cache: Cache) -> Tensor:
    new = ids[:, cache.length :]
    return model(new, positions=torch.arange(new.shape[1], device=ids.device), cache=cache)[:, -1]


LESSON = Lesson(
    "02",
    {
        "attend": Exercise(
            attend,
            some_attention,
            mistakes={
                "The scores are not divided by √d: multiply by query.shape[-1] ** -0.5.": (
                    lambda q, k, v, mask: attend_so(q, k, v, mask, scale=1.0)
                ),
                "Divided by d, not by its square root.": (
                    lambda q, k, v, mask: attend_so(q, k, v, mask, scale=1 / q.shape[-1])
                ),
                "Divided by √D, the width of the whole model: d is the width of one head, query.shape[-1].": (
                    lambda q, k, v, mask: attend_so(q, k, v, mask, scale=(q.shape[1] * q.shape[-1]) ** -0.5)
                ),
                "The softmax runs over the askers: the weights of one query add up to 1, so it is softmax(dim=-1).": (
                    lambda q, k, v, mask: attend_so(q, k, v, mask, dim=-2)
                ),
                "The mask is not used: where it is False, the score becomes −inf.": (
                    lambda q, k, v, mask: attend_so(q, k, v, None)
                ),
                "The mask is the wrong way round: True means may look. Hide where it is False, ~mask.": (
                    lambda q, k, v, mask: attend_so(q, k, v, mask, invert=True)
                ),
                "The mask is transposed: its rows ask, its columns are looked at, like those of the scores.": (
                    attend_transposed
                ),
                "Hidden scores became 0, and exp(0) is 1, not 0. What must not be seen gets −inf.": (
                    lambda q, k, v, mask: attend_so(q, k, v, mask, hidden=0.0)
                ),
                "The mask came after the softmax, so what is left no longer adds up to 1. Mask the scores.": (
                    lambda q, k, v, mask: attend_so(q, k, v, mask, after=True)
                ),
                "These are the weights. They still have to mix the values: weights @ value.": (
                    lambda q, k, v, mask: attend_so(q, k, v, mask, mix=False)
                ),
            },
            hints=(
                "Scores are (B, H, T, S): every query with every key. key.transpose(-1, -2) is (B, H, d, S).",
                "scores.masked_fill(~mask, -torch.inf), and only where there is a mask.",
                "softmax(dim=-1), then @ value. The scale is query.shape[-1] ** -0.5.",
            ),
        ),
        "causal": Exercise(
            causal,
            lambda: [(5, 0), (3, 4), (1, 6)],
            mistakes={
                "Upside down: each token sees what comes after it, and not what came before. Use tril.": (
                    lambda length, past: torch.ones(length, past + length).triu(past).bool()
                ),
                "The wrong way round: True means may look.": lambda length, past: ~causal(length, past),
                "Off by one: a token must also see itself, or the first would see nothing at all.": (
                    lambda length, past: torch.ones(length, past + length).tril(past - 1).bool()
                ),
                "Off by one: each token sees the next one, the very one that it has to guess.": (
                    lambda length, past: torch.ones(length, past + length).tril(past + 1).bool()
                ),
                "The first new token sees all of the past and itself, past + 1 tokens: move the diagonal by past.": (
                    lambda length, past: torch.ones(length, past + length).tril().bool()
                ),
                "There must be a column for every token that can be looked at, the past ones too: past + length.": (
                    lambda length, past: torch.ones(length, length).tril().bool()
                ),
                "Numbers instead of True and False: add .bool().": (
                    lambda length, past: torch.ones(length, past + length).tril(past)
                ),
            },
            hints=(
                "Row i is token past + i of the whole text. Which columns may it see?",
                "torch.tril(diagonal=n) keeps n diagonals more than those up to the main one.",
                "torch.ones(length, past + length, dtype=torch.bool).tril(…)",
            ),
            cpu_only=True,
        ),
        "rotate": Exercise(
            rotate,
            some_turns,
            mistakes={
                "It turns the wrong way: (a, b) becomes (a cos − b sin, b cos + a sin).": (
                    lambda x, cos, sin: rotate(x, cos, -sin)
                ),
                "The pairs are neighbours (0, 1), (2, 3), …: here x[i] goes with x[i + d/2], the halves of x.": (
                    rotate_neighbours
                ),
                "The second half was computed from the first half as already turned: keep the old one.": (
                    rotate_overwritten
                ),
                "A minus is missing: a cos + b sin with b cos + a sin is no rotation, lengths change.": rotate_mirrored,
                "Cosine and sine are exchanged: at angle 0 nothing may move.": (
                    lambda x, cos, sin: rotate(x, sin, cos)
                ),
            },
            hints=(
                "a, b = x.chunk(2, dim=-1) are the halves; cos and sin have their shape, up to broadcasting.",
                "Turning the point (a, b) by an angle: (a cos − b sin, b cos + a sin).",
                "torch.cat([…, …], dim=-1) puts the halves together again.",
            ),
        ),
        "nucleus": Exercise(
            nucleus,
            some_probabilities,
            mistakes={
                "Keep the token that crosses p as well: without it a very sure first token leaves nothing.": (
                    lambda probabilities, p: nucleus_cut(probabilities, p, spare=0)
                ),
                "One token too many: the nucleus ends with the token that reaches p.": (
                    lambda probabilities, p: nucleus_cut(probabilities, p, spare=2)
                ),
                "What is kept does not add up to 1: divide by its sum.": nucleus_smaller,
                "The result is in the order of likelihood: every token must stand in its own place again.": (
                    nucleus_sorted
                ),
                "Tokens were added up in the order of the vocabulary: sort them first, the likeliest in front.": (
                    nucleus_unsorted
                ),
                "This keeps the unlikely end: sort with descending=True.": (
                    lambda probabilities, p: nucleus_cut(probabilities, p, spare=1, descending=False)
                ),
                "p is no threshold for each token: it is what the kept ones must reach together.": (
                    lambda probabilities, p: renormalised(probabilities.masked_fill(probabilities < p, 0))
                ),
            },
            hints=(
                "likeliest, order = probabilities.sort(dim=-1, descending=True)",
                "A token stays if those before it have not yet reached p: likeliest.cumsum(-1) - likeliest < p.",
                "torch.zeros_like(likeliest).scatter(-1, order, kept) puts each token back into its place.",
            ),
            cpu_only=True,
        ),
        "read_on": Exercise(
            read_on,
            some_readings,
            mistakes={
                "All tokens were read again on top of those in the cache: read ids[:, cache.length:] alone.": (
                    lambda model, ids, cache: model(ids, cache=cache)[:, -1]
                ),
                "The cache is not used: everything was computed anew. Pass cache=cache.": (
                    lambda model, ids, cache: model(ids)[:, -1]
                ),
                "Only the last token was read, but more than one may be new: a whole prompt, say.": (
                    lambda model, ids, cache: model(ids[:, -1:], cache=cache)[:, -1]
                ),
                "Off by one: the last token in the cache was read a second time.": (
                    lambda model, ids, cache: model(ids[:, max(cache.length - 1, 0) :], cache=cache)[:, -1]
                ),
                "These are the logits after the first new token: take the last place, [:, -1].": (
                    lambda model, ids, cache: model(ids[:, cache.length :], cache=cache)[:, 0]
                ),
                "The new tokens were numbered from 0: they stand behind those in the cache. "
                "Leave positions out, and the model counts from cache.length.": read_from_zero,
                "Logits of every new place came back: only those of the last one are wanted, [:, -1].": (
                    lambda model, ids, cache: model(ids[:, cache.length :], cache=cache)
                ),
            },
            hints=(
                "cache.length says how many tokens the cache holds. Which of ids are left?",
                "model(new, cache=cache) reads them, stores their keys and values, and returns logits (B, T_new, V).",
            ),
            cpu_only=True,
        ),
    },
)
check, hint = LESSON.check, LESSON.hint
