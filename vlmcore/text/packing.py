"""Many short documents packed into rows of one length: padding costs as much as learning and teaches nothing.

Design choices:
- a document is a picture (or a word map, or nothing) and segments that do not see one another (masks.packed): the
  picture is read once, and every question about it is still the first one asked;
- rows are filled with documents, first fit; one that no longer fits whole is asked fewer questions.

Shapes: B rows, T tokens a row, N pictures or maps, P patches or cells, W words of the longest cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from vlmcore.models import masks
from vlmcore.text.chat import IGNORE, Chat


@dataclass
class Document:
    """What one picture is asked. ``segments``: separate sequences of (ids, labels) that share the picture."""

    segments: list[tuple[list[int], list[int]]]
    patches: int = 0  # <image> tokens in front
    picture: int | None = None  # which row of the features goes there
    cells: list[list[list[int]]] = field(default_factory=list)  # or the word map that does, as ids,
    corners: list[list[int]] = field(default_factory=list)  # and the numbers of the boxes of what stands there

    def __len__(self) -> int:
        return self.patches + sum(len(ids) for ids, _ in self.segments)


@dataclass
class Batch:
    """Rows of tokens, ready for a model. All (B, T) but pictures (N,), cells (N, P, W) and corners (N, P, 4)."""

    ids: Tensor
    labels: Tensor
    positions: Tensor
    document: Tensor
    segment: Tensor
    pictures: Tensor | None = None
    cells: Tensor | None = None
    corners: Tensor | None = None

    @property
    def mask(self) -> Tensor:
        return masks.packed(self.document, self.segment)

    def to(self, device: torch.device) -> Batch:
        moved = {name: value.to(device) for name, value in vars(self).items() if value is not None}
        return replace(self, **moved)


def pack(chat: Chat, documents: Iterator[Document], rows: int, length: int) -> Batch:
    """Fill ``rows`` rows of ``length`` tokens from an endless stream of documents, first fit.

    A document that fits nowhere is shortened to the largest room left by its last segments; four that do not fit even
    so, and the rows are full enough.
    """
    filled: list[list[Document]] = [[] for _ in range(rows)]
    room = [length] * rows
    misses = 0
    while misses < 4:
        document = next(documents, None)
        if document is None:
            break
        while len(document) > max(room) and document.segments:
            document.segments.pop()
        if not document.segments:
            misses += 1
            continue
        row = next(row for row in range(rows) if len(document) <= room[row])
        filled[row].append(document)
        room[row] -= len(document)
    return batch_of(chat, filled, length)


def batch_of(chat: Chat, rows: list[list[Document]], length: int) -> Batch:
    """Documents already sorted into rows → tensors."""
    shape = (len(rows), length)
    ids, labels = torch.full(shape, chat.pad), torch.full(shape, IGNORE)
    positions, owner, segment_of = (
        torch.zeros(shape, dtype=torch.long),
        torch.full(shape, -1),
        torch.zeros(shape, dtype=torch.long),
    )
    pictures: list[int] = []
    maps: list[list[list[int]]] = []
    corners: list[list[list[int]]] = []
    number = 0
    for r, documents in enumerate(rows):
        flat_ids: list[int] = []
        flat_labels: list[int] = []
        flat_positions: list[int] = []
        flat_owner: list[int] = []
        flat_segment: list[int] = []
        for document in documents:
            P = document.patches
            flat_ids += [chat.image] * P
            flat_labels += [IGNORE] * P
            flat_positions += range(P)
            flat_segment += [0] * P
            for index, (segment_ids, segment_labels) in enumerate(document.segments, 1):
                flat_ids += segment_ids
                flat_labels += segment_labels
                flat_positions += range(P, P + len(segment_ids))
                flat_segment += [index] * len(segment_ids)
            flat_owner += [number] * len(document)
            number += 1
            if document.picture is not None:
                pictures.append(document.picture)
            if document.cells:
                maps.append(document.cells)
                corners.append(document.corners)
        n = len(flat_ids)
        for target, values in zip(
            (ids, labels, positions, owner, segment_of),
            (flat_ids, flat_labels, flat_positions, flat_owner, flat_segment),
            strict=True,
        ):
            target[r, :n] = torch.tensor(values)
    batch = Batch(ids, labels, positions, owner, segment_of)
    if pictures:
        batch.pictures = torch.tensor(pictures)
    if maps:
        width = max(len(cell) for grid in maps for cell in grid)
        batch.cells = torch.tensor([[cell + [-1] * (width - len(cell)) for cell in grid] for grid in maps])
        batch.corners = torch.tensor(corners)
    return batch
