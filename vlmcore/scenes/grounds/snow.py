"""Snow. Its colours: snow, shade, ice, sky."""

from __future__ import annotations

from random import Random

from vlmcore.scenes.grounds.canvas import (
    SIDE,
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
    "f4f7fb c4d4e6 a8cade b4cce4",
    "eef2f4 c8ced6 b4c4d0 c2c8d0",
    "fdf6f2 e2d2e0 ccd0e8 f0d8d2",
    "e6f0f8 a8c0e0 8fb4d8 8ea8d0",
    "fbf9ee cfd8d8 b4d2d8 e8e2c8",
)


def drifts(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Drifts with blue shade under each."""
    snow, shade, _, _ = palette
    canvas.graded(snow, mix(snow, shade, 0.4))
    for y in steps(9, random.uniform(0, 6)):
        edge = wavy(y, random.uniform(1.5, 3.5), random.uniform(26, 60), random.random())
        for below in (6, 4, 2):
            canvas.polygon([*edge, *[(x, level + below) for x, level in edge[::-1]]], mix(shade, snow, below / 8))


def white_hills(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Slope behind slope under a pale sky."""
    snow, shade, _, sky = palette
    canvas.graded(sky, mix(sky, snow, 0.6), 0, 34)
    for number, y in enumerate((18, 28, 40, 52)):
        slope, height = mix(shade, snow, 0.25 * number), random.uniform(2, 4)
        length, phase = random.uniform(40, 90), random.random()
        for below, colour in ((0, snow), (1.5, mix(slope, snow)), (4, slope)):
            canvas.below(wavy(y + below, height, length, phase), colour)


def tracks(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Fresh snow in which somebody has walked and somebody skied."""
    snow, shade, ice, _ = palette
    canvas.graded(snow, mix(snow, shade, 0.3))
    canvas.cloud(random, mix(snow, shade), 6, 0.5)
    x, slope = random.uniform(0, 40), random.uniform(-0.3, 0.3)
    for apart in (0, 3.5):
        canvas.line([(x + apart, -2), (x + apart + slope * 66, 66)], mix(shade, ice), 1.2)
    x, slope = random.uniform(24, 60), random.uniform(-0.4, 0.4)
    for number, y in enumerate(steps(4.5, random.uniform(-4, 0))):
        canvas.disc((x + slope * y + 3.5 * (number % 2), y), 2, mix(shade, ice, 0.6), 1.6)


def ice_sheet(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A frozen lake, cracked, with snow blown over it."""
    snow, shade, ice, _ = palette
    canvas.graded(mix(ice, snow, 0.3), ice)
    net(canvas, random, mix(ice, snow, 0.7), random.uniform(13, 20), 0.8)
    canvas.cloud(random, snow, 5, 0.8)


def snowfall(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Thick flakes in grey air, the ground white beneath."""
    snow, shade, _, sky = palette
    y = random.uniform(42, 54)
    canvas.graded(mix(sky, shade), mix(sky, snow, 0.3), 0, y + 4)
    hill(canvas, random, y, 2, snow)
    for point in scattered(random, 110, 0, y + 4):
        canvas.disc(point, random.uniform(0.8, 2.2), snow)


def far_firs(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A white field, and a far wood no higher than a comb's teeth."""
    snow, shade, ice, sky = palette
    y = random.uniform(20, 32)
    canvas.graded(mix(sky, snow, 0.2), mix(sky, snow, 0.7), 0, y)
    edge = [(x, y - random.uniform(2, 7) * (k % 2)) for k, x in enumerate(steps(1.5, -2, SIDE + 2))]
    canvas.below(edge, mix(ice, (40, 60, 70), 0.5))
    canvas.graded(snow, mix(snow, shade), y)
    for row in receding(y, 6):
        canvas.line(wavy(row, 1.2, random.uniform(30, 50), random.random()), mix(snow, shade, 0.6), 1)


def frost(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Needles of frost on ice."""
    snow, shade, ice, _ = palette
    canvas.graded(mix(ice, shade), mix(ice, snow, 0.4))
    for x, y in scattered(random, 26, -6, 70):
        way = random.choice((-1, 1)) * random.uniform(0.5, 1.2)
        canvas.line([(x, y), (x + 14 * way, y - 12)], mix(ice, snow, 0.8), 0.8)
        for part in range(2, 12, 2):
            at = x + part * way * 14 / 12, y - part
            for side in ((4 * way, 0.5), (0.5, -4)):
                canvas.line([at, (at[0] + side[0], at[1] + side[1])], mix(ice, snow, 0.6), 0.5)


# The last two are for evaluation alone.
ARRANGEMENTS = (drifts, white_hills, tracks, ice_sheet, snowfall, far_firs, frost)
