"""Lesson 08: how sure a score is, one model against another, learned queries, and which grid a picture gets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from vlmcore.exercises.check import Exercise, Lesson
from vlmcore.models.anyres import Size, pinpoints, select_best_resolution
from vlmcore.models.qformer import cross_attend

# -- the references ----------------------------------------------------------------------------------------------------


def standard_error(right: list[bool]) -> float:
    """How far the share of right answers typically lies from the model's true one: √(p (1 − p) / n)."""
    share = sum(right) / len(right)
    return math.sqrt(share * (1 - share) / len(right))


def paired_difference(first: list[bool], second: list[bool]) -> tuple[float, float]:
    """How much better ``second`` is on the same questions, and the standard error of that."""
    differences = [int(b) - int(a) for a, b in zip(first, second, strict=True)]
    mean = sum(differences) / len(differences)
    variance = sum((d - mean) ** 2 for d in differences) / len(differences)
    return mean, math.sqrt(variance / len(differences))


# -- what is tried, and what goes wrong --------------------------------------------------------------------------------


def some_answers(seed: int, count: int, share: float) -> list[bool]:
    return (torch.rand(count, generator=torch.Generator().manual_seed(seed)) < share).tolist()


def some_scores() -> list[tuple]:
    return [([True, False, True, True],), (some_answers(1, 50, 0.9),), ([True] * 20,)]


def some_pairs() -> list[tuple]:
    first = some_answers(2, 40, 0.7)
    second = [a or lucky for a, lucky in zip(first, some_answers(3, 40, 0.4))]  # as right, and now and then more
    return [(first, second), ([True, True, False, False, True], [False, True, True, False, False])]


def as_if_unpaired(first: list[bool], second: list[bool]) -> tuple[float, float]:
    difference, _ = paired_difference(first, second)
    return difference, math.hypot(standard_error(first), standard_error(second))


def not_centred(first: list[bool], second: list[bool]) -> tuple[float, float]:
    difference, _ = paired_difference(first, second)
    return difference, math.sqrt(sum(a != b for a, b in zip(first, second))) / len(first)


def spread_of_one(first: list[bool], second: list[bool]) -> tuple[float, float]:
    difference, error = paired_difference(first, second)
    return difference, error * math.sqrt(len(first))


def some_queries() -> list[tuple]:
    random = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random)

    return [(noise(2, 3, 4, 6), noise(2, 3, 5, 6), noise(2, 3, 5, 6)), (noise(2, 8), noise(7, 8), noise(7, 3))]


def attend_with(queries: Tensor, keys: Tensor, values: Tensor, scale: float, over: int = -1) -> Tensor:
    return (queries @ keys.transpose(-1, -2) / scale).softmax(over) @ values


def some_sizes() -> list[tuple]:
    sizes = ((128, 128), (1000, 420), (420, 1000), (300, 100), (200, 100))
    return [(size, pinpoints(64)) for size in sizes] + [
        ((500, 375), pinpoints(336)),
        ((50, 40), [(128, 128), (64, 64)]),
        ((50, 40), [(64, 64), (128, 128)]),
    ]


def choose(size: Size, grids: Sequence[Size], enlarge: bool = False, crop: bool = False, waste: bool = True) -> Size:
    """The choice with one of its parts left out."""

    def worth(grid: Size) -> tuple[int, int]:
        scale = (max if crop else min)(grid[0] / size[0], grid[1] / size[1])
        kept = int(size[0] * scale) * int(size[1] * scale)
        effective = kept if enlarge else min(kept, size[0] * size[1])
        return effective, (effective - grid[0] * grid[1]) * waste

    return max(grids, key=worth)


def closest_shape(size: Size, grids: Sequence[Size]) -> Size:
    return min(grids, key=lambda grid: abs(grid[0] / grid[1] - size[0] / size[1]))


LESSON = Lesson(
    "08",
    {
        "standard_error": Exercise(
            standard_error,
            some_scores,
            mistakes={
                "That is the variance: the standard error is its square root.": lambda right: (
                    standard_error(right) ** 2
                ),
                "That is the spread of one answer: the mean of n answers varies √n times less.": lambda right: (
                    standard_error(right) * math.sqrt(len(right))
                ),
                "n stands under the root: the error falls with √n, not with n.": lambda right: (
                    standard_error(right) / math.sqrt(len(right))
                ),
                "That is the error of the worst case, p = 1/2. Take the share that you measured.": lambda right: (
                    math.sqrt(0.25 / len(right))
                ),
            },
            hints=(
                "p is the share of right answers, sum(right) / len(right).",
                "One answer is right with probability p: its variance is p (1 − p). The mean of n has 1/n of that.",
                "math.sqrt(p * (1 - p) / len(right))",
            ),
            cpu_only=True,
        ),
        "paired_difference": Exercise(
            paired_difference,
            some_pairs,
            mistakes={
                "The sign is turned: it is positive where the second is better.": lambda first, second: (
                    paired_difference(second, first)
                ),
                "That is the error for two different sets of questions. The same question is as hard for both: take "
                "the differences question by question.": as_if_unpaired,
                "That is the spread of one difference: divide by √n.": spread_of_one,
                "The mean difference belongs subtracted before you square.": not_centred,
            },
            hints=(
                "Each question gives a difference: 1, 0 or −1.",
                "Their mean is the first number.",
                "Their variance divided by n, under the root, is the second.",
            ),
            cpu_only=True,
        ),
        "cross_attend": Exercise(
            cross_attend,
            some_queries,
            mistakes={
                "The scale is missing: divide the scores by √d.": lambda q, k, v: attend_with(q, k, v, 1.0),
                "The scores are divided by d: by its root.": lambda q, k, v: attend_with(q, k, v, q.shape[-1]),
                "The softmax runs over the queries: each query's weights over the patches add up to 1 (dim=-1).": (
                    lambda q, k, v: attend_with(q, k, v, q.shape[-1] ** 0.5, over=-2)
                ),
                "It is the patches that ask here: there must be as many results as queries.": lambda q, k, v: (
                    attend_with(k, q, q, q.shape[-1] ** 0.5)
                ),
                "The keys are mixed where the values belong.": lambda q, k, v: attend_with(q, k, k, q.shape[-1] ** 0.5),
            },
            hints=(
                "As in lesson 02, without a mask: but who asks is not who answers.",
                "queries @ keys.transpose(-1, -2) has the shape (…, Q, P).",
                "(queries @ keys.transpose(-1, -2) / d**0.5).softmax(-1) @ values",
            ),
        ),
        "select_best_resolution": Exercise(
            select_best_resolution,
            some_sizes,
            mistakes={
                "Making a picture larger adds no detail: it never has more effective pixels than it came with.": (
                    lambda size, grids: choose(size, grids, enlarge=True)
                ),
                "Of grids that keep as much, take the one with fewest empty pixels, not the first.": (
                    lambda size, grids: choose(size, grids, waste=False)
                ),
                "The picture would be cropped: both sides must fit, so the scale is the smaller of the two.": (
                    lambda size, grids: choose(size, grids, crop=True)
                ),
                "The closest shape is not the rule: count the pixels that are kept.": closest_shape,
                "Width and height are mixed up: both sizes are (width, height).": lambda size, grids: choose(
                    size[::-1], grids
                ),
            },
            hints=(
                "scale = min(grid width / width, grid height / height) makes the picture fit.",
                "effective = min(int(width * scale) * int(height * scale), width * height)",
                "wasted = pixels of the grid − effective. Most effective first, then least wasted.",
                "max(grids, key=…) with a key of two numbers: (effective, -wasted)",
            ),
            cpu_only=True,
        ),
    },
)
check, hint = LESSON.check, LESSON.hint
