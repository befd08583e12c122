"""Grounding: boxes in words, as CogVLM writes them, and back; and how well two boxes agree.

The format is CogVLM's, ``[[x0,y0,x1,y1]]``: thousandths of the picture in three digits, several boxes joined by ``;``.
It is written strictly and read leniently, in answers and in questions.
"""

from __future__ import annotations

import re

from vlmcore.errors import VlmError
from vlmcore.scenes.position import IN_POSITION, position
from vlmcore.scenes.scene import Scene, Thing
from vlmcore.scenes.wording import join

PRECISION = 40  # thousandths of the picture: coordinates are rounded to multiples of it, one word each

Box = tuple[float, float, float, float]  # x0, y0, x1, y1


def relative(thing: Thing, scene: Scene) -> Box:
    width, height = scene.size
    x0, y0, x1, y1 = thing.box
    return x0 / width, y0 / height, x1 / width, y1 / height


def number(value: float) -> str:
    """A coordinate relative to the picture (0 to 1) in CogVLM's three digits: 0.341 → 360."""
    return f"{scale_index(value) * PRECISION:03d}"


def scale_index(value: float) -> int:
    """Which of the scale's numbers is nearest to a coordinate (0 to 1); the last stands for the far edge too."""
    return min(round(value * 1000 / PRECISION), 1000 // PRECISION - 1)


def box_text(boxes: list[Box]) -> str:
    """CogVLM's grounding format: [[x0,y0,x1,y1]], thousandths of the picture, several boxes joined by ;."""
    return "[[" + ";".join(",".join(number(value) for value in box) for box in boxes) + "]]"


def located(things: list[Thing], scene: Scene) -> str:
    """Boxes behind the words for their places: "at the top [[360,000,640,280]] and on the right [[…]]".

    Where to look is settled before the first number.
    """
    return join([f"{IN_POSITION[position(thing, scene)]} {box_text([relative(thing, scene)])}" for thing in things])


def parse_boxes(answer: str) -> list[Box]:
    """The boxes in an answer, relative to the picture (0 to 1): every group of four three-digit numbers."""
    return [
        tuple(int(value) / 1000 for value in group)
        for group in re.findall(r"(\d{3,4}),(\d{3,4}),(\d{3,4}),(\d{3,4})", answer)
    ]


def strict(question: str) -> str:
    """A question with its boxes as training writes them: "What is at [[41, 80, 400, 433]]?" → [[040,080,400,440]].

    Errors: VlmError for brackets without a box, and for a box that does not lie in the picture.
    """

    def mended(found: re.Match[str]) -> str:
        if found[1] == "x0,y0,x1,y1":  # a question may name the format
            return found[0]
        boxes = []
        for text in found[1].split(";"):
            if not re.fullmatch(r"\s*\d+(?:\s*,\s*\d+){3}\s*", text):
                raise VlmError(
                    f"{found[0]} in the question is no box: write [[x0,y0,x1,y1]], in thousandths of the picture from "
                    "its upper left corner, several boxes joined by ;"
                )
            x0, y0, x1, y1 = (int(value) / 1000 for value in text.split(","))
            if max(x0, y0, x1, y1) > 1 or x0 >= x1 or y0 >= y1:
                raise VlmError(
                    f"the box {found[0]} in the question does not lie in the picture: its numbers are thousandths, "
                    "0 to 1000, left before right and top before bottom"
                )
            boxes.append((x0, y0, x1, y1))
        return box_text(boxes)

    return re.sub(r"\[\[(.*?)(?:\]\]|$)", mended, question)


def iou(first: Box, second: Box) -> float:
    """Intersection over union of two boxes (x0, y0, x1, y1)."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    inside = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return inside / (sum(areas) - inside)
