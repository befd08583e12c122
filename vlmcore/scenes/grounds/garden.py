"""A garden. Its colours: grass, light grass, stone or soil, blossom."""

from __future__ import annotations

from random import Random

from vlmcore.scenes.grounds.canvas import (
    SIDE,
    WHITE,
    Canvas,
    Palette,
    blades,
    mix,
    scattered,
    steps,
)

PALETTES = (  # the last is for evaluation alone
    "6fae48 a0d068 c8c0b0 e06a8a",
    "7cb868 b4dc90 b8a898 e8c440",
    "58a05a 94cc78 d0c4a0 c070c8",
    "8ab43c c0d860 b4b4b8 e87848",
    "5ca878 9cd8a0 c4b0a8 e8e0f0",
)


def lawn(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A lawn mown in stripes."""
    grass, light, _, _ = palette
    canvas.graded(grass, grass)
    step, slant = random.uniform(14, 22), random.uniform(-20, 20)
    for x in steps(step, -40, 90):
        canvas.polygon(
            [(x, 0), (x + step / 2, 0), (x + step / 2 + slant, SIDE), (x + slant, SIDE)], mix(grass, light, 0.6)
        )
    blades(canvas, random, scattered(random, 160, 0, 66), 1.8, (mix(grass, light), mix(grass, (0, 40, 0), 0.2)))


def meadow(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Grass with daisies no larger than dots."""
    grass, light, _, blossom = palette
    canvas.graded(light, grass)
    blades(canvas, random, scattered(random, 230, 0, 68), 4, (mix(grass, light), mix(grass, (0, 40, 0), 0.25), light))
    for point in scattered(random, 42):
        canvas.disc(point, random.uniform(1, 1.8), mix(random.choice((blossom, (250, 245, 235))), grass, 0.15))


def stepping_stones(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Flat stones that cross the lawn."""
    grass, light, stone, _ = palette
    canvas.graded(grass, mix(grass, light))
    blades(canvas, random, scattered(random, 170, 0, 66), 2.2, (light, mix(grass, (0, 40, 0), 0.2)))
    x, drift = random.uniform(12, 52), random.uniform(-0.5, 0.5)
    for y in steps(10, random.uniform(-4, 2)):
        middle = x + drift * (y - 32) + random.uniform(-2, 2), y
        canvas.disc((middle[0] + 0.6, y + 1), 16, mix(grass, (0, 30, 0), 0.3), 0.5)
        canvas.disc(middle, 16, mix(stone, grass, random.uniform(0, 0.25)), 0.5)


def hedge(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A clipped hedge above, lawn below."""
    grass, light, stone, blossom = palette
    y = random.uniform(24, 36)
    canvas.graded(mix(light, WHITE, 0.6), mix(light, WHITE, 0.6), 0, 8)
    canvas.box(0, random.uniform(4, 8), SIDE, y, mix(grass, (0, 40, 10), 0.4))
    for point in scattered(random, 150, 7, y - 1):
        canvas.disc(point, 2.4, mix(mix(grass, (0, 40, 10), 0.4), light, random.random() / 2.5), 0.7)
    for point in scattered(random, 14, 9, y - 2):
        canvas.disc(point, 1.5, mix(blossom, grass, 0.2))
    canvas.graded(mix(light, grass, 0.3), light, y)
    canvas.line([(0, y), (SIDE, y)], mix(stone, grass, 0.6), 1.5)
    blades(canvas, random, scattered(random, 90, y + 4, 67), 2, (grass, mix(light, (255, 255, 200), 0.2)))


def flower_bed(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A bed edged with stones between two strips of lawn."""
    grass, light, stone, blossom = palette
    canvas.graded(light, grass)
    blades(canvas, random, scattered(random, 110, 0, 66), 2.2, (grass, mix(light, (255, 255, 200), 0.15)))
    top, high = random.uniform(10, 24), random.uniform(18, 24)
    canvas.box(0, top, SIDE, top + high, mix(stone, (70, 45, 30), 0.6))
    for edge in (top, top + high):
        for x in steps(4.5, random.uniform(-4, 0)):
            canvas.disc((x, edge), 4, mix(stone, WHITE, 0.2), 0.7)
    for point in scattered(random, 80, top + 3, top + high - 2):
        canvas.disc(point, 2.2, mix(random.choice((grass, light, grass, blossom)), stone, 0.15))


def pickets(canvas: Canvas, palette: Palette, random: Random) -> None:
    """The pales of a fence, lawn before it."""
    grass, light, stone, blossom = palette
    y, step = random.uniform(34, 44), random.uniform(6, 8)
    canvas.graded(mix(grass, (0, 40, 10), 0.3), mix(grass, light, 0.6))
    for point in scattered(random, 60, 0, y):
        canvas.disc(point, 3, mix(mix(grass, light, random.random()), blossom, random.choice((0, 0, 0.6))), 0.8)
    pale = mix(mix(stone, WHITE, 0.5), grass, 0.15)
    for rail in (y - 20, y - 8):
        canvas.box(0, rail, SIDE, rail + 2, mix(pale, grass, 0.2))
    for x in steps(step, random.uniform(-6, 0)):
        canvas.polygon(
            [(x, y), (x, y - 26), (x + step * 0.3, y - 29), (x + step * 0.6, y - 26), (x + step * 0.6, y)], pale
        )
    blades(canvas, random, scattered(random, 110, y + 1, 67), 3, (grass, light))


def terrace(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Slabs with grass in their joints."""
    grass, light, stone, _ = palette
    canvas.graded(mix(stone, WHITE, 0.15), stone)
    canvas.cloud(random, mix(stone, grass, 0.3), 12, 0.6)
    wide, high = random.uniform(16, 24), random.uniform(11, 15)
    for row, y in enumerate(steps(high, random.uniform(-10, 0))):
        canvas.line([(0, y), (SIDE, y)], grass, 1.8)
        for x in steps(wide, random.uniform(-wide, 0)):
            canvas.line([(x, y), (x, y + high)], grass, 1.8)
        blades(canvas, random, [(x + random.random() * 3, y + 1) for x in steps(3, row % 2)], 2.5, (grass, light))


def trellis(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A lattice on which something climbs."""
    grass, light, stone, blossom = palette
    canvas.graded(mix(light, WHITE, 0.35), mix(grass, light))
    step, lath = random.uniform(11, 14), mix(stone, WHITE, 0.45)
    for x in steps(step, -SIDE - 5):
        canvas.line([(x, 0), (x + SIDE, SIDE)], lath, 1.5)
        canvas.line([(x + SIDE, 0), (x, SIDE)], lath, 1.5)
    for point in scattered(random, 110):
        if random.random() < 0.7:
            canvas.disc(point, 3, mix(grass, light, random.random()), 0.7)
    for point in scattered(random, 16):
        canvas.disc(point, 1.8, mix(blossom, light, 0.2))


# The last two are for evaluation alone.
ARRANGEMENTS = (lawn, meadow, stepping_stones, hedge, pickets, trellis, flower_bed, terrace)
