"""Lesson 07: which tokens are learned from, the loss on them alone, and a conversation as one prompt."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vlmcore.exercises.check import Exercise, Lesson
from vlmcore.text.chat import IGNORE

USER, ASSISTANT, STOP = 1, 2, 3  # the course's special tokens; <image> is 0
Exchanges = list[tuple[list[int], list[int]]]  # (question, answer) as ids

# -- the references ----------------------------------------------------------------------------------------------------


def supervise(question: list[int], answer: list[int]) -> tuple[list[int], list[int]]:
    """<user> question <assistant> answer <stop> as ids, and its labels: −100 wherever nothing is to be learned."""
    asked, answered = [USER, *question, ASSISTANT], [*answer, STOP]
    return asked + answered, [IGNORE] * len(asked) + answered


def answer_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean surprise at the supervised tokens. logits (B, T, V), labels (B, T) with −100 where none is."""
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORE)


def conversation(history: Exchanges, question: list[int]) -> list[int]:
    """What stands before the answer to ``question``, earlier exchanges first."""
    ids = [token for asked, answered in history for token in (USER, *asked, ASSISTANT, *answered, STOP)]
    return [*ids, USER, *question, ASSISTANT]


# -- what goes wrong -------------------------------------------------------------------------------------------------


def all_supervised(question: list[int], answer: list[int]) -> tuple[list[int], list[int]]:
    ids, _ = supervise(question, answer)
    return ids, ids


def stop_ignored(question: list[int], answer: list[int]) -> tuple[list[int], list[int]]:
    ids, labels = supervise(question, answer)
    return ids, [*labels[:-1], IGNORE]


def stop_forgotten(question: list[int], answer: list[int]) -> tuple[list[int], list[int]]:
    ids, labels = supervise(question, answer)
    return ids[:-1], labels[:-1]


def shifted(question: list[int], answer: list[int]) -> tuple[list[int], list[int]]:
    ids, labels = supervise(question, answer)
    return ids, [*labels[1:], IGNORE]


def some_exchanges() -> list[tuple[list[int], list[int]]]:
    return [([11, 12, 13], [21, 22]), ([14], [23])]


def some_labels() -> list[tuple]:
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(5, 9, (2, 8), generator=random)
    labels[0, :4] = labels[1, :5] = labels[1, 7] = IGNORE
    return [(torch.randn(2, 8, 9, generator=random), labels)]


def ignored_as_zero(logits: Tensor, labels: Tensor) -> Tensor:
    losses = F.cross_entropy(
        logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORE, reduction="none"
    )
    return losses.mean()


def mean_of_rows(logits: Tensor, labels: Tensor) -> Tensor:
    return torch.stack([answer_loss(row[None], known[None]) for row, known in zip(logits, labels)]).mean()


def some_histories() -> list[tuple[Exchanges, list[int]]]:
    return [([], [11, 12]), ([([11, 12], [21]), ([13], [22, 23])], [14])]


LESSON = Lesson(
    "07",
    {
        "supervise": Exercise(
            supervise,
            some_exchanges,
            mistakes={
                "The question is supervised too: the model would learn to ask. Its labels are −100.": all_supervised,
                "<stop> must be learned like any word, else answers never end.": stop_ignored,
                "<stop> is missing: the model could never say that it is done.": stop_forgotten,
                "The labels are shifted already: here label t belongs to token t, the loss does the shifting.": shifted,
            },
            hints=(
                "ids and labels have the same length.",
                "labels = [-100] * (how many tokens up to <assistant>) + answer + [<stop>]",
            ),
            cpu_only=True,
        ),
        "answer_loss": Exercise(
            answer_loss,
            some_labels,
            mistakes={
                "Not shifted: the logits at place t are about the token at t + 1.": lambda logits, labels: (
                    F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORE)
                ),
                "Shifted the wrong way: place t is compared with the token at t − 1.": lambda logits, labels: (
                    F.cross_entropy(logits[:, 1:].flatten(0, 1), labels[:, :-1].flatten(), ignore_index=IGNORE)
                ),
                "The mean goes over all places: divide by how many are supervised, else short answers count less.": (
                    ignored_as_zero
                ),
                "It is the sum, not the mean.": lambda logits, labels: F.cross_entropy(
                    logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORE, reduction="sum"
                ),
                "Each row has its own mean here: one token of a short answer would weigh more than one of a long.": (
                    mean_of_rows
                ),
            },
            hints=(
                "Lesson 01's loss, with places left out.",
                "F.cross_entropy(…, ignore_index=-100) leaves out what is labelled so.",
                "logits[:, :-1] and labels[:, 1:], flattened.",
            ),
        ),
        "conversation": Exercise(
            conversation,
            some_histories,
            mistakes={
                "An earlier answer ends with <stop>, as it did in training.": lambda history, question: [
                    token for token in conversation(history, question) if token != STOP
                ],
                "The prompt ends with <assistant>: that is what tells the model that it is its turn.": (
                    lambda history, question: conversation(history, question)[:-1]
                ),
                "The earlier exchanges are in the wrong order: the oldest comes first.": lambda history, question: (
                    conversation(history[::-1], question)
                ),
                "Earlier exchanges belong into the prompt, else nobody knows what `it` means.": (
                    lambda history, question: conversation([], question)
                ),
            },
            hints=(
                "For each earlier exchange: <user> question <assistant> answer <stop>.",
                "At the end: <user> question <assistant>, and then the model goes on.",
            ),
            cpu_only=True,
        ),
    },
)
check, hint = LESSON.check, LESSON.hint
