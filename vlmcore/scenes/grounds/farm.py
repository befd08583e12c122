"""A farm. Its colours: crop, soil, straw, sky."""

from __future__ import annotations

from random import Random

from vlmcore.scenes.grounds.canvas import (
    BLACK,
    SIDE,
    WHITE,
    Canvas,
    Palette,
    blades,
    hill,
    mix,
    scattered,
    steps,
)

PALETTES = (  # the last is for evaluation alone
    "8fb04e 8a6544 d9bc62 a5cdea",
    "a9b75a 6e503c e2c878 cfe0e8",
    "6f9c4c a3734a cfa84e b9d3e6",
    "b3a850 7c5a3a e8cf86 e8d3b4",
    "86a878 8f5a48 d8b488 c4c6dc",
)


def furrows(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Rows of crop that run to the horizon."""
    crop, soil, _, sky = palette
    y, to = random.uniform(10, 22), random.uniform(10, 54)
    canvas.graded(sky, mix(sky, WHITE, 0.4), 0, y)
    canvas.graded(mix(soil, crop, 0.5), soil, y)
    for x in steps(random.uniform(13, 18), -130 + to, 130 + to):
        canvas.polygon([(to + (x - to) * 0.1, y), (to + (x + 8 - to) * 0.1, y), (x + 8, SIDE), (x, SIDE)], crop)


def crop_rows(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Plants in rows on bare soil, seen from above."""
    crop, soil, _, _ = palette
    canvas.graded(soil, mix(soil, crop, 0.2))
    step = random.uniform(8, 12)
    for x in steps(step, random.uniform(-step, 0)):
        canvas.line([(x + step / 2, 0), (x + step / 2, SIDE)], mix(soil, BLACK, 0.15), 1.5)
        for y in steps(3.2, random.uniform(-3, 0)):
            plant = mix(crop, soil, random.random() / 3)
            canvas.disc((x + random.uniform(-0.7, 0.7), y), random.uniform(2.5, 4), plant)


def patchwork(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Fields from the air, each ploughed its own way."""
    crop, soil, straw, _ = palette
    across, down, tilt = random.uniform(22, 42), random.uniform(22, 42), random.uniform(-8, 8)
    for left, right in ((-10, across), (across, SIDE + 10)):
        for top, bottom in ((0, down), (down, SIDE)):
            field = mix(random.choice((crop, soil, straw)), crop, random.uniform(0.1, 0.5))
            canvas.box(left, top, right, bottom, field)
            lean = random.uniform(-12, 12)
            for x in steps(4, left - 12, right + 12):
                inside = min(max(x, left), right), min(max(x + lean, left), right)
                canvas.line([(inside[0], top), (inside[1], bottom)], mix(field, BLACK, 0.2), 0.8)
    canvas.line([(across + tilt, 0), (across - tilt, SIDE)], mix(crop, soil, 0.7), 2)
    canvas.line([(0, down - tilt), (SIDE, down + tilt)], mix(crop, soil, 0.7), 2)


def grain(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Ripe grain, stalk by stalk, under a strip of sky."""
    crop, soil, straw, sky = palette
    y = random.uniform(8, 20)
    canvas.graded(mix(sky, WHITE, 0.3), sky, 0, y)
    canvas.graded(mix(straw, crop, 0.4), mix(straw, soil, 0.3), y)
    for x, root in scattered(random, 150, y + 6, 72):
        canvas.line([(x, root), (x + 1, root - 7)], mix(straw, soil, random.uniform(0, 0.4)), 0.5)
        canvas.disc((x + 1, root - 7), 1.3, mix(straw, (255, 245, 200), 0.35), 2)


def fenced(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A pasture behind the rails of a wooden fence."""
    crop, soil, straw, sky = palette
    y = random.uniform(12, 22)
    canvas.graded(sky, mix(sky, WHITE, 0.5), 0, y + 4)
    hill(canvas, random, y, 2, mix(crop, sky, 0.3))
    hill(canvas, random, y + 7, 2, crop)
    blades(canvas, random, scattered(random, 110, y + 12, 68), 3, (mix(crop, straw), mix(crop, soil, 0.4)))
    for x in steps(random.uniform(15, 20), random.uniform(-10, 5)):
        canvas.box(x, y + 1, x + 2.4, y + 24, mix(soil, straw, 0.3))
    for rail in (y + 5, y + 14):
        canvas.box(0, rail, SIDE, rail + 2.4, mix(soil, straw, 0.45))


def barn(canvas: Canvas, palette: Palette, random: Random) -> None:
    """The boards of a barn, with straw before them."""
    crop, soil, straw, _ = palette
    boards, y = mix(soil, (165, 70, 55), 0.6), random.uniform(38, 48)
    canvas.graded(boards, mix(boards, BLACK, 0.15))
    for x in steps(random.uniform(5, 8), random.uniform(-5, 0)):
        canvas.line([(x, 0), (x, SIDE)], mix(boards, BLACK, 0.3), 0.7)
    canvas.box(0, y - 22, SIDE, y - 18, mix(boards, straw, 0.25))
    hill(canvas, random, y, 1, mix(straw, crop, 0.2))
    for x, root in scattered(random, 120, y):
        tip = x + random.uniform(-4, 4), root + random.uniform(-2, 2)
        canvas.line([(x, root), tip], mix(straw, soil, random.random() / 2), 0.6)


def contours(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A slope ploughed in curves."""
    crop, soil, straw, _ = palette
    canvas.graded(mix(crop, straw, 0.3), crop)
    middle = random.uniform(-10, 74), random.uniform(70, 90)
    for number, across in enumerate(steps(9, 20, 230)):
        canvas.ring(middle, across, soil if number % 2 else mix(soil, crop), 2)


# The last two are for evaluation alone.
ARRANGEMENTS = (furrows, patchwork, grain, fenced, barn, crop_rows, contours)
