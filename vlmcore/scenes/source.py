"""Where scenes come from: the painted world, or a COCO folder. Both are asked for ``scene(random)`` and know names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

from vlmcore.scenes.coco import read_coco
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.scene import Scene
from vlmcore.scenes.wording import NUMBERS, join
from vlmcore.scenes.world import World


class Source:
    """The painted world's training scenes, endless."""

    def __init__(self, world: World, wording: str = "train") -> None:
        self.world, self.questions = world, QuestionGenerator(world, wording)
        self.names = ["plus", *world.names]

    def scene(self, random: Random) -> Scene:
        return self.world.scene(random)


class CocoSource(Source):
    """A COCO folder's scenes in random order. The folder's names are asked about, whatever ``world`` knows."""

    def __init__(self, world: World, folder: Path) -> None:
        super().__init__(world)
        self.scenes = read_coco(folder)
        self.names = sorted({thing.name for scene in self.scenes for thing in scene.things})
        self.questions = QuestionGenerator(World(), annotated=self.names)  # our own pictures may show any object
        self.scenes = [replace(scene, captions=scene.captions or self.caption(scene)) for scene in self.scenes]

    def caption(self, scene: Scene) -> tuple[str, ...]:
        """What stands in for the captions of a photo without any; our own scenes' captions are the generator's."""
        if scene.kind != "coco":
            return ()
        counts = scene.counts().items()
        named = [
            self.questions.counted(count, name) if count < len(NUMBERS) else self.questions.plural(name)
            for name, count in counts
        ]
        return (join(named) if named else "a picture",)

    def scene(self, random: Random) -> Scene:
        return random.choice(self.scenes)
