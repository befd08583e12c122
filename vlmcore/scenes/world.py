"""The scene simulator: a world of small pictures with exact ground truth, made on the spot from real artwork.

Design choices:
- a scene is a place (background) with Twemoji pictures in the nine parts of a 3×3 layout, jittered so that neighbours
  overlap: things get partly hidden, yet "top-left" never is a matter of opinion;
- every scene knows what it holds, where, and how much of each thing can be seen: captions and boxes for free;
- held out by construction: the pairs (thing, place) and (thing, thing) that ``held_out_pair`` names never meet in a
  training scene, and every evaluation scene holds at least one of them;
- one random generator in, one scene out: the same seed gives the same bytes.
"""

from __future__ import annotations

from random import Random

import numpy as np

from vlmcore.errors import VlmError
from vlmcore.scenes.artwork import sprite
from vlmcore.scenes.backgrounds import PLACES, background
from vlmcore.scenes.objects import load_objects
from vlmcore.scenes.scene import SIZE, Scene, Thing, any_held_out_pair, held_out_pair

SLOT_CENTRES = (10.5, 32.0, 53.5)  # pixels: with ±5 of jitter no two centres share a cell of a 4×4 grid
JITTER = 5.0

SHAPES = {  # what many small pictures form together, in 7×7 cells
    "heart": ".##.##. ####### ####### ####### .#####. ..###.. ...#...",
    "cross": "...#... ...#... ...#... ####### ...#... ...#... ...#...",
    "square": "####### #.....# #.....# #.....# #.....# #.....# #######",
    "triangle": "...#... ..#.#.. ..#.#.. .#...#. .#...#. #.....# #######",
    "circle": "..###.. .#...#. #.....# #.....# #.....# .#...#. ..###..",
    "letter L": "#...... #...... #...... #...... #...... #...... #######",
    "letter T": "####### ...#... ...#... ...#... ...#... ...#... ...#...",
    "letter X": "#.....# .#...#. ..#.#.. ...#... ..#.#.. .#...#. #.....#",
}


class World:
    """The scene simulator: makes scenes and paints them. ``names``: how many rows of data/objects.csv; None: all."""

    def __init__(self, names: int | None = None) -> None:
        everything = list(load_objects().values())
        self.objects = {item.name: item for item in everything[:names]}
        self.names = list(self.objects)
        self.at_home = {place: [n for n in self.names if self.objects[n].found == place] for place in PLACES}
        self.pictures = {name: item.picture for name, item in self.objects.items()} | {"plus": "2795"}

    def held_out(self, name: str) -> bool:
        """Is this an object whose facts are never asked about in front of a picture during training?"""
        return self.objects[name].unusual == "held_out"

    # -- composing ---------------------------------------------------------------------------------------------------

    def scene(self, random: Random, kind: str | None = None, evaluate: bool = False) -> Scene:
        """A new scene. ``evaluate``: it holds at least one held-out pair; otherwise it holds none."""
        if kind is None:
            kind = random.choices(("scatter", "hidden", "sum", "unusual", "shape"), (54, 14, 9, 17, 6))[0]
        compose = {
            "scatter": self._scatter,
            "hidden": self._hidden,
            "sum": self._sum,
            "unusual": self._unusual,
            "unusual new": self._unusual_new,
            "shape": self._shape,
        }[kind]
        while True:
            scene = compose(random, evaluate)
            if evaluate == any_held_out_pair(scene):
                return scene

    def arrange(self, random: Random, place: str, things: dict[int, str]) -> Scene:
        """A scene of your own: which name stands in which slot (0 to 8). It may show what training never shows."""
        return self._lay_out("scatter", random, place, list(things.values()), list(things))

    def _scatter(self, random: Random, evaluate: bool) -> Scene:
        place, count = random.choice(PLACES), random.choices((1, 2, 3, 4, 5), (10, 22, 28, 25, 15))[0]
        names = [self._fitting(random, place, [], evaluate)]
        while len(names) < count:
            again = random.random() < 0.35
            names.append(random.choice(names) if again else self._fitting(random, place, names, evaluate))
        return self._lay_out("scatter", random, place, names, random.sample(range(9), count))

    def _hidden(self, random: Random, evaluate: bool) -> Scene:
        """A row of one thing, large and close together, so that some stand half behind others."""
        place = random.choice(PLACES)
        name = self._fitting(random, place, [], evaluate)
        line = random.choice(((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8)))
        slots = list(line[: random.choice((2, 3))] if random.random() < 0.5 else line[-random.choice((2, 3)) :])
        names = [name] * len(slots)
        for _ in range(random.choice((0, 1, 2))):
            slots.append(random.choice([slot for slot in range(9) if slot not in slots]))
            names.append(random.choice((name, self._fitting(random, place, names, evaluate))))
        return self._lay_out("hidden", random, place, names, slots, sizes=(22, 28), together=line)

    def _sum(self, random: Random, evaluate: bool) -> Scene:
        """Some of a thing, a plus sign, some more of it (CogVLM's two apples + one apple)."""
        place = random.choice(PLACES)
        name = self._fitting(random, place, [], evaluate)
        left = random.sample((0, 3, 6), random.choice((1, 2, 3)))
        right = random.sample((2, 5, 8), random.choice((1, 2, 3)))
        names = ["plus"] + [name] * (len(left) + len(right))
        return self._lay_out("sum", random, place, names, [4, *left, *right], sizes=(14, 18))

    def _unusual(self, random: Random, evaluate: bool) -> Scene:
        """Things that belong to the place and, three times in four, one that does not. Training objects alone."""
        known = [name for name in self.names if not self.held_out(name)]
        return self._odd_one(random, known, known, evaluate, odd=random.random() < 0.75)

    def _unusual_new(self, random: Random, evaluate: bool) -> Scene:
        """Every thing is one whose facts the language model has read in text alone. For evaluation."""
        new = [name for name in self.names if self.held_out(name)]
        if not new:
            raise VlmError(f"none of the first {len(self.names)} objects is held out: take at least 17")
        return self._odd_one(random, new, new, evaluate, odd=True)

    def _odd_one(self, random: Random, usual: list[str], strange: list[str], evaluate: bool, odd: bool) -> Scene:
        away: list[str] = []
        while not away:  # with few objects a place may be home to all strange ones
            place = random.choice(PLACES)
            fit = [n for n in self.names if evaluate or not held_out_pair(n, place)]
            home = [n for n in usual if n in fit and self.objects[n].found == place]
            away = [n for n in strange if n in fit and self.objects[n].found != place]
        names = [random.choice(home) for _ in range(random.choice((2, 3)))] if home else []
        strange_one = random.choice(away) if odd else None
        names += [strange_one] if odd else []
        random.shuffle(names)
        return self._lay_out("unusual", random, place, names, random.sample(range(9), len(names)), odd=strange_one)

    def _shape(self, random: Random, evaluate: bool) -> Scene:
        """Many small pictures of one thing that together form something (the nugget world map)."""
        place, shape = random.choice(PLACES), random.choice(list(SHAPES))
        name = self._fitting(random, place, [], evaluate)
        step, left, top = 8, random.randint(1, 6), random.randint(1, 6)
        flipped, things = random.random() < 0.5, []
        for row, line in enumerate(SHAPES[shape].split()):
            for column, mark in enumerate(line):
                if mark == "#":
                    x, y = left + column * step + random.randint(-1, 1), top + row * step + random.randint(-1, 1)
                    things.append(self._thing(name, x, y, 9, flipped, None))
        return Scene("shape", place, tuple(things), texture=random.randrange(64), shape=shape)

    def _fitting(self, random: Random, place: str, others: list[str], evaluate: bool) -> str:
        """A random name; in training one that may be seen with this place and these others."""
        while True:
            name = random.choice(self.names)
            if evaluate or not any(held_out_pair(name, other) for other in (place, *others)):
                return name

    def _lay_out(
        self,
        kind: str,
        random: Random,
        place: str,
        names: list[str],
        slots: list[int],
        sizes: tuple[int, int] = (14, 26),
        together: tuple[int, ...] = (),
        odd: str | None = None,
    ) -> Scene:
        """Put each name into its slot. The slots of ``together`` lean towards their row's middle and overlap."""
        things = []
        for name, slot in zip(names, slots, strict=True):
            size = 2 * random.randint(sizes[0] // 2, sizes[1] // 2)
            centre = []
            for axis in (slot % 3, slot // 3):
                lean = random.uniform(-JITTER, JITTER)
                if slot in together and axis != 1:
                    lean = abs(lean) * (1 - axis)
                centre.append(min(max(SLOT_CENTRES[axis] + lean, size / 2 - 3), SIZE - size / 2 + 3))
            left, top = round(centre[0] - size / 2), round(centre[1] - size / 2)
            things.append(self._thing(name, left, top, size, random.random() < 0.5 and name != "plus", slot))
        random.shuffle(things)
        return Scene(kind, place, tuple(things), texture=random.randrange(64), odd=odd)

    def _thing(self, name: str, left: int, top: int, size: int, flipped: bool, slot: int | None) -> Thing:
        box = (max(left, 0), max(top, 0), min(left + size, SIZE), min(top + size, SIZE))
        return Thing(name, box, slot, flipped, (left, top, size))

    # -- painting ----------------------------------------------------------------------------------------------------

    def paint(self, scene: Scene, scale: int = 1) -> np.ndarray:
        """The scene as pixels, uint8 (64·scale, 64·scale, 3)."""
        canvas = background(scene.place, scene.texture, SIZE * scale).astype(np.uint16)
        limit = SIZE * scale
        for thing in scene.things:
            left, top, size = (value * scale for value in thing.sprite)
            colour, rest = sprite(self.pictures[thing.name], size, thing.flipped)
            x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + size, limit), min(top + size, limit)
            part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
            window = canvas[y0:y1, x0:x1]
            window[...] = (window * rest[part] + colour[part]) // 255
        return canvas.astype(np.uint8)
