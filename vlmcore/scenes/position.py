"""Where a thing is, in words: a picture has nine positions, and a thing's centre lies in one of them.

Design choices:
- a position follows from a box alone, so photos have positions too;
- a centre near a line between two positions is a matter of opinion: such a thing is not ``clear``, and nobody is asked
  where it is;
- a position is ``settled`` when one clear thing is there and nothing else is near: then it may be asked what is there.
"""

from __future__ import annotations

from vlmcore.scenes.scene import Scene, Thing

POSITIONS = ("top-left", "top", "top-right", "left", "middle", "right", "bottom-left", "bottom", "bottom-right")
IN_POSITION = (
    "in the top-left", "at the top", "in the top-right",
    "on the left", "in the middle", "on the right",
    "in the bottom-left", "at the bottom", "in the bottom-right",
)  # fmt: skip
MARGIN = 0.05  # of the picture's side: nearer than this to a line, a centre is a matter of opinion


def position(thing: Thing, scene: Scene) -> int:
    """The index into POSITIONS of where a thing's centre lies."""
    column, row = (min(int(3 * value / side), 2) for value, side in zip(thing.centre, scene.size, strict=True))
    return 3 * row + column


def near(thing: Thing, scene: Scene, index: int) -> bool:
    """Does a thing's centre lie in a position, or so close to it that some would say it does?"""
    for value, side, third in zip(thing.centre, scene.size, (index % 3, index // 3), strict=True):
        if not third / 3 - MARGIN < value / side < (third + 1) / 3 + MARGIN:
            return False
    return True


def clear(thing: Thing, scene: Scene) -> bool:
    """Would everybody say the same about where this thing is?"""
    return all(
        abs(value / side - line) >= MARGIN
        for value, side in zip(thing.centre, scene.size, strict=True)
        for line in (1 / 3, 2 / 3)
    )


def settled(thing: Thing, scene: Scene) -> bool:
    """Is this thing clearly where it is, and clearly alone there?"""
    here = position(thing, scene)
    return clear(thing, scene) and all(other is thing or not near(other, scene, here) for other in scene.things)


def in_order(scene: Scene) -> list[Thing]:
    """Things in reading order: by position, within one from left to right."""
    return sorted(scene.things, key=lambda thing: (position(thing, scene), thing.centre))
