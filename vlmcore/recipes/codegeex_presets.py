"""How large and how long: the named presets of `vlmcore train --model codegeex`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from vlmcore.models.codegeex import codegeex_config
from vlmcore.models.language import LanguageConfig
from vlmcore.training.schedule import Schedule

MIX = {"translation": 0.6, "described": 0.2, "source": 0.2}  # documents; those of source are the longest


@dataclass(frozen=True)
class CodeGeeXPreset:
    """Sizes of the model, and a schedule."""

    model: LanguageConfig = field(default_factory=lambda: codegeex_config(160, 5, 5, 640, 2048))
    code: Schedule = Schedule(steps=1500, lr=5e-3)
    rows: int = 8
    length: int = 512  # tokens a row: a program and its translation have some 240
    mix: tuple[tuple[str, float], ...] = tuple(MIX.items())
    seed: int = 0


CPU = CodeGeeXPreset()
FULL = replace(CPU, model=codegeex_config(224, 6, 7, 640, 2048), code=Schedule(steps=7000, lr=5e-3))
PRESETS = {"cpu": CPU, "full": FULL}
