"""Rows with one picture each, in front, as CogVLM reads them: all pictures stand in the same columns."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from vlmcore.batches.asking import ask
from vlmcore.errors import VlmError
from vlmcore.models.cogvlm import PictureColumns
from vlmcore.scenes.scene import Scene
from vlmcore.scenes.source import Source
from vlmcore.text.chat import Chat
from vlmcore.text.packing import Batch, Document, batch_of


class OnePictureBatches:
    """number → rows of questions about ``scenes``, a picture a row; batch.pictures says which.

    columns: where the model has the picture, and how it counts it. tasks: which questions, how often.
    """

    def __init__(
        self,
        source: Source,
        chat: Chat,
        scenes: Sequence[Scene],
        columns: PictureColumns,
        rows: int,
        length: int,
        seed: int | str,
        tasks: dict[str, float] | None = None,
    ) -> None:
        self.source, self.chat, self.scenes, self.columns = source, chat, scenes, columns
        self.rows, self.length, self.seed, self.tasks = rows, length, seed, tasks

    def __call__(self, step: int) -> Batch:
        random = Random(f"one picture a row {self.seed} {step}")
        batch = batch_of(self.chat, [[self.document(random)] for _ in range(self.rows)], self.length)
        batch.positions = self.columns.positions(self.length)[batch.positions]  # what was counted one by one
        return batch

    def document(self, random: Random) -> Document:
        """Questions about one picture, which stands before them."""
        for _ in range(1000):
            number, taken = random.randrange(len(self.scenes)), self.columns.embedding.stop
            scene = self.scenes[number]
            document = ask(self.chat, self.source.questions, scene, random, self.length, self.tasks, taken)
            if document.segments:
                document.picture = number
                return document
        raise VlmError(f"none of the pictures can be asked about {', '.join(self.tasks or ['anything'])}: take others")
