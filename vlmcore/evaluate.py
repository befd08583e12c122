"""The benchmark: held-out scenes, every task its own score, and the radar ("octagon") chart.

Design choices:
- every scene holds a pair of things (or thing and place) that no training scene shows: vlmcore.data.world;
- an answer is right when it says exactly what the scene's own answer says; boxes when each one overlaps its own by
  IoU ≥ 0.5 and their number fits; a conversation when every turn is right, earlier answers being the model's own;
- two wordings of the same questions: those seen in training, and held-out ones;
- "unusual new" is the lecture's claim: all its things are known to the language model from text alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from vlmcore.data.instruct import Conversation, Teacher
from vlmcore.data.scene import Scene
from vlmcore.data.wording import Box, split_thoughts
from vlmcore.data.world import World
from vlmcore.errors import VlmError

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
}  # task → kind of scene
ASKED = {"hidden": "count", CLAIM: "unusual"}  # task → what is asked, where the names differ


@dataclass(frozen=True)
class Item:
    """One test: a scene, and a conversation about it whose answers are known."""

    task: str
    scene: Scene
    conversation: Conversation


def benchmark(
    world: World, per_task: int, seed: int = 0, wording: str = "train", tasks: Sequence[str] = (*TASKS, CLAIM)
) -> list[Item]:
    """``per_task`` tests of each task. The same seed gives the same scenes, whatever the wording."""
    teacher = Teacher(world, wording)
    items = []
    for task in tasks:
        random, found = Random(f"evaluate {seed} {task}"), 0
        ask: Callable[[Scene, Random], Conversation | None] = getattr(teacher, ASKED.get(task, task))
        while found < per_task:
            kind = SCENES.get(task) or random.choices(("scatter", "hidden"), (4, 1))[0]
            scene = world.scene(random, kind, evaluate=True)
            conversation = ask(scene, Random(f"ask {seed} {task} {found}"))
            if conversation is not None:
                items.append(Item(task, scene, conversation))
                found += 1
    return items


def parse_boxes(answer: str) -> list[Box]:
    """The boxes in an answer, relative to the picture (0 to 1): every group of four three-digit numbers."""
    return [
        tuple(int(value) / 1000 for value in group)
        for group in re.findall(r"(\d{3,4}),(\d{3,4}),(\d{3,4}),(\d{3,4})", answer)
    ]


def iou(first: Box, second: Box) -> float:
    """Intersection over union of two boxes (x0, y0, x1, y1)."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    inside = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return inside / (sum(areas) - inside)


def right(answer: str, expected: str, boxes: Sequence[Box] = ()) -> bool:
    """Is an answer right? Thoughts before a colon do not count. With ``boxes``: each must be found, in any order."""
    if not boxes:
        answer, expected = (split_thoughts(text)[1].split() for text in (answer, expected))
        return answer == expected
    found = parse_boxes(answer)
    left = list(boxes)
    for box in found:
        best = max(left, key=lambda other: iou(box, other), default=None)
        if best is None or iou(box, best) < 0.5:
            return False
        left.remove(best)
    return not left


def evaluate(
    answer_all: Callable[[list[tuple[np.ndarray, list[tuple[str, str]], str]]], list[str]],
    items: list[Item],
    world: World,
) -> dict[str, float]:
    """Score by task. ``answer_all``: many (picture, history of (question, answer), question) → answers."""
    histories: list[list[tuple[str, str]]] = [[] for _ in items]
    good = [True] * len(items)
    pictures = [world.paint(item.scene) for item in items]
    for turn in range(max(len(item.conversation) for item in items)):
        asked = [i for i, item in enumerate(items) if good[i] and turn < len(item.conversation)]
        questions = [(pictures[i], histories[i], items[i].conversation[turn].question) for i in asked]
        for i, answer in zip(asked, answer_all(questions), strict=True):
            expected = items[i].conversation[turn]
            good[i] &= right(answer, expected.answer, expected.boxes)
            histories[i] = [*histories[i], (expected.question, answer)]
    tasks = dict.fromkeys(item.task for item in items)
    return {
        task: float(np.mean([ok for ok, item in zip(good, items, strict=True) if item.task == task])) for task in tasks
    }


def radar(scores: dict[str, dict[str, float]], path: Path | None = None):
    """Draw scores by task, one line a model: {model: {task: 0 to 1}} → a matplotlib figure, saved to ``path``."""
    from matplotlib.figure import Figure

    tasks = list(next(iter(scores.values())))
    angles = [2 * math.pi * number / len(tasks) for number in range(len(tasks) + 1)]
    figure = Figure(figsize=(7, 7), layout="constrained")
    axes = figure.add_subplot(projection="polar")
    for name, values in scores.items():
        around = [100 * values[task] for task in tasks]
        axes.plot(angles, [*around, around[0]], label=f"{name}: mean {np.mean(around):.0f} %", linewidth=2)
        axes.fill(angles, [*around, around[0]], alpha=0.12)
    axes.set_xticks(angles[:-1], tasks)
    axes.tick_params(axis="x", pad=14)  # beside the circle, not on it
    axes.set_rlabel_position(180 / len(tasks))  # between two tasks
    axes.set_ylim(0, 100)
    axes.set_yticks([25, 50, 75, 100], ["25", "50", "75", "100 %"], fontsize=8)
    axes.set_theta_zero_location("N")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.11), ncols=2, frameon=False)
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=130)
        except (OSError, ValueError) as error:
            raise VlmError(
                f"cannot save the chart as {path} ({error}): name a .png file in a folder of yours"
            ) from error
    return figure
