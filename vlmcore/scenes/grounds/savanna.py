"""The savanna. Its colours: grass, dry grass, earth, sky."""

from __future__ import annotations

from random import Random

from vlmcore.scenes.grounds.canvas import (
    SIDE,
    Canvas,
    Palette,
    blades,
    hill,
    mix,
    net,
    receding,
    scattered,
    steps,
    wavy,
)

PALETTES = (  # the last is for evaluation alone
    "c8a040 e0c878 a8703c a8cce4",
    "b09440 d8c080 b85c34 f0c890",
    "a8a04c d0c890 94704c c4d8e0",
    "d0a868 ecd8a0 c88a50 f4a870",
    "b8884c e4c4a0 8a5848 c8b8d8",
)


def tufts(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Tufts of dry grass, seen from above."""
    grass, dry, earth, _ = palette
    canvas.graded(mix(earth, dry, 0.5), mix(earth, grass, 0.5))
    canvas.cloud(random, dry, 7, 0.6)
    for x, y in scattered(random, 34, 2, 68):
        roots = [(x + random.uniform(-2, 2), y) for _ in range(6)]
        blades(canvas, random, roots, 7, (grass, mix(grass, earth, 0.4), mix(dry, grass)))


def acacias(canvas: Canvas, palette: Palette, random: Random) -> None:
    """The wide plain, and far acacias like flat clouds on its rim."""
    grass, dry, earth, sky = palette
    y = random.uniform(24, 34)
    canvas.graded(sky, mix(sky, (255, 245, 220), 0.6), 0, y)
    canvas.graded(mix(grass, dry, 0.7), mix(grass, earth, 0.3), y)
    for x, _ in scattered(random, 6, 0, 8):
        shade, high = mix(earth, sky, 0.2), random.uniform(2, 4)
        canvas.line([(x, y), (x, y - high)], shade, 0.6)
        canvas.disc((x, y - high), random.uniform(6, 10), shade, 0.2)
    for row in receding(y, 8):
        blades(canvas, random, scattered(random, 24, row, row + 2), 1 + (row - y) / 8, (grass, dry, mix(grass, earth)))


def cracked_earth(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Earth that has dried and split."""
    _, dry, earth, _ = palette
    canvas.graded(mix(earth, dry, 0.6), mix(earth, dry, 0.3))
    canvas.cloud(random, dry, 6, 0.6)
    net(canvas, random, mix(earth, (60, 30, 20), 0.4), random.uniform(8, 13), 1)


def tall_grass(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Grass taller than we are, against a glowing sky."""
    grass, dry, earth, sky = palette
    canvas.graded(sky, mix(sky, (255, 240, 200), 0.5), 0, 34)
    canvas.graded(mix(sky, dry, 0.7), dry, 34)
    for high, share in ((46, 0.6), (34, 0.3), (22, 0)):
        roots = [(x + random.uniform(-1, 1), SIDE + 1) for x in steps(2.2, -6, 70)]
        blades(canvas, random, roots, high, (mix(grass, dry, share), mix(earth, dry, share), mix(grass, earth)))


def scrub(canvas: Canvas, palette: Palette, random: Random) -> None:
    """The plain from the air: dry patches, dots of scrub, the lines that herds have trodden."""
    grass, dry, earth, _ = palette
    canvas.graded(dry, mix(dry, grass, 0.5))
    canvas.cloud(random, earth, 5, 0.7)
    for y in (random.uniform(-10, 30), random.uniform(20, 70)):
        canvas.line(
            wavy(y, 3, random.uniform(40, 70), random.random(), random.uniform(-0.5, 0.5)), mix(dry, earth, 0.2), 1
        )
    for point in scattered(random, 48):
        canvas.disc(point, random.uniform(1, 3.5), mix(mix(grass, (70, 80, 40), 0.5), earth, 0.3), 0.8)


def waterhole(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A muddy waterhole between grass."""
    grass, dry, earth, sky = palette
    top, bottom = random.uniform(16, 22), random.uniform(38, 46)
    canvas.graded(mix(dry, grass, 0.4), mix(grass, earth, 0.2))
    for y, colour in ((top, mix(earth, dry, 0.3)), (top + 3, mix(mix(sky, earth, 0.45), grass, 0.2))):
        length, phase = random.uniform(50, 80), random.random()
        canvas.polygon([*wavy(y, 1.5, length, phase), *wavy(bottom + top - y, 2, length, phase)[::-1]], colour)
    for x, y in scattered(random, 12, top + 6, bottom - 6):
        canvas.line([(x - 4, y), (x + 4, y)], mix(sky, earth, 0.25), 0.6)
    blades(canvas, random, scattered(random, 40, 4, top), 4, (grass, dry, mix(grass, earth)))
    blades(canvas, random, scattered(random, 60, bottom + 5, 70), 6, (grass, dry, mix(grass, earth)))


def dunes(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Ridges of dry ground one behind the other, tufts along their backs."""
    grass, dry, earth, sky = palette
    canvas.graded(sky, mix(sky, dry, 0.6), 0, 20)
    for number, y in enumerate((14, 24, 36, 50)):
        hill(canvas, random, y, 3, mix(mix(dry, sky, 0.3 - number / 10), earth, 0.15 + 0.15 * (number % 2)))
        blades(canvas, random, scattered(random, 14 + 4 * number, y + 3, y + 9), 2 + number, (grass, mix(grass, earth)))


# The last two are for evaluation alone.
ARRANGEMENTS = (tufts, acacias, cracked_earth, tall_grass, scrub, waterhole, dunes)
