"""The recipe of CodeGeeX: one stage, the next token of code.

::

    the standard library's Python ──────────────┐
    a sentence ─► the function that it describes ├─► "code"
    Java ─► Python, and back ───────────────────┘

Published: 850 billion tokens of 23 languages, then fine-tuned to translate. Here both at once, from the start.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

import torch
from torch import Tensor

from vlmcore.batches.code import WRITERS, CodeBatches, either
from vlmcore.coder import Coder
from vlmcore.device import pick_device
from vlmcore.models.codegeex import CodeGeeX
from vlmcore.programs.described import described
from vlmcore.programs.generator import held_out
from vlmcore.recipes.codegeex_presets import CodeGeeXPreset
from vlmcore.text import python_source
from vlmcore.text.code_text import CodeText
from vlmcore.text.code_tokenizer import train_code_tokenizer
from vlmcore.text.packing import Batch
from vlmcore.training.losses import answer_loss, supervised
from vlmcore.training.run import Run

PROGRAMS = 2000  # of each family that the tokenizer is trained on
CHARACTERS = 1_500_000  # of the library


def tokenizer_corpus(seed: int) -> Iterator[str]:
    """What the tokenizer is trained on: programs in both languages, sentences, and a part of the library."""
    random = Random(f"code tokenizer {seed}")
    for _ in range(PROGRAMS):
        made, told = either(random), described(random)
        if not held_out(made):
            yield from (write(made) for write in WRITERS.values())
        if not held_out(told.program):
            yield "".join(told.python())
    left = CHARACTERS
    for name, source in python_source.modules().items():
        if left > 0 and not python_source.held_out(name):
            yield source[:left]
            left -= len(source)


def code_loss(model: CodeGeeX, batch: Batch) -> Tensor:
    """The mean negative log-likelihood of a packed batch's supervised tokens."""
    positions, labels = supervised(batch)
    logits = model(batch.ids, positions=batch.positions, mask=batch.mask, logit_positions=positions)
    return answer_loss(logits, labels)


def train(preset: CodeGeeXPreset, folder: Path, resume: bool = False) -> Coder:
    """The coder is left in ``folder``. Errors: VlmError, as ``Run``."""
    device = pick_device()
    tokenizer = train_code_tokenizer(tokenizer_corpus(preset.seed), preset.model.vocabulary)
    settings = {
        "preset": dataclasses.asdict(preset),
        "texts": sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest(),
    }
    with Run(folder, settings, device, resume) as run:
        print(f"Training in {folder} on {device}")
        torch.manual_seed(preset.seed)
        model = CodeGeeX(preset.model).to(device.device)
        batches = CodeBatches(CodeText(tokenizer), preset.rows, preset.length, preset.seed, dict(preset.mix))

        def losses(batch: Batch) -> dict[str, Tensor]:
            return {"code": code_loss(model, batch.to(device.device))}

        run.stage("code", model, batches, losses, preset.code, keep=model)
        coder = Coder(model, tokenizer, {"seed": preset.seed})
        coder.save(folder)
    return coder
