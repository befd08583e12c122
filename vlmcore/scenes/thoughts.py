"""Thinking aloud: what an answer says to itself before it answers, up to a colon. Thoughts are not scored.

The question generator writes them in four forms, and a model that learned from it does too:

- going through the places: "top-left dog one top no … bottom-right dog two: two";
- pointing: "the dog is nowhere: no";
- what belongs where: "on the left is a fox that belongs in the forest not here, …: the fox, because …";
- naming before knowing: "a dog: it barks".

Any other colon is the answer's own: "the sign says: stop" has no thoughts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vlmcore.scenes.backgrounds import IN_PLACE
from vlmcore.scenes.scene import SLOTS, Scene, in_order
from vlmcore.scenes.wording import IN_SLOT, NUMBERS, a

_SLOTS, _IN_SLOT, _IN_PLACE = ("|".join(words) for words in (SLOTS, IN_SLOT, IN_PLACE.values()))
THOUGHTS = re.compile(
    rf"(?:{_SLOTS}) .*?(?=: )"  # going through the places
    rf"|the [^:]*? is (?:{_IN_SLOT}|nowhere|everywhere)(?=: )"  # pointing
    rf"|(?:{_IN_SLOT}) is [^:]*? that belongs .*?(?=: )"  # what belongs where
    rf"|an? [^:]*?(?=: (?:it |{_IN_PLACE}))"  # naming before knowing
)


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
    """What an answer thinks aloud, and what it then says; ("", text) for an answer without thoughts."""
    found = THOUGHTS.match(text)
    return (found[0], text[found.end() + 2 :]) if found else ("", text)
