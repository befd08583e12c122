"""The smallest run that has every part of a real one: seconds, not minutes. Its answers are nonsense."""

from __future__ import annotations

from pathlib import Path

import torch

from vlmcore.models.config import TransformerConfig, encoder_config
from vlmcore.models.vision import VisionConfig, VisionEncoder
from vlmcore.recipes.cogvlm import CogVLMRecipe
from vlmcore.recipes.cogvlm_presets import CogVLMPreset
from vlmcore.recipes.llava import train
from vlmcore.recipes.llava_presets import Preset
from vlmcore.training.schedule import Schedule

SCHEDULE = Schedule(steps=3, save_seconds=0)
SEEING = encoder_config(width=16, layers=1, heads=2, intermediate_size=16)
TINY = Preset(
    objects=24,  # one of them is held out
    vocabulary=800,
    vision_model=VisionConfig(stem=(4, 8, 16), transformer=SEEING),
    language_model=TransformerConfig(width=16, layers=1, heads=2, kv_heads=2, intermediate_size=16),
    scenes=64,
    pictures_per_step=8,
    rows=2,
    stage1_rows=2,
    length=128,
    language=SCHEDULE,
    vision=SCHEDULE,
    stage1=SCHEDULE,
    stage2=SCHEDULE,
)
TINY_EYES = VisionConfig(patch=1, stem=(4, 8, 16), transformer=SEEING)  # 8 × 8 patches
TINY_COGVLM = CogVLMPreset(
    objects=24,
    vocabulary=800,
    language_model=TransformerConfig(width=16, layers=2, heads=2, kv_heads=2, intermediate_size=16),
    scenes=48,
    maps_per_step=4,
    rows=2,
    length=160,
    language=SCHEDULE,
    captions=SCHEDULE,
    grounding=SCHEDULE,
    instructions=SCHEDULE,
)


def train_tiny(folder: Path, resume: bool) -> None:
    train(TINY, folder, resume)


def tiny_eyes() -> VisionEncoder:
    """Always the same; they have learned nothing."""
    torch.manual_seed(5)
    return VisionEncoder(TINY_EYES)


def train_tiny_cogvlm(folder: Path, resume: bool) -> None:
    with CogVLMRecipe(TINY_COGVLM, folder, tiny_eyes(), resume) as recipe:
        recipe.connect(recipe.language())
