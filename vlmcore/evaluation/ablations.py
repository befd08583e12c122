"""Ablations of the claim: is what was read in text alone used in front of a picture?

"What is unusual here?" about objects whose facts no picture ever taught ("unusual new"). Were the language model not
what knows, taking its reading away would change nothing; were the picture not what is asked about, neither would hiding
it. So the same chain is trained and scored again

- without text in stage 2: what was read is not repeated;
- without language pretraining: stages 1 and 2 start from random weights;
- with all facts removed from the running text;
- with the facts of the held-out objects removed: what is left are their pictures alone;
- as it is, but every picture shows nothing but grey: the blind baseline;
- after stage 1 alone, which trained the projector and asked no question.

Each with several seeds. Nothing of this changes eyes, so all have those of one trained assistant, and stage 2 asks
about little else than what is unusual (recipes/llava_presets.py, ABLATION). That the training pictures do not tell by
themselves where a held-out object belongs, because it stood here more often than there, is counted (``stood``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from vlmcore.assistant import Assistant, load
from vlmcore.evaluation.benchmark import CLAIM, benchmark, evaluate, paint_all
from vlmcore.evaluation.robustness import blind
from vlmcore.models.llava import LLaVA
from vlmcore.recipes.llava import AFTER_STAGE1, LLaVARecipe
from vlmcore.recipes.llava_presets import Preset
from vlmcore.scenes.scene import Scene
from vlmcore.scenes.world import World
from vlmcore.training.schedule import Schedule

WHOLE = "whole"


def variants(preset: Preset) -> dict[str, Preset]:
    """The trainings to compare, by name."""
    return {
        WHOLE: preset,
        "no text in stage 2": replace(preset, text_rows=0),
        "no language pretraining": replace(preset, language=Schedule(steps=0)),
        "facts removed": replace(preset, facts=0.0),
        "pictures alone": replace(preset, unread=True),
    }


def ablations(
    eyes: LLaVA, preset: Preset, folder: Path, per_task: int, seed: int, seeds: Sequence[int] = (0, 1)
) -> dict[str, list[dict[str, float]]]:
    """{model: scores by task, one for each of ``seeds``}. What is trained in ``folder`` is not trained again.

    Five trainings for each seed, which share what they can: all of them the encoder of ``eyes``, and the language model
    where its pretraining is the same. ``seed`` is that of the held-out scenes, the same for all.
    """
    world = World(preset.objects)
    items = benchmark(world, per_task, seed, tasks=(*preset.asked, CLAIM))
    pictures = paint_all(world, items)
    found: dict[str, list[dict[str, float]]] = {}

    def add(name: str, assistant: Assistant, hidden: bool = False) -> None:
        answer_all = blind(assistant.answer_all) if hidden else assistant.answer_all
        found.setdefault(name, []).append(evaluate(answer_all, items, pictures))

    for number in seeds:
        shared: dict[tuple[Schedule, float, bool], LLaVA] = {}  # language models, by what their pretraining followed
        encoded = None  # the scenes and their Z_v: the same for all
        for name, changed in variants(replace(preset, seed=preset.seed + number)).items():
            place = folder / f"{name.replace(' ', '-')}-{number}"
            pretraining = (changed.language, changed.facts, changed.unread)
            with LLaVARecipe(changed, place, resume=True) as recipe:
                if pretraining not in shared:
                    shared[pretraining] = recipe.language()
                encoded = encoded or recipe.features(recipe.join(shared[pretraining], eyes))
                assistant = recipe.connect(shared[pretraining], eyes, encoded)
            add(name, assistant)
            if name == WHOLE:
                add("blind baseline", assistant, hidden=True)
                add("after stage 1 alone", load(place / AFTER_STAGE1))
    return found


def stood(world: World, scenes: Iterable[Scene]) -> dict[str, Counter[str]]:
    """How often each held-out object stood in each place: {name: {place: pictures}}."""
    found: dict[str, Counter[str]] = {name: Counter() for name in world.names if world.held_out(name)}
    for scene in scenes:
        for name in {thing.name for thing in scene.things} & set(found):
            found[name][scene.place or "no place"] += 1
    return found
