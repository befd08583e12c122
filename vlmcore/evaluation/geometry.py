"""Geometry: the picture moved, scaled, turned or stored with other numbers of pixels, and its boxes moved along.

Design choices:
- shifts, zooms, turns and aspects are one thing, an affine map about the picture's middle: one matrix moves the pixels
  (Pillow) and the boxes;
- what comes into view at a border continues the border's pixels. Mirroring would look better, but it would show some
  things twice, and then the counts that the questions ask for would be wrong;
- a box that the border cuts is clipped there, as in Thing.box; one that has left the picture has no area;
- a turned box is boxed again: the new one is larger than the thing in it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vlmcore.scenes.grounding import Box

Move = Callable[[np.ndarray, list[Box]], tuple[np.ndarray, list[Box]]]  # picture uint8 (S, S, 3), relative boxes


@dataclass(frozen=True)
class Geometry:
    """An affine map: width and height scaled, then all turned, both about the middle, then shifted."""

    scale: tuple[float, float] = (1, 1)
    angle: float = 0  # degrees, clockwise
    shift: tuple[float, float] = (0, 0)  # pixels, to the right and down

    def matrix(self, size: int) -> np.ndarray:
        """(3, 3): (x, y, 1) in the old picture → in the new one, in pixels; pixel i covers the places i to i + 1."""
        cos, sin = np.cos(np.radians(self.angle)), np.sin(np.radians(self.angle))
        linear = np.array([[cos, -sin], [sin, cos]]) * self.scale
        middle = np.full(2, size / 2)
        matrix = np.eye(3)
        matrix[:2, :2], matrix[:2, 2] = linear, middle - linear @ middle + self.shift
        return matrix

    def __call__(self, picture: np.ndarray, boxes: list[Box]) -> tuple[np.ndarray, list[Box]]:
        matrix, size = self.matrix(len(picture)), len(picture)
        border = size // 2  # more than any of GEOMETRY brings into view
        padded = np.pad(picture, [(border, border), (border, border), (0, 0)], "edge")
        back = np.linalg.inv(matrix)  # Pillow asks where each new pixel comes from
        back[:2, 2] += border
        way = Image.Transform.AFFINE, back[:2].ravel().tolist(), Image.Resampling.BILINEAR
        moved = Image.fromarray(padded).transform((size, size), *way)
        return np.array(moved), [moved_box(box, matrix, size) for box in boxes]


def moved_box(box: Box, matrix: np.ndarray, size: int) -> Box:
    """The upright box around the four moved corners, clipped to the picture."""
    x0, y0, x1, y1 = np.array(box) * size
    corners = matrix @ np.array([[x0, x1, x0, x1], [y0, y0, y1, y1], [1, 1, 1, 1]])
    corners = (corners[:2] / size).clip(0, 1)
    return *corners.min(1).tolist(), *corners.max(1).tolist()


@dataclass(frozen=True)
class Resampling:
    """Stored with another number of pixels a side and brought back; nothing moves."""

    side: int
    back: Image.Resampling

    def __call__(self, picture: np.ndarray, boxes: list[Box]) -> tuple[np.ndarray, list[Box]]:
        other = Image.fromarray(picture).resize((self.side, self.side), Image.Resampling.BILINEAR)
        return np.array(other.resize((len(picture), len(picture)), self.back)), list(boxes)


GEOMETRY: dict[str, Move] = {
    "shift 2": Geometry(shift=(2, 2)),
    "shift 6": Geometry(shift=(6, 6)),
    "zoom in 1.15": Geometry(scale=(1.15, 1.15)),
    "zoom out 0.85": Geometry(scale=(0.85, 0.85)),
    "rotate 10": Geometry(angle=10),
    "narrow 0.8": Geometry(scale=(0.8, 1)),
    "wide 1.25": Geometry(scale=(1.25, 1)),
    "down 32": Resampling(32, Image.Resampling.BILINEAR),
    "up 96": Resampling(96, Image.Resampling.BOX),  # by area
}
