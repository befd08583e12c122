"""Grounding measured: captions with boxes, thing by thing, and how well boxes fit.

Published numbers (RefCOCO) count a phrase as found when IoU ≥ 0.5; the mean IoU says how tight the boxes are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vlmcore.scenes.grounding import Box, iou, parse_boxes
from vlmcore.scenes.thoughts import split_thoughts

TASKS = ("grounded_caption", "find", "region", "explain", "kind")  # CogVLM's questions, beside the benchmark's
NAMED = ("grounded_caption", "kind")  # of these the answers name each thing before its box
NO_BOX = (0.0, 0.0, 0.0, 0.0)  # stands for brackets that hold none: it overlaps with nothing
FOUND = 0.5  # is the least IoU of a thing that is found


def named_boxes(answer: str) -> tuple[list[tuple[str, Box]], str]:
    """ "a dog [[…]] and a cat [[…]] in the forest" → (a dog, box), (a cat, box); and what follows the last box."""
    *parts, rest = re.split(r"(?<=\]\])", answer)
    pairs = []
    for part in parts:
        name, _, coordinates = part.partition("[[")
        name = re.sub(r"^(, | and )", "", name).strip()
        pairs += [(name, box) for box in parse_boxes(coordinates) or [NO_BOX]]
    return pairs, rest.strip()


def same_things(answer: str, expected: str) -> bool:
    """Does an answer name the same things, in any order, each with a box that fits, and end in the same words?

    Thoughts do not count.
    """
    (said, rest), (left, expected_rest) = (named_boxes(split_thoughts(text)[1]) for text in (answer, expected))
    if rest != expected_rest or len(said) != len(left):
        return False
    for name, box in said:
        best = max((pair for pair in left if pair[0] == name), key=lambda pair: iou(box, pair[1]), default=None)
        if best is None or iou(box, best[1]) < FOUND:
            return False
        left.remove(best)
    return True


def overlaps(answers: Sequence[str], expected: Sequence[Sequence[Box]]) -> list[float]:
    """For every expected box the IoU with the answer's best one, 0 where it has none; a box answers for one thing."""
    found = []
    for answer, boxes in zip(answers, expected, strict=True):
        said = parse_boxes(split_thoughts(answer)[1])
        for box in boxes:
            best = max(said, key=lambda other: iou(box, other), default=None)
            found.append(iou(box, best) if best is not None else 0.0)
            if best is not None and found[-1] > 0:
                said.remove(best)
    return found
