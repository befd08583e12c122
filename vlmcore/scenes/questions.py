"""The question generator: from what a scene holds to questions and answers (LLaVA's data generation, made exact).

LLaVA showed captions and boxes to a text-only teacher, a language model, and had it write conversations, detailed
descriptions and reasoning (fewshot.py). Here the scene itself writes them, so every answer is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from vlmcore.scenes.backgrounds import IN_PLACE
from vlmcore.scenes.exchange import Conversation, Exchange, wordings
from vlmcore.scenes.grounding import box_text, located, relative
from vlmcore.scenes.position import IN_POSITION, POSITIONS, clear, in_order, position, settled
from vlmcore.scenes.scene import Scene, Thing, any_held_out_pair, held_out_pair
from vlmcore.scenes.thoughts import belongs, look_around, point
from vlmcore.scenes.wording import NUMBERS, PLURALS, a, join, the
from vlmcore.scenes.world import World

NO_PLACE = "no place can be told"  # answers "where is this?" about a ground that is none
SIDES = (0, 3, 6, 2, 5, 8)  # a sum's positions lie left of the plus sign (the first three), then right of it


def stands(thing: Thing, scene: Scene) -> str:
    """the dog is on the left"""
    return f"{the(thing.name)} {IN_POSITION[position(thing, scene)]}"


def with_place(scene: Scene, text: str) -> str:
    """a dog → a dog in the forest, where a place can be told"""
    return f"{text} {IN_PLACE[scene.place]}" if scene.place else text


class QuestionGenerator:
    """Writes questions and answers about scenes. ``wording``: "train" or "held_out".

    annotated: the names that the annotators of photos looked for; of any other nobody can say that it is not there.
    """

    def __init__(self, world: World, wording: str = "train", annotated: Sequence[str] = ()) -> None:
        self.world, self.objects, self.annotated = world, world.objects, annotated
        self.wordings = {task: kinds[wording] for task, kinds in wordings().items()}

    def exchange(self, random: Random, task: str, answer: str, boxes: tuple = (), **slots: str) -> Exchange:
        return Exchange(task, random.choice(self.wordings[task]).format(**slots), answer, boxes)

    def counted(self, count: int, name: str) -> str:
        return a(name) if count == 1 else f"{NUMBERS[count]} {self.plural(name)}"

    def plural(self, name: str) -> str:
        if name in self.objects:
            return self.objects[name].plural
        return PLURALS.get(name, f"{name}es" if name.endswith(("s", "x", "ch", "sh")) else f"{name}s")

    # -- one function a task: it returns None where the scene does not fit ---------------------------------------------

    def caption(self, scene: Scene, random: Random) -> Conversation | None:
        captions = self.captions(scene) + self.grounded_captions(scene)
        return (self.exchange(random, "caption", random.choice(captions)),) if captions else None

    def captions(self, scene: Scene) -> list[str]:
        """Brief captions of a picture: what is there, and where."""
        if scene.captions or scene.kind == "coco":
            return list(scene.captions)
        if scene.kind == "shape":
            many = self.plural(scene.things[0].name)
            return [with_place(scene, f"many small {many} that form {a(scene.shape)}")]
        if scene.kind == "sum":
            return [with_place(scene, self._sum_words(scene))]
        counted = join([self.counted(count, name) for name, count in scene.counts().items()])
        things = scene.things  # back to front: no order that could be told without looking the names up
        placed = join([f"{a(thing.name)} {IN_POSITION[position(thing, scene)]}" for thing in things])
        return [with_place(scene, counted), with_place(scene, placed)]

    def grounded_captions(self, scene: Scene) -> list[str]:
        """CogVLM's kind of caption: up to three things, each with its box."""
        if scene.kind in ("shape", "sum") or not scene.things:
            return []
        things = [f"{a(thing.name)} {box_text([relative(thing, scene)])}" for thing in scene.things[-3:]]
        return [with_place(scene, join(things))]

    def describe(self, scene: Scene, random: Random) -> Conversation | None:
        if scene.kind in ("shape", "sum", "coco") or not all(settled(thing, scene) for thing in scene.things):
            return None
        things = [f"{IN_POSITION[position(thing, scene)]} is {a(thing.name)}" for thing in in_order(scene)]
        here = [IN_PLACE[scene.place]] if scene.place else []
        return (self.exchange(random, "describe", ", ".join([*here, *things])),)

    def background(self, scene: Scene, random: Random) -> Conversation | None:
        """Where this is. Of a photo nobody has told us."""
        if scene.kind == "coco":
            return None
        return (self.exchange(random, "background", IN_PLACE[scene.place] if scene.place else NO_PLACE),)

    def count(self, scene: Scene, random: Random) -> Conversation | None:
        if scene.kind == "shape":
            return None
        name = self._absent(scene, random) if random.random() < 0.1 else self._present(scene, random)
        if name is None:
            return None
        things = [thing for thing in in_order(scene) if thing.name == name]
        if len(things) >= len(NUMBERS):
            return None
        answer = look_around(scene, [name]) + NUMBERS[len(things)]
        return (self.exchange(random, "count", answer, many=self.plural(name)),)

    def position(self, scene: Scene, random: Random) -> Conversation | None:
        thing = self._single(scene, random)
        return (self.exchange(random, "position", stands(thing, scene), name=thing.name),) if thing else None

    def what(self, scene: Scene, random: Random) -> Conversation | None:
        thing = self._placed(scene, random)
        return (self.exchange(random, "what", a(thing.name), place=self._at(thing, scene)),) if thing else None

    def colour(self, scene: Scene, random: Random) -> Conversation | None:
        thing = self._placed(scene, random)
        if thing is None or scene.kind == "coco" or not self.objects[thing.name].colour:
            return None  # its artists do not agree on a colour, and a photo may show any
        return (self.exchange(random, "colour", self.objects[thing.name].colour, place=self._at(thing, scene)),)

    def exists(self, scene: Scene, random: Random) -> Conversation | None:
        there = random.random() < 0.5
        name = self._present(scene, random) if there else self._absent(scene, random)
        if name is None or (scene.kind == "coco" and not self.annotated):  # "yes" alone would teach to say yes
            return None
        answer = point(scene, name) + ("yes" if there else "no")
        return (self.exchange(random, "exists", answer, one=a(name), many=self.plural(name)),)

    def box(self, scene: Scene, random: Random) -> Conversation | None:
        return self._box(scene, random, think=True)

    def box_alone(self, scene: Scene, random: Random) -> Conversation | None:
        """Without the thoughts that come first: so the language model learns to read numbers (mix.CURRICULUM)."""
        return self._box(scene, random, think=False)

    def _box(self, scene: Scene, random: Random, think: bool) -> Conversation | None:
        name = None if scene.kind == "shape" else self._present(scene, random)
        if name is None or len(scene.named(name)) > 3:
            return None
        things = [thing for thing in in_order(scene) if thing.name == name]
        boxes = tuple(relative(thing, scene) for thing in things)
        answer = (self.look(scene, name) if think else "") + located(things, scene)
        return (self.exchange(random, "box", answer, boxes, name=name),)

    def look(self, scene: Scene, name: str) -> str:
        """What is thought before boxes are given."""
        return look_around(scene, [name])

    def sum(self, scene: Scene, random: Random) -> Conversation | None:
        return (self.exchange(random, "sum", self._sum_words(scene, total=True)),) if scene.kind == "sum" else None

    def unusual(self, scene: Scene, random: Random) -> Conversation | None:
        if scene.kind != "unusual":
            return None
        place = IN_PLACE[scene.place]
        thoughts, verdict = [], f"nothing, because everything here belongs {place}"
        for thing in in_order(scene):  # one by one, until the odd one is found
            home = IN_PLACE[self.objects[thing.name].found]
            thoughts.append(belongs(IN_POSITION[position(thing, scene)], thing.name, home, place))
            if thing.name == scene.odd:
                verdict = f"the {scene.odd}, because it belongs {home}, not {place}"
                break
        return (self.exchange(random, "unusual", f"{', '.join(thoughts)}: {verdict}"),)

    def suppose(self, scene: Scene, random: Random) -> Conversation | None:
        """About a thing that is not there: its name alone tells where it belongs, no patch can.

        Meant to keep the thoughts of "unusual" from looking homes up in the picture, which they could do for training
        objects and not for those that are known from text alone.
        """
        name = self._absent(scene, random) if scene.place else None
        if name is None or self.world.held_out(name):
            return None
        where, home = random.choice(IN_POSITION), IN_PLACE[self.objects[name].found]
        answer = belongs(where, name, home, IN_PLACE[scene.place])
        return (self.exchange(random, "suppose", answer, one=a(name), where=where),)

    def shape(self, scene: Scene, random: Random) -> Conversation | None:
        return (self.exchange(random, "shape", a(scene.shape)),) if scene.shape else None

    def found(self, scene: Scene, random: Random) -> Conversation | None:
        """What it is, then what is known of it: so knowledge is looked up by name, as text has taught it."""
        thing = self._placed(scene, random, known=True)
        if thing is None:
            return None
        answer = f"{a(thing.name)}: {IN_PLACE[self.objects[thing.name].found]}"
        return (self.exchange(random, "found", answer, place=self._at(thing, scene)),)

    def does(self, scene: Scene, random: Random) -> Conversation | None:
        thing = self._placed(scene, random, known=True)
        if thing is None:
            return None
        answer = f"{a(thing.name)}: it {self.objects[thing.name].does}"
        return (self.exchange(random, "does", answer, place=self._at(thing, scene)),)

    def conversation(self, scene: Scene, random: Random) -> Conversation | None:
        """Several exchanges: a thing is named, then asked about as "it"."""
        thing = self._placed(scene, random)
        if thing is None or scene.kind == "sum" or thing.name not in self.objects:
            return None
        item = self.objects[thing.name]
        same = scene.named(item.name)
        more = [("it_colour", item.colour)] if item.colour and scene.kind != "coco" else []
        if len(same) < len(NUMBERS):
            more.append(("it_count", look_around(scene, [item.name]) + NUMBERS[len(same)]))
        if not self.world.held_out(thing.name):
            more.append(("it_found", IN_PLACE[item.found]))
        if len(same) == 1 and random.random() < 0.5:
            first = self.exchange(
                random, "exists", point(scene, item.name) + "yes", one=a(thing.name), many=item.plural
            )
            more.append(("it_position", stands(thing, scene)))
        else:
            first = self.exchange(random, "what", a(thing.name), place=self._at(thing, scene))
        follow_up = random.sample(more, min(2, len(more)))
        return (first, *(self.exchange(random, task, answer) for task, answer in follow_up))

    # -- choosing what to ask about ------------------------------------------------------------------------------------

    def _present(self, scene: Scene, random: Random) -> str | None:
        names = sorted({thing.name for thing in scene.things} - {"plus"})
        return random.choice(names) if names else None

    def _absent(self, scene: Scene, random: Random) -> str | None:
        there = {thing.name for thing in scene.things}
        if scene.kind == "coco":
            names = [name for name in self.annotated if name not in there]
        else:  # a pair that is held out must not be learned as "never": training does not ask about it at all
            clash = () if any_held_out_pair(scene) else (scene.place, *there - {"plus"})
            names = [n for n in self.world.names if n not in there and not any(held_out_pair(n, c) for c in clash)]
        return random.choice(names) if names else None

    def _single(self, scene: Scene, random: Random) -> Thing | None:
        """A thing of which there is only one, where its position is no matter of opinion."""
        counts = scene.counts()
        single = [t for t in scene.things if counts[t.name] == 1 and t.name != "plus" and clear(t, scene)]
        return random.choice(single) if single else None

    def _placed(self, scene: Scene, random: Random, known: bool = False) -> Thing | None:
        """A thing that is clearly alone at its position."""
        if scene.kind == "shape":
            return None
        placed = [thing for thing in scene.things if thing.name != "plus" and settled(thing, scene)]
        if known:
            placed = [t for t in placed if t.name in self.objects and not self.world.held_out(t.name)]
        return random.choice(placed) if placed else None

    def _at(self, thing: Thing, scene: Scene) -> str:
        return POSITIONS[position(thing, scene)]

    def _sum_words(self, scene: Scene, total: bool = False) -> str:
        left, right = (
            [thing for thing in in_order(scene) if position(thing, scene) in side] for side in (SIDES[:3], SIDES[3:])
        )
        name = left[0].name
        words = f"{self.counted_one(len(left), name)} plus {self.counted_one(len(right), name)}"
        if not total:
            return words
        return f"{look_around(scene, [name], SIDES)}{words} is {self.counted_one(len(left + right), name)}"

    def counted_one(self, count: int, name: str) -> str:
        """one dog, two dogs; one pair of skis"""
        return f"{NUMBERS[count]} {a(name).split(' ', 1)[1] if count == 1 else self.plural(name)}"
