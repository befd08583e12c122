"""Reads batches back: what they supervise, and whether two are the same."""

import torch

from vlmcore.text.chat import IGNORE, Chat
from vlmcore.text.packing import Batch


def answers(chat: Chat, batch: Batch) -> list[str]:
    """The supervised texts of a batch, one an answer; running text ends where its segment does."""
    told = batch.labels != IGNORE
    rows = told.nonzero()[:, 0].tolist()
    places = zip(rows, batch.document[told].tolist(), batch.segment[told].tolist(), batch.labels[told].tolist())
    texts: list[list[int]] = []
    before = None
    for *where, token in places:
        if where != before:
            texts.append([])
        texts[-1].append(token)
        before = None if token == chat.stop else where
    return [chat.decode(text) for text in texts]


def same(one: Batch, other: Batch) -> bool:
    return all(
        torch.equal(value.nan_to_num(), getattr(other, name).nan_to_num())
        for name, value in vars(one).items()
        if value is not None
    )
