"""Thinking aloud: what an answer says to itself before it answers, up to a colon. Thoughts are not scored.

The question generator writes them in four forms, and a model that learned from it does too:

- going through the places: "top-left dog one top no … bottom-right dog two: two" (CogVLM: with the boxes it will give);
- pointing: "the dog is nowhere: no";
- what belongs where: "on the left is a fox that belongs in the forest not here, …: the fox, because …";
- naming before knowing: "a dog: it barks".

Any other colon is the answer's own: "the sign says: stop" has no thoughts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from vlmcore.scenes.backgrounds import IN_PLACE
from vlmcore.scenes.grounding import box_text, relative
from vlmcore.scenes.position import IN_POSITION, POSITIONS, in_order, position
from vlmcore.scenes.scene import Scene, Thing
from vlmcore.scenes.wording import NUMBERS, a, the

_POSITIONS, _IN_POSITION, _IN_PLACE = ("|".join(words) for words in (POSITIONS, IN_POSITION, IN_PLACE.values()))
THOUGHTS = re.compile(
    rf"(?:{_POSITIONS}) .*?(?=: )"  # going through the places
    rf"|the [^:]*? (?:is|are) (?:{_IN_POSITION}|nowhere|everywhere)(?=: )"  # pointing
    rf"|(?:{_IN_POSITION}) is [^:]*? that belongs .*?(?=: )"  # what belongs where
    rf"|an? [^:]*?(?=: (?:it |{_IN_PLACE}))"  # naming before knowing
)


def look_around(
    scene: Scene,
    counted: Collection[str],
    positions: Sequence[int] = range(9),
    hidden: Sequence[Thing] = (),
    boxed: Collection[str] = (),
) -> str:
    """Going through the positions before a number or a box is given: "top-left dog one top no top-right cat …: ".

    Not scored. Each step is a look at one ninth of the picture, which is soon learned. Things with one of the names
    that are ``counted`` are numbered, so that the last number is the answer; what is ``hidden`` is said to be; those
    that are ``boxed`` have their boxes beside them, where no other of their name is meant.
    """
    there: dict[int, list[Thing]] = {index: [] for index in positions}
    for thing in in_order(scene):
        there.setdefault(position(thing, scene), []).append(thing)
    so_far, steps = 0, []
    for index in positions:
        steps.append(POSITIONS[index])
        for thing in there[index]:
            so_far += thing.name in counted
            number = [NUMBERS[so_far]] if thing.name in counted else []
            box = [box_text([relative(thing, scene)])] if thing.name in boxed else []
            steps += [thing.name, *number, *(["hidden"] if thing in hidden else []), *box]
        if not there[index]:
            steps.append("no")
    return " ".join(steps) + ": "


def point(scene: Scene, name: str) -> str:
    """Where a thing is, before it is said whether there is one: "the dog is nowhere: ". Not scored, as above."""
    things = [thing for thing in in_order(scene) if thing.name == name]
    where = IN_POSITION[position(things[0], scene)] if things else "nowhere"
    return f"{the(name)} {'everywhere' if scene.kind == 'shape' and things else where}: "


def belongs(where: str, name: str, home: str, here: str) -> str:
    """What is thought about one thing of a picture: "on the left is a fox that belongs in the forest not here"."""
    return f"{where} is {a(name)} that belongs {home} {'as' if home == here else 'not'} here"


def split_thoughts(text: str) -> tuple[str, str]:
    """What an answer thinks aloud, and what it then says; ("", text) for an answer without thoughts."""
    found = THOUGHTS.match(text)
    return (found[0], text[found.end() + 2 :]) if found else ("", text)
