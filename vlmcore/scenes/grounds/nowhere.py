"""Grounds that are no place at all: patterns."""

from __future__ import annotations

import math
from random import Random

from PIL import Image

from vlmcore.scenes.grounds.canvas import (
    SIDE,
    Canvas,
    Palette,
    mix,
    steps,
)

PALETTES = (  # the last is for evaluation alone
    "c86a6a e0b0a0 8a5a8a e8d8c0",
    "6a9ac8 b0d0d8 5a5a9a e0e0f0",
    "6ab08a c8e0b0 3a7a7a f0e8c0",
    "b8a050 e8d890 7a6a4a f4f0e0",
    "808088 b8b8c0 50505c dcdce0",
    "d08ab0 f0c8dc 70508a e8e0f4",
    "e09050 60b0b8 a8c850 d8d0e8",
    "8c50c8 50a070 d8b050 e0d0d0",
)


def plain(canvas: Canvas, palette: Palette, random: Random) -> None:
    """One colour."""
    colour = mix(*random.sample(palette, 2), random.random() * 0.5)
    canvas.graded(colour, colour)


def graded(canvas: Canvas, palette: Palette, random: Random) -> None:
    """One colour that passes into another."""
    above, below = random.sample(palette, 2)
    canvas.graded(above, below)
    if random.random() < 0.5:
        canvas.image.paste(canvas.image.transpose(Image.Transpose.ROTATE_90))


def noisy(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Grains of two colours."""
    ground, one, other = random.sample(palette, 3)
    canvas.graded(ground, ground)
    canvas.cloud(random, mix(ground, one), random.choice((16, 32, 64)), 0.8)
    canvas.cloud(random, mix(ground, other), 64, 0.5)


def stripes(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Slanting stripes."""
    ground, one, other = random.sample(palette, 3)
    canvas.graded(ground, ground)
    step, way = random.uniform(8, 20), random.choice((-1, 1))
    for number, x in enumerate(steps(step, -SIDE, 2 * SIDE)):
        band = [(x, 0), (x + step / 2, 0), (x + step / 2 + way * SIDE, SIDE), (x + way * SIDE, SIDE)]
        canvas.polygon(band, mix(ground, other if number % 2 else one, 0.5))


def dots(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Dots in rows."""
    ground, one, _ = random.sample(palette, 3)
    canvas.graded(ground, ground)
    step, share = random.uniform(8, 16), random.uniform(0.35, 0.7)
    for row, y in enumerate(steps(step * 0.87, random.uniform(-step, 0))):
        for x in steps(step, step / 2 * (row % 2) - step / 2):
            canvas.disc((x, y), step * share, mix(ground, one, 0.55))


def checks(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Large squares on their corners."""
    ground, one, other = random.sample(palette, 3)
    canvas.graded(ground, mix(ground, other, 0.3))
    half = random.uniform(7, 13)
    for row, y in enumerate(steps(half, -half)):
        for x in steps(2 * half, half * (row % 2) - half):
            if row % 2:
                canvas.polygon([(x - half, y), (x, y - half), (x + half, y), (x, y + half)], mix(ground, one, 0.5))


def blobs(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Soft patches in all colours."""
    canvas.graded(palette[0], palette[1])
    for colour in palette[1:]:
        canvas.cloud(random, colour, random.randint(3, 6), 0.8)


def zigzags(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Upright zigzags."""
    ground, one, other = random.sample(palette, 3)
    canvas.graded(ground, ground)
    step, deep = random.uniform(10, 18), random.uniform(4, 9)
    for number, x in enumerate(steps(step, -step)):
        line = [(x + (deep if k % 2 else 0), y) for k, y in enumerate(steps(deep, -deep))]
        canvas.line(line, mix(ground, other if number % 2 else one, 0.5), step * 0.35)


def triangles(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A mosaic of triangles."""
    step = random.uniform(12, 20)
    for x in steps(step, random.uniform(-step, 0)):
        for y in steps(step, -step / 2):
            for corner in ((x, y), (x + step, y + step)):
                colour = mix(mix(*random.sample(palette, 2), random.random()), palette[0], 0.4)
                canvas.polygon([corner, (x + step, y), (x, y + step)], colour)


def rays(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Wedges around a point outside the middle."""
    ground, one, other = random.sample(palette, 3)
    canvas.graded(ground, ground)
    (x, y), count = (random.uniform(-20, 84), random.choice((-12, 76))), random.randint(14, 26)
    for number in range(count):
        edges = [2 * math.pi * (number + part) / count for part in (0, 0.5)]
        ends = [(x + 150 * math.cos(angle), y + 150 * math.sin(angle)) for angle in edges]
        canvas.polygon([(x, y), *ends], mix(ground, other if number % 2 else one, 0.45))


# The last two are for evaluation alone.
ARRANGEMENTS = (plain, graded, noisy, stripes, dots, checks, blobs, zigzags, triangles, rays)
