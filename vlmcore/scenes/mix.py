"""The data mix: how often each task is asked, and what is asked first."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from vlmcore.scenes.exchange import Conversation
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.scene import Scene

# sum, unusual and shape fit few scenes and are asked nearly always where they do
TASK_WEIGHTS: dict[str, float] = {
    "caption": 1.5, "describe": 3, "background": 0.8, "count": 3.5, "position": 3, "what": 1, "colour": 0.8,
    "exists": 4, "box": 5, "suppose": 1.5, "sum": 30, "unusual": 30, "shape": 30, "found": 0.8, "does": 0.8,
    "conversation": 2.5,
}  # fmt: skip
# A short stage 2 asks more often for what it is worst at, to find a thing at all and to find it exactly, and where all
# this is; and less often for what is long or can wait: a description, every thing right, it does not reach anyway.
SHORT_MIX = TASK_WEIGHTS | {
    "exists": 15, "box": 9, "conversation": 4, "background": 4, "colour": 1.5, "describe": 0.7, "caption": 0.5,
    "suppose": 1.2,
}  # fmt: skip
# What is unusual, and what one has to see and know for it: for ablations of this claim alone.
CLAIM_MIX = {"unusual": 30, "what": 1, "position": 1, "background": 1, "found": 1, "exists": 1}
WITH_BOXES = ("caption", "box", "box_alone", "grounded_caption", "find", "region", "kind")  # may be about coordinates
ONCE = {"caption", "describe", "background", "sum", "unusual", "shape"}  # a second time has the same answer

# Easy before hard (Bengio et al. 2009): until this share of the steps, word maps are asked these tasks alone. Finding a
# thing by its place and a place by its thing is what every later answer is made of; alone it is learned in 180 steps,
# among everything else not in 500. Reading a box's numbers comes next: among longer answers it was never learned.
CURRICULUM: tuple[tuple[float, dict[str, float]], ...] = (
    (0.24, {"what": 1, "position": 5}),
    (0.5, {"what": 1, "position": 1, "box_alone": 4, "exists": 1, "background": 0.5}),
    (0.62, {"what": 0.5, "position": 1, "box": 3, "exists": 2, "count": 1.5, "describe": 2, "background": 1}),
)


def conversations(
    questions: QuestionGenerator, scene: Scene, random: Random, count: int, tasks: dict[str, float] | None = None
) -> list[Conversation]:
    """Up to ``count`` different conversations about a scene, tasks drawn by weight."""
    left, found = dict(tasks or TASK_WEIGHTS), []
    while left and len(found) < count:
        task = random.choices(list(left), list(left.values()))[0]
        make: Callable[[Scene, Random], Conversation | None] = getattr(questions, task)
        conversation = make(scene, random)
        if conversation is None or task in ONCE:
            del left[task]
        if conversation is not None:
            found.append(conversation)
    return found
