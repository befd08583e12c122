"""The scene simulator: a world of small pictures with exact ground truth, made on the spot from real artwork.

Design choices:
- a scene is a ground (a place in one of many looks, or no place at all) with drawings by several artists on it
  (placing.py);
- every scene knows what it holds, where, and how much of each thing can be seen: captions and boxes for free;
- held out by construction: the pairs (thing, place) and (thing, thing) that ``held_out_pair`` names never meet in a
  training scene, and every evaluation scene holds at least one of them;
- one random generator in, one scene out: the same seed gives the same bytes.
"""

from __future__ import annotations

from random import Random

import numpy as np

from vlmcore.errors import VlmError
from vlmcore.scenes.artwork import TRAINING_ARTISTS, paint_drawing
from vlmcore.scenes.backgrounds import PLACES, VARIANTS, background
from vlmcore.scenes.objects import Object, load_objects
from vlmcore.scenes.placing import SIZES, draw, fits, painted, place_all
from vlmcore.scenes.scene import SIZE, Scene, Sprite, Thing, any_held_out_pair, held_out_pair

PLUS = Object("2795", "plus", "pluses", "sign", "", "", "", "", "", "", "train", " ".join(TRAINING_ARTISTS))
NO_PLACE = 0.25  # of the scenes whose kind allows it stand on a ground that is no place at all
SETTLED = 0.6  # of the scattered scenes hold nothing whose position is a matter of opinion

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
    """The scene simulator: makes scenes and paints them.

    names: how many rows of data/objects.csv; None: all. artist: who paints everything; None: whoever may paint each
    object in training. look: of the grounds, "training" or "held_out". The last two are for evaluation.
    """

    def __init__(self, names: int | None = None, artist: str | None = None, look: str = "training") -> None:
        everything = list(load_objects().values())
        self.objects = {item.name: item for item in everything[:names]}
        self.names = list(self.objects)
        self.at_home = {place: [n for n in self.names if self.objects[n].found == place] for place in PLACES}
        self.artist, self.look = artist, look

    def item(self, name: str) -> Object:
        return PLUS if name == "plus" else self.objects[name]

    def artists(self, name: str) -> tuple[str, ...]:
        """Who may paint a thing here."""
        return (self.artist,) if self.artist else self.item(name).training_artists

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
            "crowd": self._crowd,
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

    def arrange(self, random: Random, place: str | None, things: dict[int, str]) -> Scene:
        """A scene of your own: which name stands in which of the nine positions (position.py).

        It may show what training never shows.
        """
        found: list[Thing] = []
        for index, name in things.items():
            middle = tuple((third + 0.5) * SIZE / 3 + random.uniform(-3, 3) for third in (index % 3, index // 3))
            found.append(draw(random, self.item(name), self.artists(name), middle, random.randint(15, 20)))
        return self._scene("scatter", random, place, found)

    def _scatter(self, random: Random, evaluate: bool) -> Scene:
        place, count = self._ground(random), random.choices((1, 2, 3, 4, 5), (10, 22, 28, 25, 15))[0]
        names = [self._fitting(random, place, [], evaluate)]
        while len(names) < count:
            again = random.random() < 0.35
            names.append(random.choice(names) if again else self._fitting(random, place, names, evaluate))
        return self._scene("scatter", random, place, self._place(random, names, random.random() < SETTLED))

    def _crowd(self, random: Random, evaluate: bool) -> Scene:
        """More and smaller things: for an encoder that learns to name each."""
        place, names = self._ground(random), []
        for _ in range(random.randint(4, 7)):
            names.append(self._fitting(random, place, names, evaluate))
        return self._scene("scatter", random, place, self._place(random, names, False, (9, 28)))

    def _hidden(self, random: Random, evaluate: bool) -> Scene:
        """A row of one thing, large and close together, so that some stand half behind others."""
        place = self._ground(random)
        name = self._fitting(random, place, [], evaluate)
        row: list[Thing] = []
        while not row:
            row = self._row(random, name, random.choice((2, 3)))
        others = [
            random.choice((name, self._fitting(random, place, [name], evaluate)))
            for _ in range(random.choice((0, 1, 2)))
        ]
        return self._scene("hidden", random, place, self._place(random, others, False, (12, 20), row))

    def _row(self, random: Random, name: str, count: int) -> list[Thing]:
        """``count`` of one thing side by side or one above the other; [] where they did not fit."""
        size, across = random.randint(21, 27), random.random() < 0.5
        step = random.uniform(0.62, 0.85) * size
        start, level = random.uniform(8, SIZE - 8 - step * (count - 1)), random.uniform(size / 2, SIZE - size / 2)
        artist, row = random.choice(self.artists(name)), []
        for number in range(count):
            along, beside = start + number * step, level + random.uniform(-2, 2)
            middle = (along, beside) if across else (beside, along)
            thing = draw(random, self.item(name), (artist,), middle, size, turned=False)
            if not fits(thing, row, self.item(name), together=True):
                return []
            row.append(thing)
        return row if random.random() < 0.5 else row[::-1]

    def _sum(self, random: Random, evaluate: bool) -> Scene:
        """Some of a thing, a plus sign, some more of it (CogVLM's two apples + one apple)."""
        place = self._ground(random)
        name = self._fitting(random, place, [], evaluate)
        x, y, size = random.uniform(29, 35), random.uniform(16, 48), random.randint(9, 14)
        things = [painted(PLUS, Sprite((round(x), round(y)), size, random.choice(self.artists("plus"))))]
        artist = random.choice(self.artists(name))
        for left, right in ((8, x - 22), (x + 22, 56)):  # the middles of what stands on either side of the sign
            count = random.choice((1, 2, 3))
            for row in random.sample(range(3), count):
                middle = random.uniform(min(left, right), max(left, right)), 10.5 + 21.5 * row + random.uniform(-4, 4)
                things.append(draw(random, self.item(name), (artist,), middle, random.randint(12, 17)))
        return self._scene("sum", random, place, things)

    def _unusual(self, random: Random, evaluate: bool) -> Scene:
        """Things that belong to the place and, three times in four, one that does not. Training objects alone."""
        known = [name for name in self.names if not self.held_out(name)]
        return self._odd_one(random, known, known, evaluate, odd=random.random() < 0.75)

    def _unusual_new(self, random: Random, evaluate: bool) -> Scene:
        """Every thing is one whose facts the language model has read in text alone. For evaluation."""
        new = [name for name in self.names if self.held_out(name)]
        if not new:
            raise VlmError(f"none of the first {len(self.names)} objects is held out: take at least 48")
        return self._odd_one(random, new, new, evaluate, odd=True)

    def _odd_one(self, random: Random, usual: list[str], strange: list[str], evaluate: bool, odd: bool) -> Scene:
        away: list[str] = []
        while not away:  # with few objects a place may be home to all strange ones
            place = random.choice(PLACES)
            fit = [n for n in self.names if evaluate or not held_out_pair(n, place)]
            home = [n for n in usual if n in fit and self.objects[n].found == place]
            away = [n for n in strange if n in fit and self.objects[n].found != place]
        names = [random.choice(home) for _ in range(random.choice((2, 3)))] if home else []
        odd = odd or not home  # with few objects nothing may be at home here
        strange_one = random.choice(away) if odd else None
        names += [strange_one] if odd else []
        random.shuffle(names)
        return self._scene("unusual", random, place, self._place(random, names, True), odd=strange_one)

    def _shape(self, random: Random, evaluate: bool) -> Scene:
        """Many small pictures of one thing that together form something (the nugget world map)."""
        place, shape = self._ground(random), random.choice(list(SHAPES))
        name = self._fitting(random, place, [], evaluate)
        step, left, top = 8, random.randint(5, 10), random.randint(5, 10)
        artist, flipped, things = random.choice(self.artists(name)), random.random() < 0.5, []
        for row, line in enumerate(SHAPES[shape].split()):
            for column, mark in enumerate(line):
                if mark == "#":
                    middle = left + column * step + random.randint(-1, 1), top + row * step + random.randint(-1, 1)
                    things.append(painted(self.objects[name], Sprite(middle, 9, artist, flipped=flipped)))
        return self._scene("shape", random, place, things, shape=shape)

    def _ground(self, random: Random) -> str | None:
        """A place; now and then none."""
        return None if random.random() < NO_PLACE else random.choice(PLACES)

    def _fitting(self, random: Random, place: str | None, others: list[str], evaluate: bool) -> str:
        """A random name; in training one that may be seen with this place and these others."""
        while True:
            name = random.choice(self.names)
            if evaluate or not any(held_out_pair(name, other) for other in (place, *others)):
                return name

    def _place(
        self,
        random: Random,
        names: list[str],
        settled: bool,
        sizes: tuple[int, int] = SIZES,
        before: list[Thing] | None = None,
    ) -> list[Thing]:
        """The things of these names, each where it fits (placing.py)."""
        items, artists = [self.item(name) for name in names], [self.artists(name) for name in names]
        return place_all(random, items, artists, settled, sizes, before or [])

    def _scene(self, kind: str, random: Random, place: str | None, things: list[Thing], **more: str | None) -> Scene:
        return Scene(kind, place, tuple(things), ground=random.randrange(VARIANTS), look=self.look, **more)

    # -- painting ----------------------------------------------------------------------------------------------------

    def paint(self, scene: Scene, scale: int = 1) -> np.ndarray:
        """The scene as pixels, uint8 (64·scale, 64·scale, 3)."""
        canvas = background(scene.place, scene.ground, SIZE * scale, scene.look).astype(np.uint16)
        for thing in scene.things:
            sprite = thing.sprite
            middle = (sprite.middle[0] * scale, sprite.middle[1] * scale)
            picture = self.item(thing.name).picture
            paint_drawing(canvas, picture, sprite.artist, middle, sprite.size * scale, sprite.angle, sprite.flipped)
        return canvas.astype(np.uint8)
