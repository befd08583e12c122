"""Robustness: the benchmark again, in other light, by other artists, in other words. Clean scores alone are not sight.

Design choices:
- every condition is the whole benchmark with one thing changed, its mean over tasks beside the clean one;
- corruptions are ImageNet-C's with its parameters for 64 pixels (corruptions.py), at severities 1, 3 and 5, so that
  figures can be compared; the kinds that training never applies stand apart;
- where the picture is moved (geometry.py), so are the boxes, and the questions are asked about the moved scene;
- stability counts answers that change although nothing that was asked about did: whether right or wrong, a model that
  flips has not seen what it says;
- multi-modal gain (MMStar, Chen et al. 2024): the score less the score with the picture hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from vlmcore.assistant import Assistant
from vlmcore.evaluation.benchmark import TASKS, AnswerAll, Item, benchmark, evaluate, paint_all
from vlmcore.evaluation.corruptions import CORRUPTIONS, SEEN_IN_TRAINING, corrupt, light
from vlmcore.evaluation.geometry import GEOMETRY
from vlmcore.evaluation.strangers import TASKS as STRANGERS_TASKS
from vlmcore.evaluation.strangers import Strangers
from vlmcore.scenes.artwork import TRAINING_ARTISTS, UNSEEN_ARTIST
from vlmcore.scenes.grounding import relative
from vlmcore.scenes.scene import Scene
from vlmcore.scenes.thoughts import split_thoughts
from vlmcore.scenes.world import World

SEVERITIES = (1, 3, 5)
LIGHTS = (0.5, 0.75, 1.25)
GREY = 128  # is all that a blind model sees

Change = Callable[[np.ndarray, int], np.ndarray]  # (picture, its number) → picture


@dataclass(frozen=True)
class Condition:
    """One way in which the benchmark is made harder."""

    family: str
    name: str
    world: World
    wording: str = "train"
    change: Change | None = None
    move: Callable[[Scene], Scene] | None = None
    tasks: Sequence[str] = TASKS


def conditions(objects: int | None) -> list[Condition]:
    """All of them, the clean one first."""
    world = World(objects)
    found = [Condition("clean", "clean", world)]
    found += [
        Condition("light", f"light {share:.0%}", world, change=lambda picture, _, share=share: light(picture, share))
        for share in LIGHTS
    ]
    for name in CORRUPTIONS:
        family = "seen kinds" if name in SEEN_IN_TRAINING else "unseen kinds"
        for severity in SEVERITIES:
            change = lambda picture, n, name=name, severity=severity: corrupt(picture, name, severity, n)  # noqa: E731
            found.append(Condition(family, f"{name} {severity}", world, change=change))
    for name in GEOMETRY:
        change = partial(_moved_picture, name)
        found.append(Condition("geometry", name, world, change=change, move=partial(moved, name)))
    found += [
        Condition("artists", "unseen artist", World(objects, UNSEEN_ARTIST)),
        Condition("artists", "the other artist", OtherArtist(objects)),
        Condition("grounds", "unseen looks", World(objects, look="held_out")),
        Condition("grounds", "free arrangement", Strangers(objects), tasks=STRANGERS_TASKS),
        Condition("grounds", "free, unseen looks", Strangers(objects, look="held_out"), tasks=STRANGERS_TASKS),
        Condition("words", "unseen wordings", world, "held_out"),
    ]
    return found


class OtherArtist(World):
    """The third of the objects of which training kept one artist's drawing back, as that artist drew them."""

    def __init__(self, names: int | None = None) -> None:
        super().__init__(names)
        self.names = [name for name in self.names if self.artists(name) != super(OtherArtist, self).artists(name)]

    def artists(self, name: str) -> tuple[str, ...]:
        known = super().artists(name)
        return tuple(artist for artist in TRAINING_ARTISTS if artist not in known) or known


def _moved_picture(name: str, picture: np.ndarray, _: int) -> np.ndarray:
    return GEOMETRY[name](picture, [])[0]


def moved(name: str, scene: Scene) -> Scene:
    """The scene as it looks after a transform: its boxes moved along, what left the picture left out."""
    blank = np.zeros((*scene.size, 3), dtype=np.uint8)
    _, boxes = GEOMETRY[name](blank, [relative(thing, scene) for thing in scene.things])
    things = tuple(
        replace(thing, box=tuple(value * side for value, side in zip(box, scene.size * 2, strict=True)))
        for thing, box in zip(scene.things, boxes, strict=True)
        if box[0] < box[2] and box[1] < box[3]
    )
    return replace(scene, things=things)


def score_condition(answer_all: AnswerAll, condition: Condition, per_task: int, seed: int) -> dict[str, float]:
    """The benchmark's scores by task under one condition."""
    items = benchmark(condition.world, per_task, seed, condition.wording, condition.tasks, condition.move)
    pictures = paint_all(condition.world, items)
    if condition.change is not None:
        pictures = [condition.change(picture, number) for number, picture in enumerate(pictures)]
    return evaluate(answer_all, items, pictures)


def stability(assistant: Assistant, objects: int | None, per_task: int, seed: int) -> dict[str, float]:
    """The share of first answers that change when the picture is shifted by two pixels, or the question paraphrased."""
    world = World(objects)
    tasks = [task for task in TASKS if task != "box"]  # a box does move
    items = benchmark(world, per_task, seed, tasks=tasks)
    paraphrased = benchmark(world, per_task, seed, "held_out", tasks)
    pictures = paint_all(world, items)
    shifted = [GEOMETRY["shift 2"](picture, [])[0] for picture in pictures]
    plain = answers(assistant.answer_all, items, pictures)
    return {
        "shift of 2 pixels": changed(plain, answers(assistant.answer_all, items, shifted)),
        "paraphrase": changed(plain, answers(assistant.answer_all, paraphrased, pictures)),
    }


def answers(answer_all: AnswerAll, items: Sequence[Item], pictures: Sequence[np.ndarray]) -> list[str]:
    """What is said to each item's first question, without the thoughts."""
    asked = [(picture, [], item.conversation[0].question) for picture, item in zip(pictures, items, strict=True)]
    return [split_thoughts(answer)[1] for answer in answer_all(asked)]


def changed(first: Sequence[str], second: Sequence[str]) -> float:
    return float(np.mean([a != b for a, b in zip(first, second, strict=True)]))


def blind(answer_all: AnswerAll) -> AnswerAll:
    """The same model with every picture hidden behind grey."""

    def answer(questions: list[tuple[np.ndarray, list[tuple[str, str]], str]]) -> list[str]:
        return answer_all([(np.full_like(picture, GREY), *rest) for picture, *rest in questions])

    return answer


def robustness(assistant: Assistant, per_task: int, seed: int) -> dict:
    """Everything that `vlmcore evaluate --robust` tells: each condition's mean, the families' means, and the rest."""
    objects = assistant.about.get("objects")
    found = conditions(objects)
    scores = {c.name: score_condition(assistant.answer_all, c, per_task, seed) for c in found}
    means = {name: float(np.mean(list(tasks.values()))) for name, tasks in scores.items()}
    families: dict[str, list[float]] = {}
    for condition in found:
        families.setdefault(condition.family, []).append(means[condition.name])
    hidden = score_condition(blind(assistant.answer_all), found[0], per_task, seed)
    hidden_mean = float(np.mean(list(hidden.values())))
    return {
        "per_task": per_task,
        "seed": seed,
        "conditions": means,
        "families": {family: float(np.mean(values)) for family, values in families.items()},
        "tasks": scores,
        "blind": hidden_mean,
        "gain": means["clean"] - hidden_mean,
        "answers that change": stability(assistant, objects, per_task, seed),
    }
