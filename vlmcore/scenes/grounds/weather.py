"""Light and weather: what lies over a finished ground."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from PIL import Image

from vlmcore.scenes.grounds.canvas import SIDE, Canvas, Colour, scattered

Light = tuple[float, float, float]  # how much of red, green and blue is left
Weather = Callable[[Canvas, Random], None]

DAY: Light = (1.0, 1.0, 1.0)
LIGHTS: dict[str, tuple[Light, ...]] = {
    "training": (DAY, DAY, (1.0, 0.95, 0.85), (0.95, 0.8, 0.78), (0.58, 0.63, 0.78)),  # …, morning, dusk, night
    "held_out": (DAY, DAY, (0.74, 0.79, 0.82)),  # …, before a storm
}


def clear(canvas: Canvas, random: Random) -> None:
    """Nothing between us and the ground."""


def _veil(canvas: Canvas, mask: Image.Image, colour: Colour) -> None:
    """A colour over everything, as thick as a small mask says."""
    canvas.through(mask.resize((canvas.pixels, canvas.pixels), Image.Resampling.BILINEAR), colour)


def haze(canvas: Canvas, random: Random) -> None:
    """Pale air, thicker above."""
    thickness = random.uniform(0.4, 0.65)
    above = Image.linear_gradient("L").transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    _veil(canvas, above.point(lambda value: value * thickness), (226, 228, 230))


def rain(canvas: Canvas, random: Random) -> None:
    """Grey air and slanting streaks."""
    _veil(canvas, Image.new("L", (1, 1), 60), (150, 160, 172))
    streaks, slant = Canvas(canvas.size), random.uniform(-2, 2)
    for x, y in scattered(random, 60, -6):
        streaks.line([(x, y), (x + slant, y + random.uniform(4, 8))], (110, 110, 110))
    canvas.through(streaks.image.convert("L"), (235, 240, 248))


def flakes(canvas: Canvas, random: Random) -> None:
    """Falling snow."""
    for point in scattered(random, 50):
        canvas.disc(point, random.uniform(0.8, 1.8), (250, 251, 253))


def sunlit(canvas: Canvas, random: Random) -> None:
    """The light of a window, slanting over everything."""
    panes, x = Canvas(canvas.size), random.uniform(-20, 40)
    for left in (x, x + 14):
        panes.polygon([(left, 0), (left + 11, 0), (left + 35, SIDE), (left + 24, SIDE)], (60, 60, 60))
    canvas.through(panes.image.convert("L"), (255, 250, 225))


def shaded(canvas: Canvas, random: Random) -> None:
    """Darker towards one side."""
    aside = Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90)
    _veil(canvas, aside.point(lambda value: value * 0.35), (30, 28, 40))


OUTDOORS: tuple[Weather, ...] = (clear, clear, haze, rain)
INDOORS: tuple[Weather, ...] = (clear, sunlit, shaded)
AT_SEA: tuple[Weather, ...] = (clear, clear, haze)  # a rain that also falls under water would be odd
IN_SNOW: tuple[Weather, ...] = (clear, haze, flakes)
NONE: tuple[Weather, ...] = (clear, clear, shaded)
