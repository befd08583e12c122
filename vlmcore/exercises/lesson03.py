"""Lesson 03: packing, the packed mask, the learning rate, how likely an answer is, power laws."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vlmcore.exercises.check import Exercise, Lesson
from vlmcore.models import masks
from vlmcore.training.schedule import Schedule

Rows = list[list[int]]

# -- the references ----------------------------------------------------------------------------------------------------


def pack(lengths: list[int], room: int) -> Rows:
    """Documents into rows of ``room`` tokens, first fit: the numbers of the documents in each row."""
    rows: Rows = []
    free: list[int] = []
    for number, length in enumerate(lengths):
        row = next((row for row, left in enumerate(free) if length <= left), None)
        if row is None:
            row = len(rows)
            rows.append([])
            free.append(room)
        rows[row].append(number)
        free[row] -= length
    return rows


def packed_mask(document: Tensor) -> Tensor:
    """Who sees whom in rows of many documents. (B, T) numbers, −1 = padding → (B, 1, T, T), True = may look."""
    return masks.packed(document, torch.ones_like(document))


def learning_rate(step: int, steps: int, top: float, warmup: float) -> float:
    """Up in a line for ``warmup`` of the steps, then down in a line to almost nothing."""
    return Schedule(steps, lr=top, warmup=warmup).rate(step)


def answer_probability(logits: Tensor, ids: Tensor, answer: Tensor) -> Tensor:
    """How likely a model finds each row's answer. logits (B, T, V), ids (B, T), answer (B, T) bool → (B,)."""
    return (_log_p(logits, ids) * answer[:, 1:]).sum(1).exp()


def fit_power_law(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """(a, b) of the y = a · x^(−b) that is nearest to the points on log axes."""
    height, b = _line(np.log(x), np.log(y))
    return float(np.exp(height)), b


# -- what is tried, and what goes wrong --------------------------------------------------------------------------------


def some_lengths() -> list[tuple]:
    return [([5, 4, 3, 2, 4, 1, 3, 6], 8), ([2, 2, 2], 2), ([3, 9, 3, 5, 1, 1, 7], 10), ([1, 2, 5, 4], 6)]


def pack_in_the_last_row(lengths: list[int], room: int) -> Rows:
    rows: Rows = [[]]
    for number, length in enumerate(lengths):
        if sum(lengths[n] for n in rows[-1]) + length > room:
            rows.append([])
        rows[-1].append(number)
    return rows


def pack_loosely(lengths: list[int], room: int) -> Rows:
    rows: Rows = []
    for number, length in enumerate(lengths):
        row = next((row for row in rows if sum(lengths[n] for n in row) + length < room), None)
        if row is None:
            rows.append([number])
        else:
            row.append(number)
    return rows


def pack_in_the_fullest(lengths: list[int], room: int) -> Rows:
    rows: Rows = []
    for number, length in enumerate(lengths):
        fitting = [row for row in rows if sum(lengths[n] for n in row) + length <= room]
        if fitting:
            max(fitting, key=lambda row: sum(lengths[n] for n in row)).append(number)
        else:
            rows.append([number])
    return rows


def pack_everywhere(lengths: list[int], room: int) -> Rows:
    rows: Rows = []
    for number, length in enumerate(lengths):
        fitting = [row for row in rows if sum(lengths[n] for n in row) + length <= room]
        for row in fitting:
            row.append(number)
        if not fitting:
            rows.append([number])
    return rows


def some_documents() -> list[tuple]:
    return [(torch.tensor([[0, 0, 0, 1, 1, -1, -1], [2, 3, 3, 3, 3, 3, -1]]),), (torch.tensor([[4, 4, 4, 4]]),)]


def _mask(document: Tensor, *, together: bool = True, order: int | None = 0, padding: str = "itself") -> Tensor:
    """The packed mask, less what a mistake leaves out."""
    T = document.shape[1]
    seen = torch.ones(len(document), T, T, dtype=torch.bool)
    if together:
        seen &= document[:, :, None] == document[:, None, :]
    if order is not None:
        seen &= torch.ones(T, T, dtype=torch.bool).tril(order)
    if padding != "a document":
        seen &= (document >= 0)[:, None, :] & (document >= 0)[:, :, None]
    if padding == "itself":
        seen |= torch.eye(T, dtype=torch.bool) & (document < 0)[:, :, None]
    return seen[:, None]


def some_steps() -> list[tuple]:
    return [(step, 40, 2.0, 0.25) for step in (0, 1, 8, 9, 10, 11, 25, 38, 39)] + [(0, 10, 1.0, 0.1), (9, 10, 1.0, 0.1)]


def _rate(step: int, steps: int, top: float, warmup: float, rising: int = 1, falling: int = 0) -> float:
    rise = warmup * steps
    return top * min((step + rising) / rise, (steps - falling - step) / (steps - rise), 1.0)


def some_answers() -> list[tuple]:
    random = torch.Generator().manual_seed(0)
    answer = torch.tensor([[0, 0, 1, 1, 1, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 1]], dtype=torch.bool)
    return [
        (torch.randn(3, 6, 4, generator=random), torch.randint(4, (3, 6), generator=random), answer),
        (torch.randn(2, 6, 4, generator=random), torch.randint(4, (2, 6), generator=random), answer[1:]),
    ]


def _log_p(logits: Tensor, ids: Tensor, dim: int = -1) -> Tensor:
    """log p of every token but the first, (B, T − 1)."""
    return logits[:, :-1].log_softmax(dim).gather(-1, ids[:, 1:, None])[..., 0]


def some_points() -> list[tuple]:
    x = np.array([20e3, 80e3, 320e3, 1.3e6])
    return [(x, 9.0 * x**-0.07), (x[:3], np.array([4.6, 4.1, 3.8])), (np.array([1.0, 2.0]), np.array([8.0, 1.0]))]


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    slope, intercept = np.polyfit(x, y, 1)
    return float(intercept), float(-slope)


LESSON = Lesson(
    "03",
    {
        "pack": Exercise(
            pack,
            some_lengths,
            mistakes={
                "Only the last row is looked at: a short document may still fit into an earlier one.": (
                    pack_in_the_last_row
                ),
                "A document that fills a row to its last token still fits: compare with ≤, not with <.": pack_loosely,
                "That is best fit: first fit takes the first row with enough room, not the fullest.": (
                    pack_in_the_fullest
                ),
                "A document goes into one row alone: stop looking once it has found its place.": pack_everywhere,
                "Rows hold the numbers of the documents, not their lengths.": lambda lengths, room: [
                    [lengths[number] for number in row] for row in pack(lengths, room)
                ],
                "One document a row wastes the rest of each row: fill it up.": lambda lengths, room: [
                    [number] for number in range(len(lengths))
                ],
                "Documents are taken in the order in which they come, not the longest first.": lambda lengths, room: [
                    [sorted(range(len(lengths)), key=lambda n: -lengths[n])[number] for number in row]
                    for row in pack(sorted(lengths, reverse=True), room)
                ],
            },
            hints=(
                "Keep a second list beside the rows: how many tokens of each are still free.",
                "For each document walk over the rows in order and stop at the first with length <= free[row].",
                "If none has room, append a new row with `room` tokens free; then note the number and take the length "
                "off.",
            ),
            cpu_only=True,
        ),
        "packed_mask": Exercise(
            packed_mask,
            some_documents,
            mistakes={
                "Rows ask and columns answer: mask[i, j] says whether token i sees token j. Yours is transposed, so "
                "tokens see what comes after them.": lambda document: packed_mask(document).mT,
                "Tokens see what comes after them: a model that may look at the answer learns nothing. Add tril.": (
                    lambda document: _mask(document, order=None)
                ),
                "Documents see one another: compare document[:, :, None] with document[:, None, :].": lambda document: (
                    _mask(document, together=False)
                ),
                "A token must see itself: tril() with its diagonal.": lambda document: _mask(document, order=-1),
                "Padding sees nothing, and a softmax over nothing is not a number: let each padded place see itself.": (
                    lambda document: _mask(document, padding="nothing")
                ),
                "Padding is not one document: each place with −1 sees itself alone.": lambda document: _mask(
                    document, padding="a document"
                ),
                "The heads' dimension is missing: (B, 1, T, T), so that one mask serves all heads.": lambda document: (
                    packed_mask(document)[:, 0]
                ),
                "True means may look. Yours says who may not.": lambda document: ~packed_mask(document),
            },
            hints=(
                "Three conditions, all tensors that broadcast to (B, T, T): same document, not later, not padding.",
                "document[:, :, None] == document[:, None, :] is the first; torch.ones(T, T, dtype=torch.bool).tril() "
                "the second; (document >= 0)[:, None, :] the third.",
                "Join them with &, then add | torch.eye(T, dtype=torch.bool), so that padding sees itself; [:, None] "
                "makes room for the heads.",
            ),
            cpu_only=True,
        ),
        "learning_rate": Exercise(
            learning_rate,
            some_steps,
            mistakes={
                "The first step has the rate 0 and teaches nothing: count from step + 1.": lambda *a: _rate(
                    *a, rising=0
                ),
                "The last step has the rate 0 and teaches nothing: (steps − step) is still 1 there.": lambda *a: _rate(
                    *a, falling=1
                ),
                "It never falls: after the top, go down in a line.": lambda step, steps, top, warmup: (
                    top * min((step + 1) / (warmup * steps), 1.0)
                ),
                "It never rises: the first steps of an untrained model should be small.": lambda s, n, top, warmup: (
                    top * min((n - s) / (n - warmup * n), 1.0)
                ),
                "The fall begins at the top: divide by the steps after the rise, steps − rise, not by all.": (
                    lambda step, steps, top, warmup: top * min((step + 1) / (warmup * steps), (steps - step) / steps)
                ),
                "Of the two lines the lower one counts: min, not max.": lambda step, steps, top, warmup: (
                    top * min(max((step + 1) / (warmup * steps), (steps - step) / (steps - warmup * steps)), 1.0)
                ),
                "warmup is a share of the steps, not a number of steps: rise = warmup · steps.": (
                    lambda step, steps, top, warmup: (
                        top * min((step + 1) / max(warmup, 1), (steps - step) / (steps - warmup), 1.0)
                    )
                ),
                "It is a share between 0 and 1: multiply by the top.": lambda step, steps, top, warmup: learning_rate(
                    step, steps, 1.0, warmup
                ),
            },
            hints=(
                "Two lines, one going up and one going down. At each step the lower of them counts.",
                "Up: (step + 1) / rise. Down: (steps − step) / (steps − rise). Neither above 1.",
                "top * min(up, down, 1.0)",
            ),
            cpu_only=True,
        ),
        "answer_probability": Exercise(
            answer_probability,
            some_answers,
            mistakes={
                "The labels are not shifted: the logits at place t are about the token at t + 1.": (
                    lambda logits, ids, answer: (
                        (logits.log_softmax(-1).gather(-1, ids[..., None])[..., 0] * answer).sum(1).exp()
                    )
                ),
                "The ids are shifted, but not the answer's mask: use answer[:, 1:], as with the ids.": (
                    lambda logits, ids, answer: (_log_p(logits, ids) * answer[:, :-1]).sum(1).exp()
                ),
                "The prompt is counted as well: multiply where `answer` is True alone.": lambda logits, ids, answer: (
                    _log_p(logits, ids).sum(1).exp()
                ),
                "That is the mean over an answer's tokens: the probability of all of them is the product.": (
                    lambda logits, ids, answer: (
                        (_log_p(logits, ids) * answer[:, 1:]).sum(1) / answer[:, 1:].sum(1)
                    ).exp()
                ),
                "Probabilities of tokens that follow one another are multiplied, not added.": (
                    lambda logits, ids, answer: (_log_p(logits, ids).exp() * answer[:, 1:]).sum(1)
                ),
                "That is the logarithm: take exp() of the sum.": lambda logits, ids, answer: (
                    _log_p(logits, ids) * answer[:, 1:]
                ).sum(1),
                "The softmax runs over the places, not over the vocabulary: the last dimension is V.": (
                    lambda logits, ids, answer: (_log_p(logits, ids, 1) * answer[:, 1:]).sum(1).exp()
                ),
                "Logits are no probabilities yet: log_softmax first.": lambda logits, ids, answer: (
                    (logits[:, :-1].gather(-1, ids[:, 1:, None])[..., 0] * answer[:, 1:]).sum(1).exp()
                ),
            },
            hints=(
                "Which logits are about the answer's first token? Those of the prompt's last one.",
                "logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0] is log p of every token but the "
                "first.",
                "A product of probabilities is exp of the sum of their logarithms; answer[:, 1:] says which ones.",
            ),
        ),
        "fit_power_law": Exercise(
            fit_power_law,
            some_points,
            mistakes={
                "The sign of b: y = a · x^(−b), so b is minus the slope of the line.": lambda x, y: (
                    fit_power_law(x, y)[0],
                    -fit_power_law(x, y)[1],
                ),
                "The line's height is log a: take exp of it.": lambda x, y: (
                    float(np.log(fit_power_law(x, y)[0])),
                    fit_power_law(x, y)[1],
                ),
                "A line through x and y themselves: take the logarithm of both first.": _line,
                "Only y was taken in logarithms; that is an exponential. Take log x as well.": lambda x, y: (
                    float(np.exp(_line(x, np.log(y))[0])),
                    _line(x, np.log(y))[1],
                ),
                "Only x was taken in logarithms: take log y as well.": lambda x, y: _line(np.log(x), y),
                "a and b are the wrong way round: np.polyfit gives the slope first.": lambda x, y: fit_power_law(x, y)[
                    ::-1
                ],
                "x and y are the wrong way round: np.polyfit(np.log(x), np.log(y), 1).": lambda x, y: fit_power_law(
                    y, x
                ),
                "log10 and exp do not belong together: 10 ** height, or np.log throughout.": lambda x, y: (
                    float(np.exp(np.log10(fit_power_law(x, y)[0]))),
                    fit_power_law(x, y)[1],
                ),
            },
            hints=(
                "log y = log a − b · log x: on log axes a power law is a straight line.",
                "np.polyfit(np.log(x), np.log(y), 1) gives that line's slope and height.",
                "b is minus the slope, a is exp of the height.",
            ),
            cpu_only=True,
        ),
    },
)
check, hint = LESSON.check, LESSON.hint
