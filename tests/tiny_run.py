"""The smallest run that has every part of a real one: seconds, not minutes. Its answers are nonsense."""

from __future__ import annotations

from pathlib import Path

from vlmcore.pipeline import train
from vlmcore.presets import Preset
from vlmcore.train import Schedule
from vlmcore.transformer import TransformerConfig
from vlmcore.vision import VisionConfig

SCHEDULE = Schedule(steps=3, save_every=1)
EYES = TransformerConfig(
    width=16, layers=1, heads=2, kv_heads=2, hidden=16, activation="gelu", norm="layer", bias=True, rope_theta=None
)
TINY = Preset(
    objects=24,  # the first ones whose last eight are held out
    vocabulary=800,
    vision=VisionConfig(stem=(4, 8, 16), transformer=EYES),
    language=TransformerConfig(width=16, layers=1, heads=2, kv_heads=2, hidden=16),
    scenes=64,
    pictures_per_step=8,
    rows=2,
    caption_rows=2,
    length=128,
    eyes=SCHEDULE,
    reading=SCHEDULE,
    align=SCHEDULE,
    tune=SCHEDULE,
)


def train_tiny(folder: Path, resume: bool) -> None:
    train(TINY, folder, resume)
