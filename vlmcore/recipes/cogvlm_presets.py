"""How large and how long: the named presets of `vlmcore train --model cogvlm`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from vlmcore.models.config import TransformerConfig
from vlmcore.scenes.mix import TASK_WEIGHTS
from vlmcore.training.schedule import Schedule

# What the language model is asked about word maps, and CogVLM about pictures: LLaVA's questions and its own.
ASKED = TASK_WEIGHTS | {"grounded_caption": 4, "find": 4, "region": 3, "explain": 5, "kind": 3}
# CogVLM's second stage: captions with boxes, phrases → boxes, boxes → captions.
GROUNDING = {"caption": 1.0, "grounded_caption": 2.0, "find": 2.0, "box": 2.0, "region": 2.0}
CAPTIONS = {"caption": 1.0, "describe": 1.0}  # the first stage's


@dataclass(frozen=True)
class CogVLMPreset:
    """Sizes of the models and of the data, and a schedule for each of the four stages."""

    objects: int = 48  # how many rows of data/objects.csv
    vocabulary: int = 2048
    language_model: TransformerConfig = field(
        default_factory=lambda: TransformerConfig(
            width=192, layers=5, heads=6, kv_heads=6, intermediate_size=512, rope_theta=500_000.0
        )
    )
    language: Schedule = Schedule(steps=1600, lr=6e-3, warmup=0.05)  # long: nothing changes it later
    captions: Schedule = Schedule(steps=200, lr=4e-3)
    grounding: Schedule = Schedule(steps=400, lr=4e-3)
    instructions: Schedule = Schedule(steps=600, lr=4e-3)
    scenes: int = 12_000  # pictures whose features the experts' stages share
    maps_per_step: int = 32  # of the word maps that the adapter learns to write beside
    rows: int = 16  # of the language model's batches, and of the experts'
    length: int = 160  # tokens a row: boi, 64 patches or a word map's 64 cells, eoi, and about two questions
    facts: float = 0.8  # share of the running text; the rest is English
    seed: int = 0


CPU = CogVLMPreset()
FULL = replace(
    CPU,
    objects=139,
    language=Schedule(steps=8000, lr=6e-3, warmup=0.01),  # a longer warm-up would outlast the easy beginning
    captions=Schedule(steps=1000, lr=4e-3),
    grounding=Schedule(steps=1000, lr=4e-3),
    instructions=Schedule(steps=5000, lr=4e-3),
    scenes=60_000,
)

# For each of the models that evaluation/expert_ablations.py compares; all begin from one trained language model.
ABLATION = replace(
    CPU,
    objects=139,
    captions=Schedule(steps=100, lr=4e-3),
    grounding=Schedule(steps=150, lr=4e-3),
    instructions=Schedule(steps=300, lr=4e-3),
)

PRESETS = {"cpu": CPU, "full": FULL}
