"""How things are said: articles, lists, numbers, places, coordinates, and a whole scene as a map of words."""

from __future__ import annotations

from vlmcore.data.world import SLOTS, Scene, Thing

NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
IN_SLOT = (
    "in the top-left", "at the top", "in the top-right",
    "on the left", "in the middle", "on the right",
    "in the bottom-left", "at the bottom", "in the bottom-right",
)  # fmt: skip
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
    return f"{min(round(value * 1000 / PRECISION) * PRECISION, 1000 - PRECISION):03d}"


def box_text(boxes: list[Box]) -> str:
    """CogVLM's grounding format: [[x0,y0,x1,y1]], thousandths of the picture, several boxes joined by ;."""
    return "[[" + ";".join(",".join(number(value) for value in box) for box in boxes) + "]]"


def relative(thing: Thing, scene: Scene) -> Box:
    width, height = scene.size
    x0, y0, x1, y1 = thing.box
    return x0 / width, y0 / height, x1 / width, y1 / height


def aloud(things: list[Thing]) -> str:
    """Counting aloud before the number: "one in the top-left, two on the right: ". Not scored, but it helps."""
    slots = [thing.slot for thing in things if thing.slot is not None]
    return ", ".join(f"{NUMBERS[n]} {IN_SLOT[slot]}" for n, slot in enumerate(slots, 1)) + ": " if slots else ""


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
