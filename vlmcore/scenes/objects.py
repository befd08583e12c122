"""The things of the world: what data/objects.csv knows about each."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from vlmcore.errors import VlmError
from vlmcore.scenes.artwork import ARTISTS, TRAINING_ARTISTS, artwork_file
from vlmcore.scenes.backgrounds import IN_PLACE

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
    artists: str  # who may paint it in training, with spaces between; for a third of the objects one is kept back

    @property
    def training_artists(self) -> tuple[str, ...]:
        return tuple(self.artists.split())


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
        if not row["artists"].split() or set(row["artists"].split()) - set(TRAINING_ARTISTS):
            raise VlmError(
                f"{path}, line {number}: artists is {row['artists']!r}: take some of {' '.join(TRAINING_ARTISTS)}"
            )
        if missing := [artist for artist in ARTISTS if not artwork_file(row["picture"], artist).is_file()]:
            what = f"data/artwork/{missing[0]} has no {row['picture']}.png"
            raise VlmError(f"{path}, line {number}: {what}: make it with tools/artwork.py")
    return {row["name"]: Object(**row) for row in rows}
