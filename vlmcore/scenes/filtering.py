"""Garbage in, garbage out: which generated questions and answers to keep.

A language model that has never seen the picture makes things up, loses the form, or gives the game away ("the caption
says"). Some of that shows in the text alone, some only beside the picture's annotations. Each rule says what it found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from vlmcore.scenes.backgrounds import IN_PLACE
from vlmcore.scenes.exchange import Exchange
from vlmcore.scenes.scene import Scene
from vlmcore.scenes.thoughts import split_thoughts
from vlmcore.scenes.wording import NUMBERS
from vlmcore.scenes.world import World

LONGEST = 120  # an answer of more words is thrown away: no question of ours needs so many
GIVEAWAYS = ("caption", "bounding box", "coordinates provided", "as an ai", "i cannot see", "the text says")


def mentioned(text: str, world: World) -> set[str]:
    """The names of the world's objects that a text mentions, in singular or plural. A hot dog is no dog."""
    forms = {form: name for name, item in world.objects.items() for form in (name, item.plural)}
    longest_first = "|".join(sorted(forms, key=len, reverse=True))
    return {forms[form] for form in re.findall(rf"\b(?:{longest_first})\b", text.lower())}


def problems(exchange: Exchange, scene: Scene, world: World) -> list[str]:
    """Why this question and answer should not be learned from; [] where nothing speaks against it."""
    question, answer = exchange.question.strip(), exchange.answer.strip()
    if not question or not answer:
        return ["empty"]
    found, low = [], answer.lower()
    if len(answer.split()) > LONGEST:
        found.append(f"longer than {LONGEST} words")
    found += [f"gives the game away: {words!r}" for words in GIVEAWAYS if words in low]
    words = low.split()
    if any(words[n : n + k] == words[n + k : n + 2 * k] for k in range(3, 9) for n in range(len(words) - 2 * k + 1)):
        found.append("repeats itself")
    there = {thing.name for thing in scene.things} - {"plus"}
    said = split_thoughts(low)[1]
    denied = said.startswith(("no", "none", "nothing"))
    asked = mentioned(question, world)
    colours = {item.colour for item in world.objects.values()}
    invented = mentioned(answer, world) - there - asked
    if invented and not denied and said not in colours:  # a colour may be named like a fruit
        found.append(f"mentions what is not there: {', '.join(sorted(invented))}")
    if len(asked) == 1:
        (name,) = asked
        if said == "yes" and name not in there:
            found.append(f"says yes, but there is no {name}")
        if said == "no" and name in there:
            found.append(f"says no, but there is a {name}")
        if said in NUMBERS and NUMBERS.index(said) != len(scene.named(name)):
            found.append(f"counts {said}, there are {NUMBERS[min(len(scene.named(name)), len(NUMBERS) - 1)]}")
    places = [place for place, phrase in IN_PLACE.items() if said == phrase or said.startswith(f"{phrase},")]
    if places and scene.place and scene.place not in places and ("background" in question.lower() or "," in said):
        found.append(f"says {IN_PLACE[places[0]]}, it is {IN_PLACE[scene.place]}")
    return found


def keep(
    exchanges: Iterable[tuple[Scene, Exchange]], world: World
) -> tuple[list[tuple[Scene, Exchange]], dict[str, int]]:
    """What no rule speaks against, and how often each kind of problem was found."""
    kept, counts = [], {}
    for scene, exchange in exchanges:
        found = problems(exchange, scene, world)
        if not found:
            kept.append((scene, exchange))
        for text in found:
            kind = text.split(":")[0].split(",")[0]
            counts[kind] = counts.get(kind, 0) + 1
    return kept, counts
