"""How things are said: articles, lists, numbers, places, coordinates, and a whole scene as a map of words."""

from __future__ import annotations

from collections.abc import Sequence

from vlmcore.data.scene import SLOTS, Scene, Thing

NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
IN_SLOT = (
    "in the top-left", "at the top", "in the top-right",
    "on the left", "in the middle", "on the right",
    "in the bottom-left", "at the bottom", "in the bottom-right",
)  # fmt: skip
SIDES = (0, 3, 6, 2, 5, 8)  # the slots of a sum: left of the plus sign, then right of it
CELLS = 4  # cells a side of a word map, as many as the vision encoder's patches
PLURALS = {"person": "people", "mouse": "mice", "knife": "knives"} | {n: n for n in ("sheep", "skis", "scissors")}
PRECISION = 40  # coordinates are told in thousandths of the picture, rounded to this

Box = tuple[float, float, float, float]  # x0, y0, x1, y1


def a(name: str) -> str:
    """dog → a dog, apple → an apple."""
    return f"{'an' if name[0] in 'aeiou' and not name.startswith('uni') else 'a'} {name}"


def join(parts: list[str]) -> str:
    """[a, b, c] → "a, b and c"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def number(value: float) -> str:
    """A coordinate relative to the picture (0 to 1) in CogVLM's three digits: 0.341 → 360."""
    return f"{scale_index(value) * PRECISION:03d}"


def scale_index(value: float) -> int:
    """Which of the scale's numbers is nearest to a coordinate (0 to 1); the last stands for the far edge too."""
    return min(round(value * 1000 / PRECISION), 1000 // PRECISION - 1)


def box_text(boxes: list[Box]) -> str:
    """CogVLM's grounding format: [[x0,y0,x1,y1]], thousandths of the picture, several boxes joined by ;."""
    return "[[" + ";".join(",".join(number(value) for value in box) for box in boxes) + "]]"


def located(things: list[Thing], scene: Scene) -> str:
    """Boxes behind the words for their places: "at the top [[360,000,640,280]] and on the right [[…]]".

    Where to look is settled before the first number. Photos have no such places: bare boxes.
    """
    boxes = [relative(thing, scene) for thing in things]
    if any(thing.slot is None for thing in things):
        return box_text(boxes)
    return join([f"{IN_SLOT[thing.slot]} {box_text([box])}" for thing, box in zip(things, boxes, strict=True)])


def relative(thing: Thing, scene: Scene) -> Box:
    width, height = scene.size
    x0, y0, x1, y1 = thing.box
    return x0 / width, y0 / height, x1 / width, y1 / height


def look_around(scene: Scene, counted: str, slots: Sequence[int] = range(9)) -> str:
    """Going through the places before a number is given: "top-left dog one top no top-right cat left dog two …: ".

    The same thoughts before every count and sum, not scored. Each step is a look at one place, which is soon learned;
    what is ``counted`` is numbered, so that the last number is the answer. Photos have no such places.
    """
    if scene.kind == "coco":
        return ""
    names, so_far, steps = {thing.slot: thing.name for thing in scene.things}, 0, []
    for slot in slots:
        name = names.get(slot, "no")
        so_far += name == counted
        steps.append(f"{SLOTS[slot]} {name} {NUMBERS[so_far]}" if name == counted else f"{SLOTS[slot]} {name}")
    return " ".join(steps) + ": "


def point(scene: Scene, name: str) -> str:
    """Where a thing is, before it is said whether there is one: "the dog is nowhere: ". Not scored, as above."""
    if scene.kind == "coco":
        return ""
    places = [
        IN_SLOT[thing.slot] if thing.slot is not None else "everywhere"
        for thing in in_order(scene)
        if thing.name == name
    ]
    return f"the {name} is {places[0] if places else 'nowhere'}: "


def belongs(where: str, name: str, home: str, here: str) -> str:
    """What is thought about one thing of a picture: "on the left is a fox that belongs in the forest not here"."""
    return f"{where} is {a(name)} that belongs {home} {'as' if home == here else 'not'} here"


def split_thoughts(text: str) -> tuple[str, str]:
    """What an answer thinks aloud, up to its last colon, and what it then says."""
    thoughts, _, said = text.rpartition(": ")
    return thoughts, said


def stands(thing: Thing) -> str:
    return f"the {thing.name} is {IN_SLOT[thing.slot]}"


def in_order(scene: Scene) -> list[Thing]:
    """Things in reading order: by slot where there is one, else from top to bottom."""
    return sorted(scene.things, key=lambda t: (t.slot, 0) if t.slot is not None else (t.box[1], t.box[0]))


def word_map(scene: Scene) -> tuple[list[list[str]], list[Box | None]]:
    """The scene as a 4×4 grid: each cell's words, and the box of what stands there.

    Each thing is named once, where its centre is, with its slot; every other cell names the place and has no box.
    """
    width, height = scene.size
    cells = [[scene.place or "nothing"] for _ in range(CELLS * CELLS)]
    boxes: list[Box | None] = [None] * (CELLS * CELLS)
    for thing in scene.things:
        x, y = thing.centre
        cell = min(int(y / height * CELLS), CELLS - 1) * CELLS + min(int(x / width * CELLS), CELLS - 1)
        cells[cell] = [thing.name, *([SLOTS[thing.slot]] if thing.slot is not None else [])]
        boxes[cell] = relative(thing, scene)
    return cells, boxes
