"""How large and how long: the named presets of `vlmcore train`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from vlmcore.data.mix import SHORT_MIX, TASK_WEIGHTS
from vlmcore.data.wording import CELLS
from vlmcore.train import Schedule
from vlmcore.transformer import TransformerConfig
from vlmcore.vision import VisionConfig


@dataclass(frozen=True)
class Preset:
    """Sizes and schedules of the whole chain."""

    objects: int = 48  # how many rows of data/objects.csv
    vocabulary: int = 2048
    vision: VisionConfig = field(default_factory=VisionConfig)
    language: TransformerConfig = field(
        default_factory=lambda: TransformerConfig(
            width=192, layers=5, heads=6, kv_heads=6, hidden=512, rope_theta=500_000.0
        )
    )
    scenes: int = 12_000  # pictures whose features the two stages of LLaVA share
    pictures_per_step: int = 128  # contrastive batch
    rows: int = 16  # of the language model's batches, and of stage 2's
    caption_rows: int = 8  # of stage 1's: small batches, more steps
    text_rows: int = 8  # of batches whose running text (an eighth of them) stage 2 repeats
    length: int = 128  # tokens a row
    facts: float = 0.8  # share of the running text; the rest is English
    eyes: Schedule = Schedule(steps=360, lr=1e-2)  # contrastive pretraining
    reading: Schedule = Schedule(steps=560, lr=6e-3, warmup=0.05)  # language model pretraining
    align: Schedule = Schedule(steps=250, lr=2e-2)  # stage 1
    tune: Schedule = Schedule(steps=1000, lr=4e-3)  # stage 2
    asked: dict[str, float] = field(default_factory=lambda: SHORT_MIX)  # in stage 2: task → how often
    seed: int = 0

    def __post_init__(self) -> None:
        grid = self.vision.grid
        assert grid == CELLS, (
            f"the encoder cuts pictures into {grid}×{grid} patches, word maps have {CELLS}×{CELLS} cells"
        )


CPU = Preset()
FULL = replace(
    CPU,
    objects=96,
    scenes=40_000,
    caption_rows=16,
    text_rows=16,
    eyes=Schedule(steps=1500, lr=1e-2),
    reading=Schedule(steps=1800, lr=6e-3, warmup=0.05),
    align=Schedule(steps=400, lr=2e-2),
    tune=Schedule(steps=6500, lr=4e-3),
    asked=TASK_WEIGHTS,
)
GPU = replace(FULL, rows=64, caption_rows=64, text_rows=64, pictures_per_step=512, scenes=200_000)

PRESETS = {"cpu": CPU, "full": FULL, "gpu": GPU}
