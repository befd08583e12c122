"""Ablations of the lecture's claim: is what was read in text alone used in front of a picture?

"What is unusual here?" about objects whose facts no picture ever taught ("unusual new"). Were the language model not
what knows, taking its reading away would change nothing; were the picture not what is asked about, neither would hiding
it. So the same chain is trained and scored again

- without language pretraining: stages 1 and 2 start from random weights;
- with the facts removed from the running text;
- as it is, but every picture shows nothing but grey: the blind baseline.

Beside that: what it answers after stage 1 alone, which trained the projector and asked no question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vlmcore.assistant import Assistant, load
from vlmcore.evaluation.benchmark import benchmark, evaluate
from vlmcore.recipes.llava import AFTER_STAGE1, train
from vlmcore.recipes.llava_presets import Preset
from vlmcore.scenes.world import World
from vlmcore.training.schedule import Schedule

WHOLE, UNREAD, NO_FACTS = "whole", "no-pretraining", "no-facts"


def ablations(preset: Preset, folder: Path, per_task: int, seed: int) -> dict[str, dict[str, float]]:
    """{model: {task: score}}. What is already trained in ``folder`` is not trained again. Three trainings in all."""
    presets = {
        WHOLE: preset,
        UNREAD: replace(preset, language=Schedule(steps=0)),
        NO_FACTS: replace(preset, facts=0.0),
    }
    trained = {name: train(changed, folder / name, resume=True) for name, changed in presets.items()}
    world = World(preset.objects)
    items = benchmark(world, per_task, seed)

    def scores(assistant: Assistant, blind: bool = False) -> dict[str, float]:
        def answer_all(questions: Sequence) -> list[str]:
            if blind:
                questions = [(np.full_like(picture, 128), *rest) for picture, *rest in questions]
            return assistant.answer_all(questions)

        return evaluate(answer_all, items, world)

    return {
        "after stage 2": scores(trained[WHOLE]),
        "after stage 1 alone": scores(load(folder / WHOLE / AFTER_STAGE1)),
        "no language pretraining": scores(trained[UNREAD]),
        "facts removed": scores(trained[NO_FACTS]),
        "blind baseline": scores(trained[WHOLE], blind=True),
    }
