"""CogVLM's questions: boxes in all three published modes, counting that explains itself, and things by their kind.

The three modes (THUDM/CogVLM, README, "visual grounding"): a caption with boxes, a phrase → its boxes, a box → a
caption. The other two are the paper's examples: of four houses one is half hidden, and the answer says which; and
"which clothes are there, and where?"
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from vlmcore.scenes.exchange import Conversation, wordings
from vlmcore.scenes.grounding import Box, box_text, relative
from vlmcore.scenes.position import IN_POSITION, clear, in_order, near, position
from vlmcore.scenes.questions import QuestionGenerator, with_place
from vlmcore.scenes.scene import Scene, Thing, visible_share
from vlmcore.scenes.thoughts import look_around
from vlmcore.scenes.word_map import cell_of, word_map
from vlmcore.scenes.wording import NUMBERS, a, join
from vlmcore.scenes.world import World

KINDS = {  # data/objects.csv's kinds, as they are asked for
    "animal": "animals", "clothing": "clothes", "food": "things to eat", "vehicle": "vehicles", "tool": "tools",
    "device": "devices", "container": "containers", "plant": "plants", "toy": "toys",
}  # fmt: skip
FULL_VIEW = 0.97  # a thing of whose box less is covered than this leaves is in full view
HIDDEN = 0.85  # and one of whose box no more than this can be seen is partly hidden; between them it is not asked
MOST = 4  # things in one answer with boxes


class GroundedQuestions(QuestionGenerator):
    """Asks what ``QuestionGenerator`` asks, and five things more (data/prompts/grounding.json).

    Where an answer lists things or gives boxes, it looks around first. A box is read where the thing is seen, and the
    answer copies it: of two dogs each then has its own.
    """

    def __init__(self, world: World, wording: str = "train") -> None:
        super().__init__(world, wording)
        self.wordings |= {task: kinds[wording] for task, kinds in wordings("grounding").items()}

    def describe(self, scene: Scene, random: Random) -> Conversation | None:
        talk = super().describe(scene, random)
        return talk and (replace(talk[0], answer=look_around(scene, ()) + talk[0].answer),)

    def grounded_caption(self, scene: Scene, random: Random) -> Conversation | None:
        """A caption with boxes: every thing in reading order, after a look around."""
        things = in_order(scene)
        if scene.kind in ("shape", "sum") or not 0 < len(things) <= MOST:
            return None
        boxes = tuple(relative(thing, scene) for thing in things)
        names = {thing.name for thing in things}
        answer = look_around(scene, (), boxed=names) + with_place(scene, self._named(things, scene))
        return (self.exchange(random, "grounded_caption", answer, boxes),)

    def find(self, scene: Scene, random: Random) -> Conversation | None:
        """Phrase → boxes, and not a word beside them but thoughts."""
        name = None if scene.kind == "shape" else self._present(scene, random)
        things = [thing for thing in in_order(scene) if thing.name == name]
        if not 0 < len(things) <= MOST:
            return None
        boxes = tuple(relative(thing, scene) for thing in things)
        answer = self.look(scene, name) + box_text(list(boxes))
        return (self.exchange(random, "find", answer, boxes, name=name),)

    def region(self, scene: Scene, random: Random) -> Conversation | None:
        """Box → caption."""
        things = [] if scene.kind == "shape" else [thing for thing in scene.things if thing.name != "plus"]
        if not things:
            return None
        thing = random.choice(things)
        return (self.exchange(random, "region", a(thing.name), box=box_text([relative(thing, scene)])),)

    def explain(self, scene: Scene, random: Random) -> Conversation | None:
        """How many there are, and which of them is partly hidden (CogVLM's four houses)."""
        name = None if scene.kind == "shape" else self._present(scene, random)
        things = [thing for thing in in_order(scene) if thing.name == name]
        if not 0 < len(things) < len(NUMBERS):
            return None
        hidden = partly_hidden(scene)
        if hidden is None or not telling([thing for thing in things if thing in hidden], things, scene):
            return None
        where = [IN_POSITION[position(thing, scene)] for thing in things if thing in hidden]
        answer = f"{look_around(scene, [name], hidden=hidden)}{NUMBERS[len(things)]}, {explained(where, len(things))}"
        return (self.exchange(random, "explain", answer, many=self.plural(name)),)

    def kind(self, scene: Scene, random: Random) -> Conversation | None:
        """Which clothes are there, and where? What a name's kind is, text has told."""
        if scene.kind in ("shape", "sum", "coco"):
            return None
        kinds = {thing.name: self.objects[thing.name].kind for thing in scene.things}
        there = sorted(set(kinds.values()) & set(KINDS))
        kind = random.choice(there) if there and random.random() < 0.8 else random.choice(list(KINDS))
        things = [thing for thing in in_order(scene) if kinds[thing.name] == kind]
        if len(things) > MOST:
            return None
        boxes = tuple(relative(thing, scene) for thing in things)
        said = self._named(things, scene) if things else "none"
        names = {thing.name for thing in things}
        answer = look_around(scene, names, boxed=names) + said
        return (self.exchange(random, "kind", answer, boxes, kind=KINDS[kind]),)

    def look(self, scene: Scene, name: str) -> str:
        return look_around(scene, [name], boxed=[name])

    def _named(self, things: list[Thing], scene: Scene) -> str:
        """a dog [[040,080,400,440]] and a cat [[…]]"""
        return join([f"{a(thing.name)} {box_text([relative(thing, scene)])}" for thing in things])


def grounded_word_map(scene: Scene, side: int) -> tuple[list[list[str]], list[Box | None]]:
    """A word map as fine as CogVLM's patches, side × side, that also says of what it is partly ``hidden``."""
    cells, boxes = word_map(scene, side)
    for thing in partly_hidden(scene) or ():
        cells[cell_of(thing, scene, side)].append("hidden")
    return cells, boxes


def partly_hidden(scene: Scene) -> list[Thing] | None:
    """The things that others partly cover. None: nobody can say, as in a photo, or of some thing opinions differ."""
    if scene.kind == "coco":
        return None
    shares = [visible_share(scene, index) for index in range(len(scene.things))]
    if any(HIDDEN < share < FULL_VIEW for share in shares):
        return None
    return [thing for thing, share in zip(scene.things, shares, strict=True) if share <= HIDDEN]


def telling(hidden: list[Thing], things: list[Thing], scene: Scene) -> bool:
    """Does its position tell each hidden thing from all others of its name, and beyond dispute?"""
    for thing in hidden:
        here = position(thing, scene)
        if not clear(thing, scene) or any(near(other, scene, here) for other in things if other is not thing):
            return False
    return True


def explained(where: list[str], count: int) -> str:
    """The second half of an explained count."""
    if not where:
        return "in full view" if count == 1 else "all in full view"
    if count == 1:
        return f"and it is partly hidden {where[0]}"
    if len(where) == 1:
        return f"and the one {where[0]} is partly hidden"
    return f"and the ones {join(where)} are partly hidden"
