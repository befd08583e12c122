"""Scenes by a stranger: the same objects and grounds, arranged by other rules than any training scene. For evaluation.

Whoever paints a scene by hand knows nothing of ``placing.py``: not of its sizes, nor of its cells that no two things
share. So neither do these scenes: any size is as likely as any other, and a thing may stand wherever most of it and of
all others can still be seen.
"""

from __future__ import annotations

from random import Random

from vlmcore.scenes.placing import ANGLE, SIZES, area, inside, painted, shared
from vlmcore.scenes.scene import SIZE, Scene, Sprite, Thing
from vlmcore.scenes.world import World

SEEN = 0.6  # of each box, at least, is inside the picture and not covered
TASKS = ("background", "count", "position", "what", "colour", "exists", "box", "found", "does", "conversation")


class Strangers(World):
    """A world whose scattered scenes are arranged freely; it has no others."""

    def scene(self, random: Random, kind: str | None = None, evaluate: bool = True) -> Scene:
        return super().scene(random, "scatter", evaluate)

    def _place(self, random: Random, names: list[str], *_: object) -> list[Thing]:
        things: list[Thing] = []
        while len(things) < len(names):
            item = self.item(names[len(things)])
            middle = random.randint(0, SIZE), random.randint(0, SIZE)
            artist, angle = random.choice(self.artists(item.name)), random.randint(-ANGLE, ANGLE)
            sprite = Sprite(middle, random.randint(*SIZES), artist, angle, random.random() < 0.5)
            thing = painted(item, sprite)
            covers = [shared(thing.box, other.box) / min(area(other.box), area(thing.box)) for other in things]
            if inside(thing, item) >= SEEN and max(covers, default=0) <= 1 - SEEN:
                things.append(thing)
        return things
