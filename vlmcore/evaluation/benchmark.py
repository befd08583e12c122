"""The benchmark: held-out scenes, every task its own score.

Design choices:
- every scene holds a pair of things (or thing and place) that no training scene shows: scenes/world.py;
- an answer is right when it says exactly what the scene's own answer says; boxes when each one overlaps its own by
  IoU ≥ 0.5 and their number fits; a conversation when every exchange is right, earlier answers being the model's own;
- two wordings of the same questions: those seen in training, and held-out ones;
- "unusual new" is the lecture's claim: all its things are known to the language model from text alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from vlmcore.evaluation.grounding import NAMED, same_things
from vlmcore.scenes.exchange import Conversation
from vlmcore.scenes.grounding import Box, iou, parse_boxes
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.scene import Scene
from vlmcore.scenes.thoughts import split_thoughts
from vlmcore.scenes.world import World

TASKS = (
    "describe", "background", "count", "hidden", "position", "what", "colour", "exists", "box", "sum", "unusual",
    "shape", "found", "does", "conversation",
)  # fmt: skip
CLAIM = "unusual new"
SCENES = {
    "hidden": "hidden",
    "sum": "sum",
    "unusual": "unusual",
    CLAIM: CLAIM,
    "shape": "shape",
    "explain": "hidden",
}  # task → kind of scene
ASKED = {"hidden": "count", CLAIM: "unusual"}  # task → the question that it asks, where the names differ


AnswerAll = Callable[[list[tuple[np.ndarray, list[tuple[str, str]], str]]], list[str]]


@dataclass(frozen=True)
class Item:
    """One test: a scene, and a conversation about it whose answers are known."""

    task: str
    scene: Scene
    conversation: Conversation


def benchmark(
    world: World,
    per_task: int,
    seed: int = 0,
    wording: str = "train",
    tasks: Sequence[str] = (*TASKS, CLAIM),
    move: Callable[[Scene], Scene] | None = None,
    questions: type[QuestionGenerator] = QuestionGenerator,
) -> list[Item]:
    """``per_task`` tests of each task. The same seed gives the same scenes, whatever the wording.

    move: what will happen to the picture, done to the scene's boxes; the questions are about the scene as moved.
    questions: who asks; of another generator than LLaVA's the ``tasks`` may be more.
    """
    generator = questions(world, wording)
    items = []
    for task in tasks:
        random, found = Random(f"evaluate {seed} {task}"), 0
        ask: Callable[[Scene, Random], Conversation | None] = getattr(generator, ASKED.get(task, task))
        while found < per_task:
            kind = SCENES.get(task) or random.choices(("scatter", "hidden"), (4, 1))[0]
            scene = world.scene(random, kind, evaluate=True)
            seen = move(scene) if move else scene
            conversation = ask(seen, Random(f"ask {seed} {task} {found}"))
            if conversation is not None:
                items.append(Item(task, scene, conversation))
                found += 1
    return items


def paint_all(world: World, items: Sequence[Item]) -> list[np.ndarray]:
    """Each item's picture, as the world shows it."""
    return [world.paint(item.scene) for item in items]


def right(answer: str, expected: str, boxes: Sequence[Box] = ()) -> bool:
    """Is an answer right? Thoughts do not count. With ``boxes``: each must be found, in any order."""
    said, told = (split_thoughts(text)[1] for text in (answer, expected))
    if not boxes:
        return said.split() == told.split()
    found = parse_boxes(said)
    left = list(boxes)
    for box in found:
        best = max(left, key=lambda other: iou(box, other), default=None)
        if best is None or iou(box, best) < 0.5:
            return False
        left.remove(best)
    return not left


def evaluate(answer_all: AnswerAll, items: list[Item], pictures: Sequence[np.ndarray]) -> dict[str, float]:
    """Score by task. ``answer_all``: many (picture, history of (question, answer), question) → answers.

    pictures: one for each item, as ``paint_all`` makes them.
    """
    histories: list[list[tuple[str, str]]] = [[] for _ in items]
    good = [True] * len(items)
    for number in range(max(len(item.conversation) for item in items)):
        asked = [i for i, item in enumerate(items) if good[i] and number < len(item.conversation)]
        questions = [(pictures[i], histories[i], items[i].conversation[number].question) for i in asked]
        for i, answer in zip(asked, answer_all(questions), strict=True):
            expected = items[i].conversation[number]
            if expected.task in NAMED:
                good[i] &= same_things(answer, expected.answer)
            else:
                good[i] &= right(answer, expected.answer, expected.boxes)
            histories[i] = [*histories[i], (expected.question, answer)]
    tasks = dict.fromkeys(item.task for item in items)
    return {
        task: float(np.mean([ok for ok, item in zip(good, items, strict=True) if item.task == task])) for task in tasks
    }
