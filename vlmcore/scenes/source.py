"""Where scenes come from: the painted world, or a COCO folder. Both are asked for ``scene(random)`` and know names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

from vlmcore.scenes.backgrounds import PLACES
from vlmcore.scenes.coco import read_coco
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.scene import Scene, held_out_pair
from vlmcore.scenes.wording import NUMBERS, join
from vlmcore.scenes.world import World

CROWDS = 0.67  # of the scenes for the vision encoder are crowds: to it a picture costs the same, whatever it holds


class Source:
    """The painted world's training scenes, endless."""

    def __init__(
        self, world: World, wording: str = "train", questions: type[QuestionGenerator] = QuestionGenerator
    ) -> None:
        self.world, self.questions = world, questions(world, wording)
        self.names = ["plus", *world.names]

    def scene(self, random: Random) -> Scene:
        return self.world.scene(random)

    def crowded(self, random: Random) -> Scene:
        """A scene to learn to see from: two in three hold more things than anybody asks about, each to be named."""
        return self.world.scene(random, "crowd" if random.random() < CROWDS else None)

    def never_together(self, first: str | None, second: str | None) -> bool:
        """Is this pair of names (of things, or a thing and a place) kept out of every scene by design?"""
        pair = {first, second} - {None, "plus"}
        return len(pair) == 2 and not pair <= set(PLACES) and held_out_pair(*pair)


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

    def crowded(self, random: Random) -> Scene:
        return self.scene(random)

    def never_together(self, first: str | None, second: str | None) -> bool:
        return False
