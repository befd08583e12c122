"""The artwork that scenes are painted from: one drawing of each object by each of four artists (data/artwork/).

Design choices:
- drawings are cropped to their own edges, so that a box is as large as what is seen;
- a drawing is reduced in steps beforehand (mipmaps, Williams 1983): turning and scaling then start from a picture at
  most half as large again, and nothing flickers;
- colours are multiplied by opacity before anything is averaged, or dark fringes would show.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

ARTWORK = Path(__file__).resolve().parents[2] / "data" / "artwork"
TRAINING_ARTISTS = ("twemoji", "openmoji", "noto")
UNSEEN_ARTIST = "fluent"  # paints for evaluation alone
ARTISTS = (*TRAINING_ARTISTS, UNSEEN_ARTIST)
REDUCED = (72, 48, 32, 24, 16, 12)  # pixels: the longer sides of a drawing's mipmaps


def artwork_file(picture: str, artist: str) -> Path:
    """Where a drawing lies, by its code point; the file need not exist."""
    return ARTWORK / artist / f"{picture}.png"


@cache
def artwork(picture: str, artist: str) -> Image.Image:
    """A drawing, RGBA, at most 72 pixels a side."""
    return Image.open(artwork_file(picture, artist)).convert("RGBA")


@cache
def _mipmap(picture: str, artist: str, level: int) -> Image.Image:
    """The drawing with its longer side reduced to REDUCED[level], colours multiplied by opacity (mode RGBa)."""
    drawing = artwork(picture, artist)
    scale = REDUCED[level] / max(drawing.size)
    size = tuple(max(round(side * scale), 1) for side in drawing.size)
    return drawing.resize(size, Image.Resampling.LANCZOS).convert("RGBa") if scale < 1 else drawing.convert("RGBa")


@cache
def _outline(picture: str, artist: str) -> np.ndarray:
    """Points around the drawing (N, 2), x and y from its middle, in units of its longer side."""
    opaque = np.asarray(artwork(picture, artist))[..., 3] > 64
    rows = np.flatnonzero(opaque.any(axis=1))
    first, last = opaque[rows].argmax(axis=1), opaque.shape[1] - opaque[rows, ::-1].argmax(axis=1)
    points = np.concatenate([np.stack([x, y], axis=1) for x in (first, last) for y in (rows, rows + 1)]).astype(float)
    return (points - np.array(opaque.shape[::-1]) / 2) / max(opaque.shape)


@cache
def extent(picture: str, artist: str, angle: int, flipped: bool) -> tuple[float, float, float, float]:
    """The box (x0, y0, x1, y1) of the turned drawing around its middle, in units of its longer side."""
    points = _outline(picture, artist) * ((-1, 1) if flipped else (1, 1))
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    turned = points @ np.array([[cos, sin], [-sin, cos]])
    return (*map(float, turned.min(axis=0)), *map(float, turned.max(axis=0)))


@lru_cache(maxsize=10_000)
def turned(picture: str, artist: str, size: int, angle: int, flipped: bool) -> tuple[int, int, np.ndarray, np.ndarray]:
    """A drawing ready to be painted: left and top of its pixels from its middle, their colours (h, w, 3) multiplied by
    opacity, and the share of what lies behind that still shows (h, w, 1), of 256; both uint16."""
    x0, y0, x1, y1 = extent(picture, artist, angle, flipped)
    left, top, right, bottom = (
        *(math.floor(value * size) - 1 for value in (x0, y0)),
        *(math.ceil(value * size) + 1 for value in (x1, y1)),
    )
    level = max((n for n, side in enumerate(REDUCED) if side >= size), default=0)
    drawing = _mipmap(picture, artist, level)
    scale = max(drawing.size) / size  # pixels of the drawing for one of the picture
    cos, sin = math.cos(math.radians(angle)) * scale, math.sin(math.radians(angle)) * scale
    mirror = -1 if flipped else 1
    matrix = (
        *(mirror * cos, mirror * sin, mirror * (cos * left + sin * top) + drawing.width / 2),
        *(-sin, cos, -sin * left + cos * top + drawing.height / 2),
    )
    size_painted = (right - left, bottom - top)
    pixels = np.asarray(drawing.transform(size_painted, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR))
    opacity = pixels[..., 3:].astype(np.uint16)
    return left, top, pixels[..., :3].astype(np.uint16), 256 - opacity - (opacity >> 7)


def paint_drawing(
    canvas: np.ndarray, picture: str, artist: str, middle: tuple[int, int], size: int, angle: int, flipped: bool
) -> None:
    """Paint a drawing into ``canvas`` (H, W, 3) uint16, values to 255, in place; what lies outside is cut off.

    middle: (x, y) in pixels; size: of the longer side, in pixels; angle: degrees clockwise, after mirroring.
    """
    left, top, colours, rest = turned(picture, artist, size, angle, flipped)
    left, top = left + middle[0], top + middle[1]
    height, width = canvas.shape[:2]
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + colours.shape[1], width), min(top + len(colours), height)
    if x0 < x1 and y0 < y1:
        part, window = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)), canvas[y0:y1, x0:x1]
        window *= rest[part]
        window >>= 8
        window += colours[part]
