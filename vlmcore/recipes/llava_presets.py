"""How large and how long: the named presets of `vlmcore train`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from vlmcore.models.config import TransformerConfig, encoder_config
from vlmcore.models.vision import VisionConfig
from vlmcore.scenes.mix import CLAIM_MIX, SHORT_MIX, TASK_WEIGHTS
from vlmcore.scenes.word_map import CELLS
from vlmcore.training.schedule import Schedule


@dataclass(frozen=True)
class Preset:
    """Sizes of the models and of the data, and a schedule for each of the four stages."""

    objects: int = 48  # how many rows of data/objects.csv
    vocabulary: int = 2048
    vision_model: VisionConfig = field(
        default_factory=lambda: VisionConfig(
            patch=1,
            merge=2,
            stem=(16, 64, 128),
            transformer=encoder_config(width=192, layers=2, heads=6, intermediate_size=768),
        )
    )
    language_model: TransformerConfig = field(
        default_factory=lambda: TransformerConfig(
            width=192, layers=5, heads=6, kv_heads=6, intermediate_size=512, rope_theta=500_000.0
        )
    )
    language: Schedule = Schedule(steps=480, lr=6e-3, warmup=0.05)
    vision: Schedule = Schedule(steps=700, lr=1e-2)
    stage1: Schedule = Schedule(steps=200, lr=2e-2)
    stage2: Schedule = Schedule(steps=550, lr=4e-3)
    scenes: int = 20_000  # pictures whose features stages 1 and 2 share
    pictures_per_step: int = 64  # of the contrastive batches
    maps_per_step: int = 128  # of stage 1's word maps
    rows: int = 16  # of the language model's batches, and of stage 2's
    stage1_rows: int = 8  # small batches leave time for more steps
    text_rows: int = 8  # of batches whose running text (an eighth of them) stage 2 repeats; 0: it reads none
    length: int = 128  # tokens a row
    facts: float = 0.8  # share of the running text; the rest is English
    unread: bool = False  # leave out the facts of the held-out objects: nothing is then known of them (ablations)
    asked: dict[str, float] = field(default_factory=lambda: SHORT_MIX)  # in stage 2: task → how often
    seed: int = 0

    def __post_init__(self) -> None:
        grid = self.vision_model.token_grid
        assert grid == CELLS, f"the encoder gives {grid}×{grid} tokens, word maps have {CELLS}×{CELLS} cells"


CPU = Preset()
FULL = replace(
    CPU,
    objects=139,
    vision_model=VisionConfig(patch=1, merge=2, stem=(32, 64, 192)),
    language=Schedule(steps=1800, lr=6e-3, warmup=0.05),
    vision=Schedule(steps=3600, lr=1e-2),
    stage1=Schedule(steps=400, lr=2e-2),
    stage2=Schedule(steps=5000, lr=4e-3),
    scenes=60_000,
    pictures_per_step=128,
    stage1_rows=16,
    text_rows=16,
    asked=TASK_WEIGHTS,
)
GPU = replace(FULL, rows=64, stage1_rows=64, text_rows=64, pictures_per_step=512, maps_per_step=512, scenes=200_000)
# For each of the ten trainings of evaluation/ablations.py, which have their eyes from a model of the preset FULL.
ABLATION = replace(CPU, vision_model=FULL.vision_model, asked=CLAIM_MIX)

PRESETS = {"cpu": CPU, "full": FULL, "gpu": GPU}
