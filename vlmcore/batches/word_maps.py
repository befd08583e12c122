"""Batches of annotations written as word maps: what stage 1 should make of each picture's features."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from vlmcore.scenes.scene import Scene
from vlmcore.scenes.word_map import WordMap, word_map
from vlmcore.text.chat import Chat
from vlmcore.text.packing import Batch, Document, batch_of
from vlmcore.text.word_map import cell_ids, corner_ids


class MapBatches:
    """number → the word maps of ``rows`` scenes, as ``written``; batch.pictures says which."""

    def __init__(self, chat: Chat, scenes: Sequence[Scene], rows: int, seed: int, written: WordMap = word_map) -> None:
        self.chat, self.scenes, self.rows, self.seed, self.written = chat, scenes, rows, seed, written

    def __call__(self, step: int) -> Batch:
        random = Random(f"pictures and maps {self.seed} {step}")
        numbers = [random.randrange(len(self.scenes)) for _ in range(self.rows)]
        rows = []
        for number in numbers:
            words, boxes = self.written(self.scenes[number])
            rows.append([Document([], len(words), number, cell_ids(self.chat, words), corner_ids(self.chat, boxes))])
        return batch_of(self.chat, rows, len(words))
