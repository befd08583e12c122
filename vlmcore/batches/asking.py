"""What is asked about a scene, as one document of a packed row; and as people type it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from vlmcore.scenes.mix import conversations
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.scene import Scene
from vlmcore.scenes.word_map import CELLS
from vlmcore.text.chat import Chat
from vlmcore.text.packing import Document

SMALL_WORDS = {
    "a", "an", "the", "of", "in", "on", "at", "is", "are", "was", "this", "that", "here", "there", "please", "can",
    "could", "you", "me", "tell", "do", "see", "picture", "image", "photo", "scene", "shown",
}  # fmt: skip
PATCHES = CELLS**2  # <image> tokens stand for a picture: a word map takes the place of its patches, one for one
QUESTIONS = 6  # conversations about one picture share a document, so that it is read once for all of them


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
    chat: Chat,
    questions: QuestionGenerator,
    scene: Scene,
    random: Random,
    limit: int,
    tasks: dict[str, float] | None = None,
    patches: int = PATCHES,
) -> Document:
    """A document of questions about one scene, at most ``limit`` tokens long, ``patches`` of them its picture's."""
    talks = [
        [replace(exchange, question=careless(exchange.question, random)) for exchange in talk]
        for talk in conversations(questions, scene, random, QUESTIONS, tasks)
    ]
    document = Document([chat.supervise(talk) for talk in talks], patches=patches)
    while len(document) > limit:
        document.segments.pop()
    return document
