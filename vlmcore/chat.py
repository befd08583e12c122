"""Conversations as tokens and labels, and many of them packed into rows.

Design choices:
- ``<image>…<image> <user> question <assistant> answer <stop>``, LLaVA's ``Human … <STOP> Assistant … <STOP>``;
- only answers and their ``<stop>`` are supervised: every other label is −100, which cross-entropy ignores;
- a document is a picture (or a word map, or nothing) and turns that do not see one another (masks.packed);
- rows are filled with whole documents: padding costs as much as learning and teaches nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from vlmcore import masks
from vlmcore.data.instruct import Turn
from vlmcore.data.text import ASSISTANT, IMAGE, PAD, STOP, USER
from vlmcore.data.wording import PRECISION, Box, box_text, scale_index
from vlmcore.errors import VlmError

IGNORE = -100  # the label of what is not supervised


@dataclass
class Document:
    """What one picture is asked. ``turns``: separate sequences of (ids, labels) that share the picture."""

    turns: list[tuple[list[int], list[int]]]
    patches: int = 0  # <image> tokens in front
    picture: int | None = None  # which row of the features goes there
    cells: list[list[list[int]]] = field(default_factory=list)  # or the word map that does, as ids,
    corners: list[list[int]] = field(default_factory=list)  # and the numbers of the boxes of what stands there

    def __len__(self) -> int:
        return self.patches + sum(len(ids) for ids, _ in self.turns)


@dataclass
class Batch:
    """Rows of tokens, ready for a model. All (B, T) but pictures (N,), cells (N, P, W) and corners (N, P, 4)."""

    ids: Tensor
    labels: Tensor
    positions: Tensor
    document: Tensor
    turn: Tensor
    pictures: Tensor | None = None
    cells: Tensor | None = None
    corners: Tensor | None = None

    @property
    def mask(self) -> Tensor:
        return masks.packed(self.document, self.turn)

    def to(self, device: torch.device) -> Batch:
        moved = {name: value.to(device) for name, value in vars(self).items() if value is not None}
        return replace(self, **moved)


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
        return self.tokenizer.decode(ids, skip_special_tokens=True).strip()

    def prompt(self, history: Sequence[tuple[str, str]], question: str) -> list[int]:
        """What stands before the answer to ``question``, earlier (question, answer) pairs in front."""
        ids: list[int] = []
        for asked, answered in history:
            ids += [self.user, *self.encode(asked), self.assistant, *self.encode(answered), self.stop]
        return [*ids, self.user, *self.encode(question), self.assistant]

    def supervise(self, turns: Sequence[Turn] | Sequence[tuple[str, str]]) -> tuple[list[int], list[int]]:
        """A conversation as (ids, labels): labels repeat the ids of answers and <stop>, −100 elsewhere."""
        ids: list[int] = []
        labels: list[int] = []
        for turn in turns:
            question, answer = (turn.question, turn.answer) if isinstance(turn, Turn) else turn
            asked = [self.user, *self.encode(question), self.assistant]
            answered = [*self.encode(answer), self.stop]
            ids += asked + answered
            labels += [IGNORE] * len(asked) + answered
        return ids, labels

    def plain(self, text: str, limit: int) -> tuple[list[int], list[int]]:
        """Running text: every token is supervised."""
        ids = [self.stop, *self.encode(text)][: limit - 1] + [self.stop]
        return ids, [IGNORE, *ids[1:]]

    def map_ids(self, cells: list[list[str]]) -> list[list[int]]:
        """A word map's words as ids; a word of several tokens counts as several words."""
        return [[token for word in cell for token in self.encode(word)] for cell in cells]

    def corner_ids(self, boxes: Sequence[Box | None]) -> list[list[int]]:
        """A word map's boxes as ids, four a cell: those that an answer would give. −1 = none."""
        return [
            [-1] * 4 if box is None else [scale[scale_index(x)] for scale, x in zip(self.scales, box, strict=True)]
            for box in boxes
        ]

    @cached_property
    def scales(self) -> list[list[int]]:
        """The ids of all coordinates, "000" to "960", for x0, y0, x1 and y1. Errors: VlmError where one has no id."""
        boxes = [self.encode(box_text([(n * PRECISION / 1000,) * 4])) for n in range(1000 // PRECISION)]
        if split := [self.decode(ids) for ids in boxes if len(ids) != 4]:
            raise VlmError(
                f"the tokenizer has no words for the corners of {split[0]}: train it with a larger vocabulary"
            )
        return [list(scale) for scale in zip(*boxes, strict=True)]

    def pack(self, documents: Iterator[Document], rows: int, length: int) -> Batch:
        """Fill ``rows`` rows of ``length`` tokens from an endless stream of documents, first fit."""
        filled: list[list[Document]] = [[] for _ in range(rows)]
        room = [length] * rows
        misses = 0
        while misses < 4:  # four documents that fit nowhere: full enough
            document = next(documents, None)
            if document is None:
                break
            row = next((row for row in range(rows) if len(document) <= room[row]), None)
            if row is None:
                misses += 1
                continue
            filled[row].append(document)
            room[row] -= len(document)
        return self.batch(filled, length)

    def batch(self, rows: list[list[Document]], length: int) -> Batch:
        """Documents already sorted into rows → tensors."""
        shape = (len(rows), length)
        ids, labels = torch.full(shape, self.pad), torch.full(shape, IGNORE)
        positions, owner, turn_of = (
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
            flat_turn: list[int] = []
            for document in documents:
                P = document.patches
                flat_ids += [self.image] * P
                flat_labels += [IGNORE] * P
                flat_positions += range(P)
                flat_turn += [0] * P
                for index, (turn_ids, turn_labels) in enumerate(document.turns, 1):
                    flat_ids += turn_ids
                    flat_labels += turn_labels
                    flat_positions += range(P, P + len(turn_ids))
                    flat_turn += [index] * len(turn_ids)
                flat_owner += [number] * len(document)
                number += 1
                if document.picture is not None:
                    pictures.append(document.picture)
                if document.cells:
                    maps.append(document.cells)
                    corners.append(document.corners)
            n = len(flat_ids)
            for target, values in zip(
                (ids, labels, positions, owner, turn_of),
                (flat_ids, flat_labels, flat_positions, flat_owner, flat_turn),
                strict=True,
            ):
                target[r, :n] = torch.tensor(values)
        batch = Batch(ids, labels, positions, owner, turn_of)
        if pictures:
            batch.pictures = torch.tensor(pictures)
        if maps:
            width = max(len(cell) for grid in maps for cell in grid)
            batch.cells = torch.tensor([[cell + [-1] * (width - len(cell)) for cell in grid] for grid in maps])
            batch.corners = torch.tensor(corners)
        return batch
