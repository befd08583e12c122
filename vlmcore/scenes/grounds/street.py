"""A street. Its colours: asphalt, marking, wall, pavement."""

from __future__ import annotations

from random import Random

from vlmcore.scenes.grounds.canvas import (
    BLACK,
    SIDE,
    WHITE,
    Canvas,
    Colour,
    Palette,
    mix,
    receding,
    steps,
    tiles,
)

PALETTES = (  # the last is for evaluation alone
    "77787c e6e4dc b07860 b4b2ac",
    "66686f f0d878 c4b08c c0b8a8",
    "8a8680 eeeeea 9a8f98 c8c4bc",
    "5f6670 e8ecee 8f9fae a6a8aa",
    "80757a f4e4b0 b89a6a b0a49c",
)


def asphalt(canvas: Canvas, palette: Palette, random: Random) -> Colour:
    """Fill everything with rough asphalt. Returns the marking's colour, a little worn."""
    road, marking, _, _ = palette
    canvas.graded(road, road)
    canvas.cloud(random, mix(road, BLACK, 0.3), 40, 0.4)
    return mix(marking, road, random.uniform(0.1, 0.3))


def road(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A road from above, with a broken line between its lanes."""
    marking, slope = asphalt(canvas, palette, random), random.uniform(-0.3, 0.3)
    x, gap = random.uniform(16, 48), random.uniform(10, 15)
    for y in steps(gap, random.uniform(-gap, 0)):
        canvas.line([(x + slope * y, y), (x + slope * (y + gap * 0.55), y + gap * 0.55)], marking, 2)
    for edge in (x - 27, x + 27):
        canvas.line([(edge, -1), (edge + slope * 66, 66)], marking, 1.2)


def zebra_crossing(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A crossing's broad bars."""
    marking = asphalt(canvas, palette, random)
    top, step, slant = random.uniform(4, 18), random.uniform(9, 12), random.uniform(-5, 5)
    for x in steps(step, random.uniform(-step, 0)):
        right, bottom = x + step / 2, top + 36
        canvas.polygon([(x, top), (right, top), (right + slant, bottom), (x + slant, bottom)], marking)
    canvas.line([(0, top + 43), (SIDE, top + 43)], marking, 1.5)


def kerb(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Pavement, kerb and road, from above."""
    grey, _, wall, pavement = palette
    marking, y = asphalt(canvas, palette, random), random.uniform(26, 40)
    canvas.graded(pavement, mix(pavement, wall, 0.15), 0, y)
    for x in steps(9, random.uniform(-9, 0)):
        canvas.line([(x, 0), (x, y)], mix(pavement, grey, 0.4), 0.6)
    for row in steps(9, y % 9 - 9, y - 9):
        canvas.line([(0, row), (SIDE, row)], mix(pavement, grey, 0.4), 0.6)
    canvas.box(0, y, SIDE, y + 2.5, mix(pavement, WHITE, 0.35))
    for x in steps(13, random.uniform(-13, 0)):
        canvas.line([(x, y + 15), (x + 7, y + 15)], marking, 1.8)


def terrace_of_houses(canvas: Canvas, palette: Palette, random: Random) -> None:
    """One long wall of bricks with windows, pavement and road beneath."""
    grey, marking, wall, pavement = palette
    canvas.graded(wall, mix(wall, grey, 0.2))
    tiles(canvas, mix(wall, grey, 0.2), 5, 2.6, bond=0.5)
    wide, y = random.uniform(13, 18), random.uniform(40, 46)
    for x in steps(wide, random.uniform(-wide, 0)):
        for top in (y - 37, y - 18):
            canvas.box(x + 3, top, x + wide - 3, top + 11, mix(pavement, WHITE, 0.3))
            canvas.box(x + 4, top + 1, x + wide - 4, top + 10, mix(grey, (120, 150, 180), 0.4))
    canvas.box(0, y, SIDE, y + 7, pavement)
    canvas.box(0, y + 7, SIDE, y + 8.5, mix(pavement, grey, 0.5))
    canvas.box(0, y + 8.5, SIDE, SIDE, grey)
    for x in steps(13, random.uniform(-13, 0)):
        canvas.line([(x, 61), (x + 7, 61)], mix(marking, grey, 0.2), 1.4)


def cobbles(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Rounded stones in rows."""
    grey, _, wall, pavement = palette
    canvas.graded(mix(grey, BLACK, 0.2), grey)
    wide = random.uniform(6, 9)
    for row, y in enumerate(steps(wide * 0.7)):
        for x in steps(wide, wide / 2 * (row % 2)):
            stone = mix(mix(pavement, grey, random.uniform(0.2, 0.6)), wall, random.random() / 4)
            canvas.disc((x, y), wide * random.uniform(0.85, 0.97), stone, 0.7)


def avenue(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A road that runs to the horizon between two rows of walls."""
    grey, marking, wall, pavement = palette
    to, y = random.uniform(22, 42), random.uniform(18, 26)
    canvas.graded(mix(pavement, (190, 210, 230), 0.6), mix(pavement, WHITE, 0.4), 0, y)
    canvas.graded(mix(grey, pavement, 0.3), grey, y)
    for edge, way in ((0, -1), (SIDE, 1)):
        canvas.polygon([(edge, -8), (to + way * 3, y - 4), (to + way * 3, y), (edge, y + 22)], mix(wall, grey, 0.1))
        for share in (0.25, 0.5, 0.75):
            canvas.line([(edge, y - 8 + share * 26), (to + way * 3, y - 4 + share * 4)], mix(wall, grey, 0.4), 1)
        canvas.polygon([(edge, y + 22), (to + way * 3, y), (to + way * 3.5, y), (edge, y + 38)], pavement)
    heights = receding(y, 9)
    for far, near in zip(heights[::2], heights[1::2]):
        away, close = (far - y) * 0.03, (near - y) * 0.03  # half the line's width at either end
        canvas.polygon([(to - away, far), (to + away, far), (to + close, near), (to - close, near)], marking)


def junction(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Two roads that cross, from above, pavement in the corners."""
    grey, _, wall, pavement = palette
    marking, x, y = asphalt(canvas, palette, random), random.uniform(26, 38), random.uniform(26, 38)
    for left, right in ((-2, x - 15), (x + 15, SIDE + 2)):
        for top, bottom in ((-2, y - 15), (y + 15, SIDE + 2)):
            canvas.box(left, top, right, bottom, mix(pavement, WHITE, 0.25))
            canvas.box(left + 1.5, top + 1.5, right - 1.5, bottom - 1.5, mix(pavement, wall, 0.2))
    for along in steps(7, -3):
        if abs(along + 2 - y) > 16:
            canvas.line([(x, along), (x, along + 4)], marking, 1.2)
        if abs(along + 2 - x) > 16:
            canvas.line([(along, y), (along + 4, y)], marking, 1.2)


def parking_bays(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Slanting bays along a lane."""
    marking, slant = asphalt(canvas, palette, random), random.uniform(-12, 12)
    y = random.uniform(24, 34)
    for x in steps(random.uniform(13, 17), -20, 84):
        canvas.line([(x, 0), (x + slant, y)], marking, 1.4)
        canvas.line([(x, SIDE), (x + slant, SIDE - y + 14)], marking, 1.4)
    canvas.line([(0, 1), (SIDE, 1)], marking, 1.4)


# The last two are for evaluation alone.
ARRANGEMENTS = (road, zebra_crossing, kerb, terrace_of_houses, cobbles, avenue, junction, parking_bays)
