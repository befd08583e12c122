"""What grounds are painted with: a canvas of 64×64 units at any resolution, and strokes that many of them share.

Design choices:
- positions and widths are in units, never in pixels, and no random number depends on the resolution: the same picture
  comes out at every size;
- everything is drawn larger than asked for and reduced at the end, which smooths the edges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from random import Random

import numpy as np
from PIL import Image, ImageDraw

SIDE = 64  # units of the canvas in each direction
OVERSAMPLING = 2  # pixels drawn for each pixel wanted

Colour = tuple[int, ...]
Palette = tuple[Colour, ...]
Point = tuple[float, float]
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


class Canvas:
    """A square picture to draw on, in units."""

    def __init__(self, size: int) -> None:
        self.size, self.pixels = size, size * OVERSAMPLING
        self.scale = self.pixels / SIDE
        self.image = Image.new("RGB", (self.pixels, self.pixels))
        self.pen = ImageDraw.Draw(self.image)

    def _scaled(self, points: Iterable[Point]) -> list[Point]:
        return [(x * self.scale, y * self.scale) for x, y in points]

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A filled rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def polygon(self, points: Iterable[Point], colour: Colour) -> None:
        """A filled polygon."""
        self.pen.polygon(self._scaled(points), fill=colour)

    def below(self, edge: Sequence[Point], colour: Colour) -> None:
        """Everything below a line that runs from the left to the right."""
        self.polygon([*edge, (edge[-1][0], SIDE), (edge[0][0], SIDE)], colour)

    def line(self, points: Iterable[Point], colour: Colour, width: float = 0.5) -> None:
        """A line from point to point."""
        self.pen.line(self._scaled(points), fill=colour, width=max(round(width * self.scale), 1))

    def disc(self, middle: Point, across: float, colour: Colour, flat: float = 1) -> None:
        """A filled ellipse ``across`` units wide; ``flat``: its height over its width."""
        self.pen.ellipse(self._around(middle, across, flat), fill=colour)

    def ring(self, middle: Point, across: float, colour: Colour, width: float = 0.5, flat: float = 1) -> None:
        """The outline of an ellipse."""
        thick = max(round(width * self.scale), 1)
        self.pen.ellipse(self._around(middle, across, flat), outline=colour, width=thick)

    def arc(self, middle: Point, across: float, start: float, end: float, colour: Colour, width: float = 0.5) -> None:
        """A part of a circle's outline, from ``start`` to ``end`` degrees."""
        thick = max(round(width * self.scale), 1)
        self.pen.arc(self._around(middle, across, 1), start, end, fill=colour, width=thick)

    def _around(self, middle: Point, across: float, flat: float) -> list[Point]:
        (x, y), rx, ry = middle, across / 2, across / 2 * flat
        return self._scaled([(x - rx, y - ry), (x + rx, y + ry)])

    def graded(self, above: Colour, below: Colour, top: float = 0, bottom: float = SIDE) -> None:
        """A band of the full width that passes from one colour to another."""
        first, last = round(top * self.scale), round(bottom * self.scale)
        share = np.linspace(0, 1, last - first)[:, None]
        rows = (np.array(above) * (1 - share) + np.array(below) * share).astype(np.uint8)
        self.image.paste(Image.fromarray(rows[:, None]).resize((self.pixels, last - first)), (0, first))

    def cloud(self, random: Random, colour: Colour, cells: int, strength: float = 1) -> None:
        """Soft patches of a colour over everything; ``cells``: how many patches side by side."""
        grains = Image.frombytes("L", (cells, cells), random.randbytes(cells * cells)).point(lambda v: v * strength)
        self.through(grains.resize((self.pixels, self.pixels), Image.Resampling.BICUBIC), colour)

    def through(self, mask: Image.Image, colour: Colour) -> None:
        """Paste a colour through a mask (mode L, the canvas's own size)."""
        self.image.paste(colour, (0, 0, self.pixels, self.pixels), mask)

    def finished(self) -> Image.Image:
        """The picture, reduced to the size wanted."""
        return self.image.reduce(OVERSAMPLING)


Arrangement = Callable[[Canvas, Palette, Random], None]  # paints a whole ground in the colours given


def mix(one: Colour, other: Colour, share: float = 0.5) -> Colour:
    """A colour between two; ``share``: how much of the other."""
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other))


def scattered(random: Random, count: int, top: float = 0, bottom: float = SIDE) -> list[Point]:
    """Points strewn evenly, one anywhere in each cell of a grid, from top to bottom."""
    columns = max(round((count * SIDE / (bottom - top)) ** 0.5), 1)
    rows = max(round(count / columns), 1)
    wide, high = SIDE / columns, (bottom - top) / rows
    return [
        ((column + random.random()) * wide, top + (row + random.random()) * high)
        for row in range(rows)
        for column in range(columns)
    ]


def steps(step: float, start: float = 0, end: float = SIDE) -> list[float]:
    """Positions from ``start`` to just over ``end``."""
    return [start + number * step for number in range(math.ceil((end - start) / step) + 1)]


def receding(horizon: float, count: int) -> list[float]:
    """Heights of evenly spaced lines on the ground, from the horizon to the lower edge."""
    return [horizon + (SIDE - horizon) * (number / count) ** 2 for number in range(1, count + 1)]


def wavy(y: float, height: float, length: float, phase: float, slope: float = 0) -> list[Point]:
    """A wave from the left edge to the right."""
    return [(x, y + slope * x + height * math.sin(2 * math.pi * (x / length + phase))) for x in range(-2, SIDE + 3, 2)]


def hill(canvas: Canvas, random: Random, y: float, height: float, colour: Colour) -> None:
    """A gentle wavy slope: everything below it in one colour."""
    edge = wavy(y, height, random.uniform(40, 110), random.random())
    canvas.below(edge, colour)


def blades(canvas: Canvas, random: Random, roots: Iterable[Point], height: float, colours: Sequence[Colour]) -> None:
    """A blade of grass at each root."""
    for x, y in roots:
        tip = x + random.uniform(-0.4, 0.4) * height, y - height * random.uniform(0.6, 1.2)
        canvas.line([(x, y), tip], random.choice(colours), 0.6)


def tiles(canvas: Canvas, colour: Colour, wide: float, high: float, shift: Point = (0, 0), bond: float = 0) -> None:
    """Joints between tiles; ``bond``: how far each second row is moved, as a share of a tile; bricks have a half."""
    for row, y in enumerate(steps(high, shift[1] - high)):
        canvas.line([(0, y), (SIDE, y)], colour, 0.8)
        for x in steps(wide, shift[0] - wide + wide * bond * (row % 2)):
            canvas.line([(x, y), (x, y + high)], colour, 0.8)


def net(canvas: Canvas, random: Random, colour: Colour, step: float, width: float = 0.6) -> None:
    """An uneven net with the meshes of a honeycomb: cracks, or the sun in water."""
    rows = []
    for row, y in enumerate(steps(step, -step / 2)):
        knots = []
        for column, x in enumerate(steps(step * 0.55, -step)):
            up_or_down = 0.2 if (row + column) % 2 == 0 else -0.2
            knots.append((x + step * random.uniform(-0.2, 0.2), y + step * (up_or_down + random.uniform(-0.2, 0.2))))
        canvas.line(knots, colour, width)
        rows.append(knots)
    for row, (upper, lower) in enumerate(zip(rows, rows[1:])):
        for above, below in list(zip(upper, lower))[row % 2 :: 2]:
            canvas.line([above, below], colour, width)


def stars(canvas: Canvas, random: Random, points: Iterable[Point], colours: Sequence[Colour]) -> None:
    """Points of light, few of them large."""
    for point in points:
        canvas.disc(point, 0.5 + random.random() ** 3, random.choice(colours))
