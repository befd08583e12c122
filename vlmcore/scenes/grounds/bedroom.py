"""A bedroom. Its colours: wall, pattern, floor, fabric."""

from __future__ import annotations

import math
from random import Random

from vlmcore.scenes.grounds.canvas import (
    SIDE,
    WHITE,
    Canvas,
    Palette,
    mix,
    steps,
    wavy,
)

DARK_WOOD = (40, 20, 10)
FOLD = (30, 20, 40)
PALETTES = (  # the last is for evaluation alone
    "d8b4d4 f0dcec b08860 9a6aa8",
    "b8c4e0 e4eaf6 a67c58 6478b0",
    "ecc8c0 f8e6de c49a70 c07884",
    "d4ccb4 f0ead8 8c6448 a89878",
    "b4d0c4 e0f0e6 b48a68 7a8cb4",
)


def striped_wallpaper(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Broad stripes with a thin line beside each."""
    wall, pattern, _, fabric = palette
    canvas.graded(wall, mix(wall, WHITE, 0.15))
    step = random.uniform(9, 15)
    for x in steps(step, random.uniform(-step, 0)):
        canvas.box(x, 0, x + step * 0.45, SIDE, mix(wall, pattern, 0.6))
        canvas.box(x + step * 0.68, 0, x + step * 0.68 + 0.8, SIDE, mix(wall, fabric, 0.5))


def sprigged_wallpaper(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A small motif, repeated in rows that are moved against each other."""
    wall, pattern, _, fabric = palette
    canvas.graded(wall, mix(wall, WHITE, 0.15))
    step, long = random.uniform(9, 13), random.uniform(1.6, 2.6)
    for row, y in enumerate(steps(step * 0.8, random.uniform(-8, 0))):
        for x in steps(step, -step / 2 * (row % 2)):
            canvas.polygon([(x - long, y), (x, y - long), (x + long, y), (x, y + long)], mix(wall, pattern, 0.8))
            canvas.disc((x, y), 1.2, mix(wall, fabric, 0.7))
            canvas.disc((x + step / 2, y), 1, mix(wall, pattern, 0.6))


def bedroom_floor(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A papered wall, its skirting board, and floorboards."""
    wall, pattern, floor, _ = palette
    y, step = random.uniform(28, 40), random.uniform(7, 10)
    canvas.graded(wall, wall)
    for x in steps(step, random.uniform(-step, 0)):
        canvas.box(x, 0, x + step / 2, y, mix(wall, pattern, 0.4))
    canvas.graded(floor, mix(floor, DARK_WOOD, 0.15), y)
    for x in steps(12, -100, 164):
        canvas.line([(32 + (x - 32) * 0.45, y), (x, SIDE)], mix(floor, DARK_WOOD, 0.3), 0.7)
    canvas.box(0, y - 1, SIDE, y + 3, mix(wall, WHITE, 0.6))
    canvas.box(0, y + 3, SIDE, y + 3.8, mix(floor, DARK_WOOD, 0.4))


def quilt(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Patches of cloth, stitched along their seams."""
    wall, pattern, _, fabric = palette
    step = random.uniform(12, 17)
    for x in steps(step, random.uniform(-step, 0)):
        for y in steps(step, random.uniform(-step, 0)):
            patch = mix(random.choice((wall, pattern, fabric)), wall, random.uniform(0.1, 0.4))
            canvas.box(x, y, x + step, y + step, patch)
            if random.random() < 0.5:
                for part in (0.3, 0.7):
                    canvas.disc((x + part * step, y + part * step), 1.8, mix(patch, WHITE, 0.4))
                    canvas.disc((x + part * step, y + step - part * step), 1.8, mix(patch, fabric, 0.5))
            for seam in steps(3, 0.6, step - 4):
                canvas.line([(x + seam, y + 0.8), (x + seam + 1.5, y + 0.8)], mix(patch, WHITE, 0.6))


def rug(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A corner of a fringed rug on floorboards."""
    wall, pattern, floor, fabric = palette
    canvas.graded(floor, mix(floor, DARK_WOOD, 0.1))
    for y in steps(6, random.uniform(-6, 0)):
        canvas.line([(0, y), (SIDE, y)], mix(floor, DARK_WOOD, 0.3), 0.6)
    left, top = random.uniform(6, 16), random.uniform(-20, 16)
    for y in steps(1.8, top):
        canvas.line([(left - 3, y), (left, y)], mix(fabric, WHITE, 0.5))
    for inside, share in ((0, 0.0), (2.5, 0.6), (4.5, 0.25)):
        canvas.box(left + inside, top + inside, SIDE, SIDE, mix(fabric, wall, share))
    for row, y in enumerate(steps(5, top + 10)):
        for x in steps(10, left + 10 + 5 * (row % 2)):
            canvas.polygon([(x - 3, y), (x, y - 3), (x + 3, y), (x, y + 3)], mix(fabric, pattern, 0.4))


def curtain(canvas: Canvas, palette: Palette, random: Random) -> None:
    """The folds of a curtain, its hem above the floor."""
    wall, pattern, floor, fabric = palette
    canvas.graded(fabric, fabric)
    x = -3.0
    while x < SIDE:
        fold = random.uniform(5, 9)
        for part in range(8):
            light = math.sin(math.pi * part / 7)
            colour = mix(mix(fabric, FOLD, 0.25), mix(fabric, WHITE, 0.3), light)
            canvas.box(x + fold * part / 8, 0, x + fold, SIDE, colour)
        x += fold
    canvas.box(0, 2, SIDE, 4.5, mix(floor, DARK_WOOD, 0.2))
    canvas.box(0, random.uniform(54, 60), SIDE, SIDE, mix(floor, wall, 0.2))


def headboard(canvas: Canvas, palette: Palette, random: Random) -> None:
    """An upholstered headboard, buttoned in diamonds, above the sheet."""
    wall, pattern, _, fabric = palette
    canvas.graded(mix(fabric, WHITE, 0.2), fabric)
    step, y = random.uniform(10, 14), random.uniform(42, 50)
    for x in steps(step, -SIDE - step, 2 * SIDE):
        canvas.line([(x, 0), (x + SIDE, SIDE)], mix(fabric, FOLD, 0.25), 0.8)
        canvas.line([(x, 0), (x - SIDE, SIDE)], mix(fabric, FOLD, 0.25), 0.8)
    for row, level in enumerate(steps(step / 2)):
        for x in steps(step, step / 2 * (row % 2)):
            canvas.disc((x, level), 1.6, mix(fabric, wall, 0.6))
    canvas.box(0, y, SIDE, SIDE, mix(wall, WHITE, 0.5))
    for level in steps(4, y + 2):
        canvas.line(wavy(level, 1, random.uniform(20, 50), random.random()), mix(wall, pattern, 0.3), 0.6)


# The last two are for evaluation alone.
ARRANGEMENTS = (striped_wallpaper, sprigged_wallpaper, quilt, rug, headboard, bedroom_floor, curtain)
