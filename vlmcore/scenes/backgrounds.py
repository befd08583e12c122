"""The grounds on which scenes stand: eleven places and one that is none, each in many looks, drawn once.

Design choices:
- a look is an arrangement (a beach, the sea from above, …) in a palette, under some light and weather. A place has
  several of each, so that neither a colour nor a pattern alone tells where we are; grounds/ has a file for each place;
- held out by construction: the last two arrangements and the last palette of every place. A ground for evaluation has
  at least one of them, so training never shows its arrangement in its palette; one light, too, is for evaluation alone;
- the place, a number and the look give the ground: the same three, the same pixels, and the same picture at any size;
- at the end a little of all contrast is taken away, so that what stands on a ground stands out from it.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from random import Random

import numpy as np
from PIL import ImageOps

from vlmcore.errors import VlmError
from vlmcore.scenes.grounds import (
    bedroom,
    farm,
    forest,
    garden,
    kitchen,
    nowhere,
    office,
    savanna,
    sea,
    snow,
    space,
    street,
    weather,
)
from vlmcore.scenes.grounds.canvas import Arrangement, Canvas, Palette
from vlmcore.scenes.grounds.weather import Weather

PLACES = (
    "sea",
    "farm",
    "forest",
    "kitchen",
    "street",
    "space",
    "bedroom",
    "snow",
    "garden",
    "office",
    "savanna",
)
IN_PLACE = {
    "sea": "in the sea",
    "farm": "on a farm",
    "forest": "in the forest",
    "kitchen": "in the kitchen",
    "street": "on the street",
    "space": "in space",
    "bedroom": "in the bedroom",
    "snow": "in the snow",
    "garden": "in the garden",
    "office": "in the office",
    "savanna": "on the savanna",
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
    "garden": "a garden",
    "office": "an office",
    "savanna": "the savanna",
}
VARIANTS = 64  # textures of each kind of ground, numbered from 0
HELD_OUT_ARRANGEMENTS, HELD_OUT_PALETTES = 2, 1  # so many of each place, its last
CONTRAST = 0.85  # of a ground's own contrast is kept

Look = tuple[Arrangement, str]  # and the palette, as four colours in hexadecimal
_DRAWN = {  # place → its arrangements, its palettes, its weather
    "sea": (sea.ARRANGEMENTS, sea.PALETTES, weather.AT_SEA),
    "farm": (farm.ARRANGEMENTS, farm.PALETTES, weather.OUTDOORS),
    "forest": (forest.ARRANGEMENTS, forest.PALETTES, weather.OUTDOORS),
    "kitchen": (kitchen.ARRANGEMENTS, kitchen.PALETTES, weather.INDOORS),
    "street": (street.ARRANGEMENTS, street.PALETTES, weather.OUTDOORS),
    "space": (space.ARRANGEMENTS, space.PALETTES, weather.NONE),
    "bedroom": (bedroom.ARRANGEMENTS, bedroom.PALETTES, weather.INDOORS),
    "snow": (snow.ARRANGEMENTS, snow.PALETTES, weather.IN_SNOW),
    "garden": (garden.ARRANGEMENTS, garden.PALETTES, weather.OUTDOORS),
    "office": (office.ARRANGEMENTS, office.PALETTES, weather.INDOORS),
    "savanna": (savanna.ARRANGEMENTS, savanna.PALETTES, weather.OUTDOORS),
    None: (nowhere.ARRANGEMENTS, nowhere.PALETTES, weather.NONE),
}
ARRANGEMENTS: dict[str | None, tuple[Arrangement, ...]] = {place: drawn[0] for place, drawn in _DRAWN.items()}
PALETTES: dict[str | None, tuple[str, ...]] = {place: drawn[1] for place, drawn in _DRAWN.items()}
WEATHER: dict[str | None, tuple[Weather, ...]] = {place: drawn[2] for place, drawn in _DRAWN.items()}


def _looks(place: str | None, look: str) -> tuple[Look, ...]:
    """A place's looks: in training whatever has no part that is held out, for evaluation all others."""
    arrangements, palettes = ARRANGEMENTS[place], PALETTES[place]
    seen = set(product(arrangements[:-HELD_OUT_ARRANGEMENTS], palettes[:-HELD_OUT_PALETTES]))
    return tuple(pair for pair in product(arrangements, palettes) if (pair in seen) == (look == "training"))


LOOKS: dict[str, dict[str | None, tuple[Look, ...]]] = {
    look: {place: _looks(place, look) for place in ARRANGEMENTS} for look in ("training", "held_out")
}


def _colours(palette: str, random: Random) -> Palette:
    """A palette's colours, all a little lighter or darker, warmer or colder."""
    brightness = random.uniform(0.92, 1.05)
    change = [brightness * random.uniform(0.96, 1.04) for _ in range(3)]
    colours = [bytes.fromhex(colour) for colour in palette.split()]
    return tuple(tuple(min(round(value * by), 255) for value, by in zip(colour, change)) for colour in colours)


@cache
def background(place: str | None, variant: int, size: int, look: str = "training") -> np.ndarray:
    """A ground as pixels, uint8 (size, size, 3); read-only, the same for the same arguments.

    place: one of PLACES; None: a ground that is no place. variant: 0 to VARIANTS - 1. look: "training" or "held_out".
    Errors: VlmError when there is no such place, variant or look.
    """
    if place not in ARRANGEMENTS:
        raise VlmError(f"there is no place {place!r}: take one of {', '.join(PLACES)}, or None")
    if look not in LOOKS:
        raise VlmError(f"there is no look {look!r}: take one of {', '.join(LOOKS)}")
    if not 0 <= variant < VARIANTS:
        raise VlmError(f"there is no variant {variant} of a ground: take 0 to {VARIANTS - 1}")
    random = Random(f"{place} {variant} {look}")
    looks = LOOKS[look][place]
    arrange, palette = looks[variant % len(looks)]  # in turn: each is seen as often as any other
    canvas = Canvas(size)
    arrange(canvas, _colours(palette, random), random)
    random.choice(WEATHER[place])(canvas, random)
    light = weather.DAY if place == "space" else random.choice(weather.LIGHTS[look])
    image = canvas.finished()
    pixels = np.asarray(ImageOps.mirror(image) if random.random() < 0.5 else image) * np.float32(light)
    middle = pixels.mean((0, 1))
    pixels = (middle + CONTRAST * (pixels - middle)).clip(0, 255).astype(np.uint8)
    pixels.flags.writeable = False
    return pixels
