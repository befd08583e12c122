"""The sea. Its colours: water, deep water, foam, sand."""

from __future__ import annotations

from random import Random

from vlmcore.scenes.grounds.canvas import (
    Canvas,
    Palette,
    hill,
    mix,
    net,
    receding,
    scattered,
    steps,
    wavy,
)

PALETTES = (  # the last is for evaluation alone
    "5fa8d8 2f6fae d8eef6 e3cfa0",
    "58c0bd 1f8a98 def5ee f0dfb8",
    "7f9fb4 4a6a86 dfe7ea cbbd9c",
    "6d8fd0 35509a e0e4f4 d9b98c",
    "6fae9a 2f6f66 e6f2e4 d8c8a4",
)


def waves(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Lines of waves, seen from above."""
    water, deep, foam, _ = palette
    canvas.graded(water, mix(water, deep, random.random()))
    step, length = random.uniform(6, 10), random.uniform(9, 22)
    for y in steps(step, random.uniform(-3, 3)):
        canvas.line(wavy(y, random.uniform(0.8, 2), length, random.random()), mix(water, foam, 0.55), 1)


def beach(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Water above, sand below, foam between."""
    water, deep, foam, sand = palette
    y, length, phase = random.uniform(32, 50), random.uniform(25, 60), random.random()
    canvas.graded(deep, water, 0, y)
    for point in scattered(random, 18, 2, y - 6):
        canvas.line([point, (point[0] + 5, point[1])], mix(water, foam, 0.3), 0.6)
    for below, colour in ((-3, mix(water, foam, 0.4)), (0, foam), (3, mix(sand, deep, 0.2)), (6, sand)):
        canvas.below(wavy(y + below, 2.5, length, phase), colour)
    for point in scattered(random, 50, y + 9):
        canvas.disc(point, 0.7, mix(sand, deep, 0.25))


def under_water(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Rays of light from above, bubbles, a little sand at the bottom."""
    water, deep, foam, sand = palette
    canvas.graded(mix(water, foam, 0.25), deep)
    for x in steps(random.uniform(11, 16), random.uniform(-12, 0)):
        wide, slant = random.uniform(2, 4), random.uniform(4, 14)
        canvas.polygon([(x, 0), (x + wide, 0), (x + 2 * wide + slant, 50), (x + slant, 50)], mix(water, foam, 0.15))
    hill(canvas, random, random.uniform(54, 60), 1.5, mix(sand, deep, 0.5))
    for point in scattered(random, 16, 4, 52):
        canvas.ring(point, random.uniform(1.2, 3), mix(water, foam, 0.6), 0.4)


def open_sea(canvas: Canvas, palette: Palette, random: Random) -> None:
    """The horizon, and glints on the water that grow towards us."""
    water, deep, foam, _ = palette
    y = random.uniform(14, 28)
    canvas.graded(mix(water, foam, 0.5), mix(foam, water, 0.2), 0, y)
    canvas.graded(deep, water, y)
    for row in receding(y, 9):
        for x, _ in scattered(random, 9, 0, 6):
            long = (row - y) * 0.18 + 1
            canvas.line([(x - long, row), (x + long, row)], mix(water, foam, 0.45), 0.3 + (row - y) / 60)


def shallows(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Clear water over sand, with the sun's net of light."""
    water, deep, foam, sand = palette
    canvas.graded(mix(water, sand, 0.25), water)
    canvas.cloud(random, deep, 4, 0.5)
    net(canvas, random, mix(water, foam, 0.5), random.uniform(7, 11), 0.8)


def breakers(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Bands of surf that come in aslant."""
    water, deep, foam, _ = palette
    canvas.graded(deep, water)
    slope = random.uniform(0.3, 0.7)
    for y in steps(random.uniform(14, 18), -50):
        length, phase = random.uniform(14, 22), random.random()
        for below, share in ((0, 0.25), (1.5, 0.45), (3, 0.7)):
            upper, lower = (wavy(y + edge, 1.2, length, phase, slope) for edge in (below, below + 1.6))
            canvas.polygon([*upper, *lower[::-1]], mix(water, foam, share))


def sea_floor(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Ripples of sand under water, with weed."""
    water, deep, _, sand = palette
    canvas.graded(mix(water, deep), mix(water, sand, 0.4))
    for y in steps(5, random.uniform(14, 18)):
        canvas.line(wavy(y, 1.2, random.uniform(18, 30), random.random()), mix(water, sand, 0.55), 1.2)
    for x, y in scattered(random, 14, 30):
        weed = [(x + random.uniform(-1.5, 1.5), y - up) for up in range(0, 14, 2)]
        canvas.line(weed, mix(deep, (30, 80, 60), 0.5), 1)


# The last two are for evaluation alone.
ARRANGEMENTS = (waves, beach, under_water, open_sea, shallows, breakers, sea_floor)
