"""Where scenes come from: the painted world, or a COCO folder. Both are asked for ``scene(random)`` and know names."""

from __future__ import annotations

from pathlib import Path
from random import Random

from vlmcore.data.coco import read_coco
from vlmcore.data.instruct import Teacher
from vlmcore.data.world import Scene, World


class Source:
    """The painted world's training scenes, endless."""

    def __init__(self, world: World, wording: str = "train") -> None:
        self.world, self.teacher = world, Teacher(world, wording)
        self.names = ["plus", *world.names]

    def scene(self, random: Random) -> Scene:
        return self.world.scene(random)


class CocoSource(Source):
    """A COCO folder's scenes in random order."""

    def __init__(self, world: World, folder: Path) -> None:
        super().__init__(world)
        self.scenes = read_coco(folder)
        self.names = sorted({thing.name for scene in self.scenes for thing in scene.things})

    def scene(self, random: Random) -> Scene:
        return random.choice(self.scenes)
