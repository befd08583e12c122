"""The eight places in which scenes are set: simple textures, drawn once, each in many variants."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw

PLACES = ("sea", "farm", "forest", "kitchen", "street", "space", "bedroom", "snow")
IN_PLACE = {
    "sea": "in the sea",
    "farm": "on a farm",
    "forest": "in the forest",
    "kitchen": "in the kitchen",
    "street": "on the street",
    "space": "in space",
    "bedroom": "in the bedroom",
    "snow": "in the snow",
}
A_PLACE = {
    "sea": "the sea",
    "farm": "a farm",
    "forest": "a forest",
    "kitchen": "a kitchen",
    "street": "a street",
    "space": "space",
    "bedroom": "a bedroom",
    "snow": "snow",
}


def _sea(draw: ImageDraw.ImageDraw, n: int, random: np.random.Generator) -> None:
    phase = random.integers(0, n)
    for y in range(0, n, n // 8):
        points = [(x, y + n / 40 * np.sin((x + phase + 2 * y) / n * 25)) for x in range(0, n + 1, max(n // 32, 1))]
        draw.line(points, fill=(120, 190, 235), width=max(n // 40, 1))


def _farm(draw: ImageDraw.ImageDraw, n: int, random: np.random.Generator) -> None:
    shift = random.integers(-n // 8, n // 8)
    for x in range(-n, 2 * n, n // 6):  # furrows
        draw.line([(x + shift, n), (n // 2 + (x - n // 2) // 3, 0)], fill=(150, 170, 70), width=max(n // 24, 1))


def _forest(draw: ImageDraw.ImageDraw, n: int, random: np.random.Generator) -> None:
    for _ in range(9):
        x, y, r = random.integers(0, n), random.integers(0, n), n // 9
        draw.polygon([(x - r, y + r), (x, y - r), (x + r, y + r)], fill=(30, 90, 45))


def _kitchen(draw: ImageDraw.ImageDraw, n: int, random: np.random.Generator) -> None:
    step, shift = n // 5, random.integers(0, n // 5)
    for i in range(-1, 6):
        draw.line([(i * step + shift, 0), (i * step + shift, n)], fill=(205, 185, 150), width=max(n // 48, 1))
        draw.line([(0, i * step + shift), (n, i * step + shift)], fill=(205, 185, 150), width=max(n // 48, 1))


def _street(draw: ImageDraw.ImageDraw, n: int, random: np.random.Generator) -> None:
    y, shift = n // 2 + random.integers(-n // 6, n // 6), random.integers(0, n // 4)
    for x in range(-n, n, n // 4):
        draw.line([(x + shift, y), (x + shift + n // 7, y)], fill=(235, 235, 235), width=max(n // 20, 1))


def _space(draw: ImageDraw.ImageDraw, n: int, random: np.random.Generator) -> None:
    r = n / 90
    for _ in range(30):
        x, y = random.uniform(0, n), random.uniform(0, n)
        draw.ellipse([x - r, y - r, x + r, y + r], fill=(250, 250, 220))


def _bedroom(draw: ImageDraw.ImageDraw, n: int, random: np.random.Generator) -> None:
    shift = random.integers(0, n // 4)
    for x in range(-n // 4, n, n // 4):  # wallpaper
        draw.rectangle([x + shift, 0, x + shift + n // 10, n], fill=(225, 190, 225))


def _snow(draw: ImageDraw.ImageDraw, n: int, random: np.random.Generator) -> None:
    for _ in range(5):  # drifts
        x, y = random.integers(0, n), random.integers(0, n)
        draw.ellipse([x - n // 3, y, x + n // 3, y + n // 4], fill=(225, 235, 245))


_BASE = {
    "sea": ((70, 140, 205), _sea),
    "farm": ((170, 195, 90), _farm),
    "forest": ((60, 125, 65), _forest),
    "kitchen": ((235, 220, 190), _kitchen),
    "street": ((130, 130, 135), _street),
    "space": ((22, 22, 50), _space),
    "bedroom": ((205, 165, 205), _bedroom),
    "snow": ((245, 248, 252), _snow),
}


@cache
def background(place: str, variant: int, size: int) -> np.ndarray:
    """The place as pixels, uint8 (size, size, 3); read-only, the same for the same arguments."""
    random = np.random.default_rng(variant)
    colour, decorate = _BASE[place]
    brightness = random.uniform(0.9, 1.05)
    image = Image.new("RGB", (size, size), tuple(min(int(value * brightness), 255) for value in colour))
    decorate(ImageDraw.Draw(image), size, random)
    pixels = np.asarray(image)
    pixels.flags.writeable = False
    return pixels
