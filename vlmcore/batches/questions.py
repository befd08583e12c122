"""Batches of questions about pictures, for LLaVA's two stages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from vlmcore.batches.asking import ask
from vlmcore.scenes.scene import Scene
from vlmcore.scenes.source import Source
from vlmcore.text.chat import Chat
from vlmcore.text.packing import Batch, Document, pack


class PictureBatches:
    """number → rows of questions about ``scenes``; batch.pictures says which. ``tasks``: which questions, how often."""

    def __init__(
        self,
        source: Source,
        chat: Chat,
        scenes: Sequence[Scene],
        rows: int,
        length: int,
        seed: int,
        tasks: dict[str, float] | None = None,
    ) -> None:
        self.source, self.chat, self.scenes = source, chat, scenes
        self.rows, self.length, self.seed, self.tasks = rows, length, seed, tasks

    def __call__(self, step: int) -> Batch:
        random = Random(f"pictures {self.seed} {step}")
        return pack(self.chat, self.documents(random), self.rows, self.length)

    def documents(self, random: Random) -> Iterator[Document]:
        while True:
            number = random.randrange(len(self.scenes))
            document = ask(self.chat, self.source.questions, self.scenes[number], random, self.length, self.tasks)
            document.picture = number
            yield document
