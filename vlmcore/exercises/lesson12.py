"""Lesson 12: numbers of 32 bits, runs of spaces, the top query layer, judging from outside, pass@k."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vlmcore.evaluation import coding
from vlmcore.evaluation import pass_at_k as estimate
from vlmcore.exercises.check import Exercise, Lesson
from vlmcore.models.codegeex import TopQueryBlock, codegeex_config
from vlmcore.models.context import Context
from vlmcore.models.masks import causal
from vlmcore.text.code_tokenizer import LONGEST_RUN

# -- the references ----------------------------------------------------------------------------------------------------


def wrap32(number: int) -> int:
    """What Java's int makes of a number that may be too large for it."""
    return (number + 2**31) % 2**32 - 2**31


def split_run(spaces: int) -> list[int]:
    """A run of spaces as tokens of 10, 9 … 2 spaces, the longest first; a single one is left as it is."""
    found = [LONGEST_RUN] * (spaces // LONGEST_RUN)
    return [*found, spaces % LONGEST_RUN] if spaces % LONGEST_RUN else found


def top_query(x: Tensor, block: TopQueryBlock, positions: Tensor, mask: Tensor) -> Tensor:
    """CodeGeeX's last layer, x (B, T, D) → (B, T, D)."""
    return block(x, Context(positions=positions, mask=mask))


def passed(returned: Sequence[Any], expected: Sequence[Any]) -> bool:
    """Is it what a right program returns: as many values, equal, and of the same types?"""
    return coding.same(tuple(returned), tuple(expected))


def pass_at_k(tried: int, right: int, k: int) -> float:
    """The chance that one of k programs is right, drawn from ``tried`` of which ``right`` are."""
    return estimate.pass_at_k(tried, right, k)


# -- what is tried, and what goes wrong --------------------------------------------------------------------------------


def some_numbers() -> list[tuple]:
    return [(5,), (-5,), (2**31 - 1,), (2**31,), (-(2**31),), (-(2**31) - 1,), (31**9,), (-(31**9),)]


def wrapped_unsigned(number: int) -> int:
    return number % 2**32


def wrapped_at_31_bits(number: int) -> int:
    return number % 2**31


def wrapped_clamped(number: int) -> int:
    return max(min(number, 2**31 - 1), -(2**31))


def wrapped_not(number: int) -> int:
    return number


def wrapped_one_side(number: int) -> int:
    return number - 2**32 if number > 2**31 - 1 else number


def some_runs() -> list[tuple]:
    return [(1,), (2,), (10,), (11,), (13,), (20,), (21,), (34,)]


def runs_one_by_one(spaces: int) -> list[int]:
    return [1] * spaces


def runs_whole(spaces: int) -> list[int]:
    return [spaces]


def runs_shortest_first(spaces: int) -> list[int]:
    return split_run(spaces)[::-1]


def runs_in_halves(spaces: int) -> list[int]:
    return split_run(spaces // 2) + split_run(spaces - spaces // 2) if spaces > 1 else [1]


def runs_with_nothing(spaces: int) -> list[int]:
    return [LONGEST_RUN] * (spaces // LONGEST_RUN) + [spaces % LONGEST_RUN]


def some_layers() -> list[tuple]:
    config = codegeex_config(16, 2, 2, 12, 10).transformer
    block = TopQueryBlock(config, 1, 12).requires_grad_(False)
    with torch.no_grad():
        for number, weight in enumerate(block.parameters()):
            noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(number)) * 0.3
            weight.copy_(noise + (weight.ndim == 1 and number % 2 == 0))
    x = torch.randn(2, 7, 16, generator=torch.Generator().manual_seed(99))
    return [(x, block, torch.arange(7), causal(7)), (x, block, torch.arange(3, 10), causal(7))]


def parts(x: Tensor, block: TopQueryBlock, positions: Tensor) -> tuple[Tensor, Tensor]:
    h = block.norm_below(x)
    return h, block.queries(positions).expand_as(h)


def top_query_of_tokens(x: Tensor, block: TopQueryBlock, positions: Tensor, mask: Tensor) -> Tensor:
    h, _ = parts(x, block, positions)
    h = h + block.attention(block.norm1(h), Context(mask=mask))
    return h + block.mlp(block.norm2(h))


def top_query_normed(x: Tensor, block: TopQueryBlock, positions: Tensor, mask: Tensor) -> Tensor:
    h, query = parts(x, block, positions)
    h = h + block.attention(block.norm1(h), Context(mask=mask), query_from=block.norm1(query))
    return h + block.mlp(block.norm2(h))


def top_query_adds_query(x: Tensor, block: TopQueryBlock, positions: Tensor, mask: Tensor) -> Tensor:
    h, query = parts(x, block, positions)
    h = query + block.attention(block.norm1(h), Context(mask=mask), query_from=query)
    return h + block.mlp(block.norm2(h))


def top_query_unnormed_keys(x: Tensor, block: TopQueryBlock, positions: Tensor, mask: Tensor) -> Tensor:
    h, query = parts(x, block, positions)
    h = h + block.attention(h, Context(mask=mask), query_from=query)
    return h + block.mlp(block.norm2(h))


def top_query_without_norm_below(x: Tensor, block: TopQueryBlock, positions: Tensor, mask: Tensor) -> Tensor:
    query = block.queries(positions).expand_as(x)
    h = x + block.attention(block.norm1(x), Context(mask=mask), query_from=query)
    return h + block.mlp(block.norm2(h))


def top_query_counted_anew(x: Tensor, block: TopQueryBlock, positions: Tensor, mask: Tensor) -> Tensor:
    return top_query(x, block, torch.arange(x.shape[1], device=x.device), mask)


def top_query_ahead(x: Tensor, block: TopQueryBlock, positions: Tensor, mask: Tensor) -> Tensor:
    return top_query(x, block, positions + 1, mask)


def top_query_unmasked(x: Tensor, block: TopQueryBlock, positions: Tensor, mask: Tensor) -> Tensor:
    return top_query(x, block, positions, torch.ones_like(mask))


def top_query_without_mlp(x: Tensor, block: TopQueryBlock, positions: Tensor, mask: Tensor) -> Tensor:
    h, query = parts(x, block, positions)
    return h + block.attention(block.norm1(h), Context(mask=mask), query_from=query)


def top_query_normed_after(x: Tensor, block: TopQueryBlock, positions: Tensor, mask: Tensor) -> Tensor:
    return F.layer_norm(top_query(x, block, positions, mask), x.shape[-1:])


def some_values() -> list[tuple]:
    return [
        ((1, "a", [2]), (1, "a", [2])),
        ((1, 2), (1, 3)),
        ((1,), (1, 2)),
        ((1, 2), (1,)),
        ((), (1,)),
        ((True,), (1,)),
        ((1.0,), (1,)),
        (("3",), (3,)),
        (([1, 2],), ([1, 2],)),
    ]


def passed_by_value(returned: Sequence[Any], expected: Sequence[Any]) -> bool:
    return list(returned) == list(expected)


def passed_as_text(returned: Sequence[Any], expected: Sequence[Any]) -> bool:
    return [str(value) for value in returned] == [str(value) for value in expected]


def passed_as_far_as_it_goes(returned: Sequence[Any], expected: Sequence[Any]) -> bool:
    return all(type(a) is type(b) and a == b for a, b in zip(returned, expected))


def passed_by_one(returned: Sequence[Any], expected: Sequence[Any]) -> bool:
    return any(type(a) is type(b) and a == b for a, b in zip(returned, expected))


def some_trials() -> list[tuple]:
    return [(10, 3, 1), (10, 3, 5), (10, 0, 5), (10, 10, 1), (10, 6, 5), (200, 7, 100), (5, 1, 5)]


def pass_drawn_anew(tried: int, right: int, k: int) -> float:
    return 1 - (1 - right / tried) ** k


def pass_share(tried: int, right: int, k: int) -> float:
    return right / tried


def pass_all_right(tried: int, right: int, k: int) -> float:
    return float(torch.tensor([(right - i) / (tried - i) for i in range(k)]).clamp(min=0).prod())


def pass_none(tried: int, right: int, k: int) -> float:
    return 1 - pass_at_k(tried, right, k)


def pass_times_k(tried: int, right: int, k: int) -> float:
    return min(k * right / tried, 1.0)


LESSON = Lesson(
    "12",
    {
        "wrap32": Exercise(
            wrap32,
            some_numbers,
            mistakes={
                "Java's int has a sign: of the 2³² numbers half are negative.": wrapped_unsigned,
                "32 bits, one of them for the sign: the numbers repeat after 2**32, not 2**31.": wrapped_at_31_bits,
                "It wraps around, it does not stop at the largest: 2**31 becomes -2**31.": wrapped_clamped,
                "Nothing has changed: 2**31 is too large for an int.": wrapped_not,
                "Numbers may lie several rounds away, on either side: use %.": wrapped_one_side,
            },
            hints=(
                "Move the numbers so that the smallest, -2**31, becomes 0; go round; move them back.",
                "(number + 2**31) % 2**32 is how far it is above the smallest.",
            ),
            cpu_only=True,
        ),
        "split_run": Exercise(
            split_run,
            some_runs,
            mistakes={
                "One token a space is what GPT-2 does: up to ten spaces are one token.": runs_one_by_one,
                "The longest token has ten spaces.": runs_whole,
                "The longest comes first: 13 is [10, 3].": runs_shortest_first,
                "Take the longest that fits, then look at the rest: 13 is [10, 3], not two halves.": runs_in_halves,
                "There is no token of no space: 10 is [10], and 20 is [10, 10].": runs_with_nothing,
            },
            hints=("How often do ten fit, and what is left?", "divmod(spaces, 10)"),
            cpu_only=True,
        ),
        "top_query": Exercise(
            top_query,
            some_layers,
            mistakes={
                "Your queries come from the tokens: here they come from block.queries(positions) alone.": (
                    top_query_of_tokens
                ),
                "The query table is not normalised: norm1 is for keys and values.": top_query_normed,
                "What is found is added to h, not to the query.": top_query_adds_query,
                "Keys and values are made of norm1(h), not of h.": top_query_unnormed_keys,
                "h = block.norm_below(x) comes first, and the stream goes on from h.": top_query_without_norm_below,
                "Take the positions that are given: in decoding a row does not begin at 0.": top_query_counted_anew,
                "The query of row i is entry i of the table (the name n + 1 means the token that is predicted).": (
                    top_query_ahead
                ),
                "Tokens look ahead: apply the mask before the softmax.": top_query_unmasked,
                "After the attention comes the MLP, as in any block: h + mlp(norm2(h)).": top_query_without_mlp,
                "There is no norm after this layer.": top_query_normed_after,
            },
            hints=(
                "Begin with h = block.norm_below(x), the output of the stack below.",
                "One matrix holds all three projections: block.attention.qkv. Its first D outputs are queries: of the "
                "table's vectors; the next 2·D keys and values: of block.norm1(h).",
                "block.queries(positions) is (T, D): one row for all of the batch. expand_as(h) gives (B, T, D).",
                "Split into heads, (B, H, T, d); scores = query @ key.transpose(-1, -2) / d**0.5; mask; softmax; "
                "@ value; heads side by side; block.attention.out. Then h = h + that, and h + mlp(norm2(h)).",
            ),
        ),
        "passed": Exercise(
            passed,
            some_values,
            mistakes={
                "In Python True == 1 and 1.0 == 1: compare types too.": passed_by_value,
                "As texts '3' and 3 look alike: compare the values and their types.": passed_as_text,
                "zip stops at the shorter: a program that returned nothing has passed yours.": passed_as_far_as_it_goes,
                "All values must be right, not one of them.": passed_by_one,
            },
            hints=(
                "How many values, which values, of which types?",
                "[(type(value), value) for value in …] can be compared as a whole.",
            ),
            cpu_only=True,
        ),
        "pass_at_k": Exercise(
            pass_at_k,
            some_trials,
            mistakes={
                "That draws each program anew; the k are drawn without putting back from those that were tried.": (
                    pass_drawn_anew
                ),
                "That is pass@1: with k programs there are k chances.": pass_share,
                "That all k are right is too much: one is enough.": pass_all_right,
                "That is the chance that none is right: 1 minus it.": pass_none,
                "Chances do not add up: two programs may both be right.": pass_times_k,
            },
            hints=(
                "What is the chance that all k are wrong?",
                "C(n − c, k) of C(n, k) choices miss all c right ones. Python has math.comb.",
                "Where fewer than k are wrong, one of any k is right: math.comb(n - c, k) is 0 then.",
            ),
            cpu_only=True,
        ),
    },
)
check, hint = LESSON.check, LESSON.hint
