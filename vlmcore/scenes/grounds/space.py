"""Space. Its colours: the dark, two nebulae, starlight."""

from __future__ import annotations

from random import Random

from vlmcore.scenes.grounds.canvas import (
    Canvas,
    Palette,
    hill,
    mix,
    scattered,
    stars,
    steps,
)

PALETTES = (  # the last is for evaluation alone
    "12142e 3c58a8 8a4a9a f4f0dc",
    "0c0c14 3a6a74 a0643c ffffff",
    "1e1030 7a3a98 c05070 fbe8f4",
    "0a1c26 2f8a84 5068b0 e4f6f4",
    "240f16 9a4a34 5a4a80 ffe9cc",
)


def starfield(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Points of light, near and far."""
    dark, cool, warm, light = palette
    canvas.graded(dark, mix(dark, cool, 0.2))
    stars(canvas, random, scattered(random, random.randint(60, 130)), (light, mix(light, cool), mix(light, warm)))


def nebula(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Glowing clouds of gas in two colours."""
    dark, cool, warm, light = palette
    canvas.graded(dark, dark)
    canvas.cloud(random, cool, 4, 0.9)
    canvas.cloud(random, warm, 5, 0.6)
    canvas.cloud(random, dark, 6, 0.8)
    stars(canvas, random, scattered(random, 50), (light, mix(light, warm)))


def milky_way(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A band of countless stars."""
    dark, cool, warm, light = palette
    canvas.graded(dark, mix(dark, cool, 0.25))
    start, slope = random.uniform(5, 60), random.uniform(-0.9, 0.9)
    for x, _ in scattered(random, 150):
        away = random.gauss(0, 9)
        point = x, start + slope * (x - 32) + away
        canvas.disc(point, 4, mix(dark, random.choice((cool, warm)), 0.45 / (1 + abs(away) / 6)))
    for x, _ in scattered(random, 100):
        canvas.disc((x, start + slope * (x - 32) + random.gauss(0, 8)), 0.8, mix(dark, light, random.uniform(0.4, 1)))
    stars(canvas, random, scattered(random, 30), (light,))


def craters(canvas: Canvas, palette: Palette, random: Random) -> None:
    """The dust of an airless world, from above, pitted by impacts."""
    dark, cool, warm, light = palette
    ground = mix(mix(cool, warm), (118, 114, 116), 0.75)
    canvas.graded(ground, mix(ground, dark, 0.25))
    for x, y in scattered(random, 26):
        across = 2 + 9 * random.random() ** 2
        canvas.disc((x + 0.7, y + 0.7), across + 1.2, mix(ground, light, 0.3), 0.8)
        canvas.disc((x, y), across, mix(ground, dark, 0.4), 0.8)
        canvas.disc((x + across * 0.1, y + across * 0.1), across * 0.75, mix(ground, dark, 0.2), 0.8)


def airless_plain(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Black sky full of stars over grey dust."""
    dark, cool, warm, light = palette
    y = random.uniform(32, 46)
    canvas.graded(dark, dark)
    stars(canvas, random, scattered(random, 60, 0, y), (light, mix(light, cool)))
    ground = mix(mix(cool, warm), (128, 124, 124), 0.7)
    hill(canvas, random, y, 2, mix(ground, dark, 0.3))
    hill(canvas, random, y + 6, 2, ground)
    for x, level in scattered(random, 16, y + 10):
        canvas.disc((x, level), 1 + (level - y) / 4, mix(ground, dark, 0.4), 0.35)


def star_trails(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Stars that have wheeled around the pole while the shutter stood open."""
    dark, cool, warm, light = palette
    canvas.graded(dark, mix(dark, cool, 0.35))
    pole = random.uniform(12, 52), random.uniform(12, 52)
    for across in steps(4, 3, 120):
        start = random.uniform(0, 360)
        colour = mix(dark, random.choice((light, mix(light, cool), mix(light, warm))), random.uniform(0.35, 0.8))
        for part in (0, 180):
            canvas.arc(pole, across, start + part, start + part + random.uniform(40, 100), colour, 0.5)


def ring_plane(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A plane of dust and ice in rings too wide to see whole."""
    dark, cool, warm, light = palette
    canvas.graded(dark, mix(dark, warm, 0.15))
    stars(canvas, random, scattered(random, 50), (light,))
    middle, start = (random.uniform(-30, 94), random.uniform(80, 100)), random.uniform(70, 110)
    for across in steps(3, start, start + 60):
        canvas.ring(middle, across, mix(dark, random.choice((cool, warm, light)), random.uniform(0.2, 0.5)), 1.5)


# The last two are for evaluation alone.
ARRANGEMENTS = (starfield, nebula, milky_way, craters, airless_plain, star_trails, ring_plane)
