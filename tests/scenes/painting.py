"""A drawing painted alone: what of a canvas it covers, and what Pillow would have made of it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from vlmcore.scenes.artwork import artwork, paint_drawing
from vlmcore.scenes.scene import SIZE, Sprite

FINE = 8  # Pillow's painting is done so many times as large, then reduced
FAINT = 32  # of 255: an edge pixel less opaque than this is not seen


def opacity(picture: str, sprite: Sprite, side: int = SIZE) -> np.ndarray:
    """How opaque a drawing is at each pixel (side, side), 0 to 255: the same over black and white, told apart."""
    dark, light = np.zeros((side, side, 3), np.uint16), np.full((side, side, 3), 255, np.uint16)
    for canvas in (dark, light):
        paint_drawing(canvas, picture, sprite.artist, sprite.middle, sprite.size, sprite.angle, sprite.flipped)
    return 255 - (light.astype(int) - dark).max(axis=2)


def bounds(seen: np.ndarray) -> tuple[int, int, int, int]:
    """The box around what is true."""
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def laid_over(canvas: np.ndarray, picture: str, sprite: Sprite) -> np.ndarray:
    """The drawing over ``canvas`` (side, side, 3) by Pillow alone: mirrored, enlarged, rotated, composited, reduced."""
    drawing = artwork(picture, sprite.artist)
    if sprite.flipped:
        drawing = drawing.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    scale = sprite.size * FINE / max(drawing.size)
    drawing = drawing.resize([round(side * scale) for side in drawing.size], Image.Resampling.BICUBIC)
    drawing = drawing.rotate(-sprite.angle, Image.Resampling.BICUBIC, expand=True)
    side = len(canvas)
    large = Image.fromarray(canvas).resize((side * FINE, side * FINE), Image.Resampling.NEAREST).convert("RGBA")
    layer = Image.new("RGBA", large.size)
    layer.paste(drawing, [round(m * FINE - s / 2) for m, s in zip(sprite.middle, drawing.size)])
    return np.asarray(Image.alpha_composite(large, layer).convert("RGB").reduce(FINE))
