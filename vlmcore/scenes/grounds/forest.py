"""The forest. Its colours: leaves, shade, bark, light."""

from __future__ import annotations

from random import Random

from vlmcore.scenes.grounds.canvas import (
    SIDE,
    Canvas,
    Palette,
    mix,
    scattered,
    steps,
    wavy,
)

PALETTES = (  # the last is for evaluation alone
    "4f8a45 274f31 6f5138 d6e08c",
    "6d8f3f 35502a 5c4630 eef0b4",
    "b5763a 5c3f26 5e4433 f0cf82",
    "3f7a66 1f4440 57524a bfe0cc",
    "8a8a3c 44402a 75604c e8dca0",
)


def foliage(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Leaves upon leaves."""
    leaf, shade, _, light = palette
    canvas.graded(shade, mix(shade, leaf))
    for point in scattered(random, 190):
        canvas.disc(
            point, random.uniform(3, 6), mix(mix(shade, leaf, random.random()), light, random.random() / 4), 0.6
        )


def trunks(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Trunks from edge to edge, the further the paler, over undergrowth."""
    leaf, shade, bark, light = palette
    canvas.graded(mix(leaf, light, 0.5), mix(leaf, shade, 0.5))
    for share, wide, step in ((0.55, 2, 7), (0.25, 3.5, 12), (0, 5, 22)):
        for x in steps(step, random.uniform(-step, 0)):
            x += random.uniform(-3, 3)
            canvas.polygon(
                [(x, 0), (x + wide, 0), (x + wide + 1, SIDE), (x - 1, SIDE)], mix(bark, mix(leaf, light), share)
            )
    for point in scattered(random, 60, 52):
        canvas.disc(point, random.uniform(3, 6), mix(shade, leaf, random.random()), 0.6)


def litter(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Fallen leaves, needles and twigs on the forest's floor."""
    leaf, shade, bark, light = palette
    canvas.graded(mix(bark, shade), mix(bark, leaf, 0.3))
    for x, y in scattered(random, 130):
        colour = mix(mix(bark, leaf, random.random()), light, random.random() / 3)
        tip = x + random.uniform(-3, 3), y + random.uniform(-3, 3)
        canvas.polygon([(x - 1, y + 1), tip, (x + 1.4, y - 1)], colour)
    for x, y in scattered(random, 9):
        canvas.line([(x, y), (x + random.uniform(-9, 9), y + random.uniform(-9, 9))], mix(bark, shade, 0.6), 0.8)


def ridges(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Wooded ridges one behind the other, their tops like teeth."""
    leaf, shade, _, light = palette
    canvas.graded(mix(leaf, light, 0.75), mix(leaf, light, 0.5))
    for number in range(5):
        colour, y, high = mix(mix(leaf, light), shade, number / 4), 10 + 11 * number, 3 + number
        edge = wavy(y, 3, random.uniform(40, 90), random.random())
        teeth = [(x, level - high * (0.3 + random.random() if k % 2 else 0)) for k, (x, level) in enumerate(edge)]
        canvas.below(teeth, colour)


def canopy(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Crowns, seen from the air."""
    leaf, shade, _, light = palette
    canvas.graded(shade, shade)
    for x, y in scattered(random, 80, -4, 68):
        across, colour = random.uniform(7, 11), mix(leaf, shade, random.uniform(0.1, 0.6))
        canvas.disc((x, y), across, mix(colour, shade))
        canvas.disc((x - 0.8, y - 0.8), across * 0.7, mix(colour, light, random.random() / 8))


def undergrowth(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Ferns that bend to both sides."""
    leaf, shade, bark, light = palette
    canvas.graded(mix(shade, bark, 0.3), mix(shade, leaf, 0.3))
    for x, y in scattered(random, 44, 6, 76):
        colour = mix(mix(leaf, shade, random.random() / 2), light, random.random() / 4)
        for way in (-1, 1):
            for part in range(1, 6):
                root = x + way * part * 1.6, y - 9 + (part - 3) ** 2 * 0.7
                canvas.line([(x + way * part, y - part * 1.5), (root[0] + way * 1.5, root[1])], colour, 0.7)


def woodland_path(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A path between dark sides."""
    leaf, shade, bark, light = palette
    to = random.uniform(24, 40)
    canvas.graded(mix(leaf, light, 0.4), mix(leaf, shade, 0.4))
    for x, y in scattered(random, 90, 0, 40):
        near = abs(x - to) / 32
        canvas.disc(
            (x, y), random.uniform(4, 8), mix(mix(leaf, light, 0.3), shade, min(near * random.uniform(0.8, 1.6), 1))
        )
    canvas.polygon([(to - 3, 26), (to + 3, 26), (58, SIDE), (6, SIDE)], mix(bark, light, 0.3))
    for x, y in scattered(random, 70, 30, 66):
        if abs(x - to) > (y - 24) * 0.5:
            canvas.disc((x, y), random.uniform(3, 6), mix(shade, leaf, random.random()), 0.6)


def birches(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Pale trunks with dark marks."""
    leaf, shade, bark, light = palette
    canvas.graded(mix(leaf, shade, 0.3), shade)
    canvas.cloud(random, leaf, 9, 0.7)
    for x in steps(random.uniform(9, 13), random.uniform(-6, 0)):
        x, wide = x + random.uniform(-2, 2), random.uniform(3, 5)
        canvas.box(x, 0, x + wide, SIDE, mix(light, bark, 0.2))
        for y in steps(random.uniform(5, 8), random.uniform(-5, 0)):
            canvas.line([(x, y), (x + wide * random.uniform(0.3, 0.8), y)], mix(bark, shade, 0.5), 0.9)


# The last two are for evaluation alone.
ARRANGEMENTS = (foliage, trunks, litter, ridges, canopy, undergrowth, woodland_path, birches)
