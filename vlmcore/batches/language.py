"""Batches for the language model: word maps with their questions, and running text of facts and English."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

from vlmcore.batches.asking import ask
from vlmcore.errors import VlmError
from vlmcore.scenes.mix import CURRICULUM, WITH_BOXES
from vlmcore.scenes.source import Source
from vlmcore.scenes.word_map import WordMap, word_map
from vlmcore.text.chat import Chat
from vlmcore.text.corpora import english, fact_questions, facts
from vlmcore.text.packing import Batch, Document, pack
from vlmcore.text.word_map import cell_ids, corner_ids


class LanguageBatches:
    """number → rows for the language model: word maps with their questions, and a few longer rows of running text."""

    def __init__(
        self,
        source: Source,
        chat: Chat,
        rows: int,
        length: int,
        seed: int,
        facts: float,
        unread: bool = False,
        curriculum: int = 0,
        asked: dict[str, float] | None = None,
        written: WordMap = word_map,
    ) -> None:
        self.source, self.chat, self.rows, self.length, self.seed = source, chat, rows, length, seed
        self.facts = facts  # share of the running text
        world = source.world  # unread: the facts of held-out objects are left out
        self.items = [item for item in world.objects.values() if not (unread and world.held_out(item.name))]
        self.curriculum = curriculum  # steps of the training whose beginning is easier; 0: none
        self.asked, self.written = asked, written  # after that beginning: task → how often; how a word map is written

    def __call__(self, step: int) -> tuple[Batch, Batch]:
        """(word maps, running text)."""
        tasks = next((tasks for share, tasks in CURRICULUM if step < share * self.curriculum), self.asked)
        maps = self.maps(Random(f"maps {self.seed} {step}"), tasks)
        return pack(self.chat, maps, self.rows, self.length), self.running_text(step)

    def running_text(self, step: int) -> Batch:
        """A few longer rows of facts and English, for stage 2 too: what is not repeated is forgotten."""
        return pack(self.chat, self.texts(Random(f"text {self.seed} {step}")), max(self.rows // 8, 1), 2 * self.length)

    def maps(self, random: Random, tasks: dict[str, float] | None = None) -> Iterator[Document]:
        unfit = 0
        while True:
            scene = self.source.scene(random)
            if scene.kind == "shape":  # many small pictures make no map of words
                unfit += 1
                if unfit > 1000:
                    raise VlmError("every picture shows many small ones that form a shape: add others to learn from")
                continue
            unfit = 0
            words, boxes = self.written(scene)
            question = partial(ask, self.chat, self.source.questions, scene, random, self.length, patches=len(words))
            asked, document = tasks, question(tasks=tasks)
            if not document.segments:  # where its things are is a matter of opinion: ask about something else
                asked, document = None, question()
            if asked is not None and asked.keys().isdisjoint(WITH_BOXES):  # nobody asks for numbers
                boxes = [None] * len(words)
            document.cells, document.corners = cell_ids(self.chat, words), corner_ids(self.chat, boxes)
            yield document

    def texts(self, random: Random) -> Iterator[Document]:
        while True:
            if random.random() >= self.facts:
                yield Document([self.chat.plain(random.choice(english()), self.length)])
                continue
            segments = []
            for item in random.sample(self.items, 3):
                sentences = facts(item, random)
                random.shuffle(sentences)
                segments.append(self.chat.plain(". ".join(sentences[:3]), self.length // 2))
                segments += [self.chat.supervise([pair]) for pair in random.sample(fact_questions(item, random), 2)]
            yield Document(segments)
