"""Endless training data, made on the spot: what step n learns from is a function of n and the seed alone.

``ContrastiveBatches`` feed clip.RegionCLIP; ``LanguageBatches`` the language model (word maps, facts, English);
``PictureBatches`` LLaVA's two stages, from features that were computed once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vlmcore.chat import Batch, Chat, Document
from vlmcore.data.instruct import Teacher
from vlmcore.data.mix import CURRICULUM, conversations
from vlmcore.data.scene import SIZE, Scene
from vlmcore.data.source import Source
from vlmcore.data.text import english, fact_questions, facts
from vlmcore.data.wording import CELLS, relative, word_map
from vlmcore.data.world import World
from vlmcore.errors import VlmError
from vlmcore.pictures import open_picture, to_square
from vlmcore.vision import to_pixels

SMALL_WORDS = {
    "a", "an", "the", "of", "in", "on", "at", "is", "are", "was", "this", "that", "here", "there", "please", "can",
    "could", "you", "me", "tell", "do", "see", "picture", "image", "photo", "scene", "shown",
}  # fmt: skip
PATCHES = CELLS**2  # <image> tokens: a word map takes the place of the encoder's patches one for one
QUESTIONS = 6  # conversations about one picture in one document


class Pictures:
    """Scenes → pixels for the encoder; painted here, or opened where a scene is a file."""

    def __init__(self, world: World, size: int) -> None:
        self.world, self.size = world, size

    def __call__(self, scenes: Sequence[Scene]) -> Tensor:
        """(N, 3, S, S), −1 to 1."""
        return to_pixels(torch.from_numpy(np.stack([self.picture(scene) for scene in scenes])))

    def picture(self, scene: Scene) -> np.ndarray:
        if scene.file is not None:
            return to_square(open_picture(scene.file), self.size)
        painted = self.world.paint(scene, -(-self.size // SIZE))
        return painted if len(painted) == self.size else to_square(Image.fromarray(painted), self.size)


def padded(chat: Chat, texts: Sequence[str], limit: int) -> tuple[Tensor, Tensor]:
    """Texts → ids (N, T) and the index of each one's last token (N,)."""
    encoded = [chat.encode(text)[:limit] for text in texts]
    ids = torch.full((len(encoded), max(map(len, encoded))), chat.pad)
    for row, tokens in zip(ids, encoded, strict=True):
        row[: len(tokens)] = torch.tensor(tokens)
    return ids, torch.tensor([len(tokens) - 1 for tokens in encoded])


class ContrastiveBatches:
    """step → a batch for RegionCLIP: pictures, a caption each, and what every patch shows."""

    def __init__(
        self, source: Source, chat: Chat, pictures: Pictures, grid: int, rows: int, limit: int, seed: int
    ) -> None:
        self.source, self.chat, self.pictures, self.grid = source, chat, pictures, grid
        self.rows, self.limit, self.seed = rows, limit, seed
        self.names = ["nothing", *source.names]
        self.index = {name: number for number, name in enumerate(self.names)}
        self.name_ids = padded(chat, self.names, limit)

    def __call__(self, step: int) -> dict[str, Tensor]:
        random = Random(f"pictures and captions {self.seed} {step}")
        scenes = [self.source.scene(random) for _ in range(self.rows)]
        captions = [random.choice(self.source.teacher.captions(scene)) for scene in scenes]
        ids, last = padded(self.chat, captions, self.limit)
        regions, boxes = zip(*(self.regions(scene) for scene in scenes), strict=True)
        return {
            "pixels": self.pictures(scenes),
            "captions": ids,
            "captions_last": last,
            "names": self.name_ids[0],
            "names_last": self.name_ids[1],
            "regions": torch.stack(regions),
            "boxes": torch.stack(boxes),
        }

    def regions(self, scene: Scene) -> tuple[Tensor, Tensor]:
        """Which name has its centre in each patch (P,), and its box (P, 4). In one patch the front thing counts."""
        regions, boxes = torch.zeros(self.grid**2, dtype=torch.long), torch.full((self.grid**2, 4), torch.nan)
        width, height = scene.size
        for thing in scene.things:
            x, y = thing.centre
            patch = min(int(y / height * self.grid), self.grid - 1) * self.grid + min(
                int(x / width * self.grid), self.grid - 1
            )
            if scene.kind == "shape":  # too small and too many to be told one by one
                regions[patch] = -100
            else:
                regions[patch] = self.index[thing.name]
                boxes[patch] = torch.tensor(relative(thing, scene))
        return regions, boxes


class LanguageBatches:
    """step → rows for the language model: word maps with their questions, and a few longer rows of running text."""

    def __init__(
        self, source: Source, chat: Chat, rows: int, length: int, seed: int, facts: float, curriculum: int = 0
    ) -> None:
        self.source, self.chat, self.rows, self.length, self.seed = source, chat, rows, length, seed
        self.facts = facts  # share of the running text
        self.curriculum = curriculum  # steps of the training whose beginning is easier; 0: none

    def __call__(self, step: int) -> tuple[Batch, Batch]:
        """(word maps, running text)."""
        tasks = next((tasks for share, tasks in CURRICULUM if step < share * self.curriculum), None)
        maps = self.maps(Random(f"maps {self.seed} {step}"), tasks)
        return self.chat.pack(maps, self.rows, self.length), self.running_text(step)

    def running_text(self, step: int) -> Batch:
        """A few longer rows of facts and English, for stage 2 too: what is not repeated is forgotten."""
        return self.chat.pack(self.texts(Random(f"text {self.seed} {step}")), max(self.rows // 8, 1), 2 * self.length)

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
            document = ask(self.chat, self.source.teacher, scene, random, self.length, tasks)
            if not document.turns:  # photos have no slots to ask for
                document = ask(self.chat, self.source.teacher, scene, random, self.length)
            words, boxes = word_map(scene)
            if tasks is not None and not any("box" in task for task in tasks):  # nobody asks for numbers
                boxes = [None] * len(words)
            document.cells, document.corners = self.chat.map_ids(words), self.chat.corner_ids(boxes)
            yield document

    def texts(self, random: Random) -> Iterator[Document]:
        items = list(self.source.world.objects.values())
        while True:
            if random.random() >= self.facts:
                yield Document([self.chat.plain(random.choice(english()), self.length)])
                continue
            turns = []
            for item in random.sample(items, 3):
                sentences = facts(item, random)
                random.shuffle(sentences)
                turns.append(self.chat.plain(". ".join(sentences[:3]), self.length // 2))
                turns += [self.chat.supervise([pair]) for pair in random.sample(fact_questions(item, random), 2)]
            yield Document(turns)


class PictureBatches:
    """step → rows of questions about pictures whose features lie ready. ``tasks``: which, how often."""

    def __init__(
        self,
        source: Source,
        chat: Chat,
        scenes: Sequence[Scene],
        features: Tensor,
        rows: int,
        length: int,
        seed: int,
        tasks: dict[str, float] | None = None,
    ) -> None:
        self.source, self.chat, self.scenes, self.features = source, chat, scenes, features
        self.rows, self.length, self.seed, self.tasks = rows, length, seed, tasks

    def __call__(self, step: int) -> tuple[Batch, Tensor]:
        random = Random(f"pictures {self.seed} {step}")
        batch = self.chat.pack(self.documents(random), self.rows, self.length)
        return batch, self.features[batch.pictures].float()

    def documents(self, random: Random) -> Iterator[Document]:
        while True:
            number = random.randrange(len(self.scenes))
            document = ask(self.chat, self.source.teacher, self.scenes[number], random, self.length, self.tasks)
            document.picture = number
            yield document


class MapBatches:
    """step → the features of pictures, and their annotations as word maps: what stage 1 should make of them."""

    def __init__(self, chat: Chat, scenes: Sequence[Scene], features: Tensor, rows: int, seed: int) -> None:
        self.chat, self.scenes, self.features, self.rows, self.seed = chat, scenes, features, rows, seed

    def __call__(self, step: int) -> tuple[Batch, Tensor]:
        random = Random(f"pictures and maps {self.seed} {step}")
        numbers = [random.randrange(len(self.scenes)) for _ in range(self.rows)]
        rows = []
        for number in numbers:
            words, boxes = word_map(self.scenes[number])
            rows.append([Document([], PATCHES, number, self.chat.map_ids(words), self.chat.corner_ids(boxes))])
        return self.chat.batch(rows, PATCHES), self.features[numbers].float()


def careless(question: str, random: Random) -> str:
    """A question as people type it: now and then a small word or the capitals are missing.

    A few dozen wordings are soon known by heart; so the model learns to rely on the words that matter.
    """
    if random.random() < 0.5:
        return question
    kept = [word for word in question.split() if word.lower() not in SMALL_WORDS or random.random() >= 0.2]
    text = " ".join(kept)
    return text.lower().rstrip(".?") if random.random() < 0.3 else text


def ask(
    chat: Chat, teacher: Teacher, scene: Scene, random: Random, limit: int, tasks: dict[str, float] | None = None
) -> Document:
    """A document of questions about one scene, at most ``limit`` tokens long."""
    talks = [
        [replace(turn, question=careless(turn.question, random)) for turn in talk]
        for talk in conversations(teacher, scene, random, QUESTIONS, tasks)
    ]
    document = Document([chat.supervise(talk) for talk in talks], patches=PATCHES)
    while len(document) > limit:
        document.turns.pop()
    return document
