"""A kitchen. Its colours: tile, joint, wood, accent."""

from __future__ import annotations

from random import Random

from vlmcore.scenes.grounds.canvas import (
    SIDE,
    WHITE,
    Canvas,
    Palette,
    mix,
    receding,
    scattered,
    steps,
    tiles,
    wavy,
)

DARK_WOOD = (40, 20, 10)
PALETTES = (  # the last is for evaluation alone
    "ece4d2 c8bba0 b98a58 c8654e",
    "dfe8ea b4c2c6 c79a66 4f8fa8",
    "f0e6b8 d0bf88 a87444 6f9a58",
    "f2dcd0 d4b4a4 9c6a48 d09440",
    "d8e8d8 acc4b0 c08a6a a8587c",
)


def wall_tiles(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Square tiles, some of them coloured."""
    tile, joint, _, accent = palette
    canvas.graded(tile, mix(tile, joint, 0.3))
    step, shift = random.uniform(9, 14), (random.uniform(0, 9), random.uniform(0, 9))
    for x in steps(step, shift[0] - step):
        for y in steps(step, shift[1] - step):
            if random.random() < 0.18:
                canvas.box(x, y, x + step, y + step, mix(tile, accent, 0.5))
            canvas.line([(x + 1.5, y + step - 2), (x + 1.5, y + 1.5), (x + step - 2, y + 1.5)], mix(tile, WHITE, 0.5))
    tiles(canvas, joint, step, step, shift)


def metro_tiles(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Flat glazed tiles laid like bricks, and one coloured course."""
    tile, joint, _, accent = palette
    canvas.graded(tile, mix(tile, joint, 0.25))
    high, shift = random.uniform(5.5, 8), (random.uniform(0, 9), random.uniform(0, 5))
    course = shift[1] + high * random.randint(0, 5)
    canvas.box(0, course, SIDE, course + high, mix(tile, accent, 0.6))
    tiles(canvas, joint, high * 2, high, shift, bond=0.5)


def worktop(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A wooden worktop with tiles behind it."""
    tile, joint, wood, accent = palette
    canvas.graded(tile, tile)
    y = random.uniform(26, 38)
    tiles(canvas, joint, 8, 8, (random.uniform(0, 8), y % 8))
    canvas.box(0, y - 3, SIDE, y, mix(tile, accent, 0.5))
    canvas.graded(mix(wood, WHITE, 0.2), wood, y)
    for level in steps(4, y + 3):
        canvas.line(wavy(level, 0.7, random.uniform(30, 70), random.random()), mix(wood, DARK_WOOD, 0.15), 0.5)
    canvas.box(0, 60, SIDE, SIDE, mix(wood, DARK_WOOD, 0.4))


def table_cloth(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A chequered cloth: where two of its bands cross, the colour is deeper."""
    tile, _, _, accent = palette
    cloth = mix(tile, WHITE, 0.5)
    canvas.graded(cloth, cloth)
    step = random.uniform(7, 12)
    rows, columns = steps(step, random.uniform(-step, 0)), steps(step, random.uniform(-step, 0))
    for y in rows:
        canvas.box(0, y, SIDE, y + step / 2, mix(cloth, accent, 0.35))
    for x in columns:
        canvas.box(x, 0, x + step / 2, SIDE, mix(cloth, accent, 0.35))
        for y in rows:
            canvas.box(x, y, x + step / 2, y + step / 2, mix(cloth, accent, 0.65))


def butcher_block(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A chopping board of glued staves, with the marks of knives."""
    _, _, wood, _ = palette
    canvas.graded(wood, wood)
    high = random.uniform(6, 9)
    for y in steps(high):
        for x in steps(19, random.uniform(-19, 0)):
            stave = mix(wood, random.choice(((255, 235, 200), DARK_WOOD)), random.uniform(0.05, 0.25))
            canvas.box(x, y, x + 19, y + high, stave)
            canvas.line([(x, y + high), (x, y), (x + 19, y)], mix(wood, DARK_WOOD, 0.45))
    for x, y in scattered(random, 12):
        canvas.line([(x, y), (x + random.uniform(-9, 9), y + random.uniform(-5, 5))], mix(wood, DARK_WOOD, 0.35), 0.5)


def shelves(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Boards on a tiled wall, with hooks under them."""
    tile, joint, wood, accent = palette
    canvas.graded(mix(tile, accent, 0.15), tile)
    tiles(canvas, mix(joint, tile, 0.4), 11, 11, (random.uniform(0, 11), random.uniform(0, 11)))
    for y in steps(random.uniform(20, 26), random.uniform(8, 18)):
        canvas.box(0, y, SIDE, y + 3, wood)
        canvas.box(0, y + 3, SIDE, y + 4.2, mix(tile, (40, 30, 30), 0.3))
        for x in steps(8, random.uniform(-8, 0)):
            canvas.line([(x, y + 4), (x, y + 7), (x + 1, y + 7.5)], mix(joint, (40, 30, 30), 0.4), 0.5)


def kitchen_floor(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A chequered floor that runs away from us under a cupboard."""
    tile, joint, wood, accent = palette
    y, to = random.uniform(12, 20), random.uniform(20, 44)
    canvas.graded(tile, mix(tile, joint), y)
    heights = [y, *receding(y, 7)]
    for row, (far, near) in enumerate(zip(heights, heights[1:])):
        for column in range(-8, 8, 2):
            left = [to + (column + row % 2) * 14 * (0.25 + 0.75 * (h - y) / (SIDE - y)) for h in (far, near)]
            wide = [14 * (0.25 + 0.75 * (h - y) / (SIDE - y)) for h in (far, near)]
            canvas.polygon(
                [(left[0], far), (left[0] + wide[0], far), (left[1] + wide[1], near), (left[1], near)],
                mix(tile, accent, 0.45),
            )
    canvas.box(0, 0, SIDE, y, mix(wood, tile, 0.3))
    for x in steps(16, random.uniform(-16, 0)):
        canvas.line([(x, 0), (x, y)], mix(wood, DARK_WOOD, 0.4), 0.8)
    canvas.box(0, y - 2, SIDE, y, mix(wood, DARK_WOOD, 0.5))


# The last two are for evaluation alone.
ARRANGEMENTS = (wall_tiles, metro_tiles, worktop, table_cloth, butcher_block, shelves, kitchen_floor)
