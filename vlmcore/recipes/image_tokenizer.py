"""The recipe of an image tokenizer: from pictures alone, by giving them back. Both published ways.

::

    VQ-VAE (CogView)   mean squared error + commitment; the codebook moves by averages, dead codes are revived
    dVAE (DALL·E)      likelihood of the pixels + a little KL to the even choice; the temperature falls

Pictures are the world's, painted once; no words and no names take part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor

from vlmcore.batches.painting import Pictures
from vlmcore.models.dvae import DVAE, squeeze
from vlmcore.models.vqvae import VQVAE, VQVAEConfig, to_pixels
from vlmcore.scenes.source import Source
from vlmcore.training.dvae_loss import cosine, kl_to_uniform, logit_laplace
from vlmcore.training.run import Run
from vlmcore.training.schedule import Schedule

REVIVE_EVERY = 20  # steps: a code that nothing chose for so long is given another place
COLDEST = 1 / 16  # the temperature at which DALL·E's ends; it begins at 1
KL_WEIGHT = 6.6 / 192  # DALL·E's β: its loss is a mean over 192 pixels' numbers a code, the KL's over codes
WARM = 0.1  # share of the steps after which the KL has its weight


@dataclass(frozen=True)
class TokenizerPreset:
    """What is learned from, and for how long."""

    objects: int = 139  # how many rows of data/objects.csv
    scenes: int = 12_000
    rows: int = 32  # pictures a step
    model: VQVAEConfig = field(default_factory=VQVAEConfig)
    schedule: Schedule = Schedule(steps=3000, lr=3e-3)
    seed: int = 0


def painted(source: Source, pictures: Pictures, count: int, seed: int) -> Tensor:
    """``count`` scenes of the training world as pictures, uint8 (count, S, S, 3)."""
    return torch.cat(
        [
            pictures([source.scene(Random(f"tokenizer {seed} {n}")) for n in range(start, min(start + 256, count))])
            for start in range(0, count, 256)
        ]
    )


class PictureRows:
    """number → (number, some of the pictures): what a step learns from."""

    def __init__(self, pictures: Tensor, rows: int, seed: int) -> None:
        self.pictures, self.rows, self.seed = pictures, rows, seed

    def __call__(self, step: int) -> tuple[int, Tensor]:
        random = Random(f"pictures {self.seed} {step}")
        return step, self.pictures[[random.randrange(len(self.pictures)) for _ in range(self.rows)]]


def train_vqvae(run: Run, model: VQVAE, batches: PictureRows, schedule: Schedule) -> None:
    """Stage "tokenizer", in place: a VQ-VAE whose codes begin as vectors of the first pictures."""
    device = run.device.device
    model.to(device).quantiser.begin(model.vectors(to_pixels(batches(0)[1].to(device))))

    def losses(made: tuple[int, Tensor]) -> dict[str, Tensor]:
        step, pictures = made
        pixels = to_pixels(pictures.to(device))
        told, _, commitment = model(pixels)
        if step % REVIVE_EVERY == REVIVE_EVERY - 1:
            with torch.no_grad():
                model.quantiser.revive(model.vectors(pixels))
        return {"pixels": F.mse_loss(told.float(), pixels), "commitment": commitment}

    run.stage("tokenizer", model, batches, losses, schedule, keep=model)


def train_dvae(run: Run, model: DVAE, batches: PictureRows, schedule: Schedule) -> None:
    """Stage "tokenizer", in place: DALL·E's dVAE."""
    device = run.device.device
    model.to(device)

    def losses(made: tuple[int, Tensor]) -> dict[str, Tensor]:
        step, pictures = made
        pixels, share = squeeze(pictures.to(device)), step / schedule.steps
        told, logits = model(pixels, cosine(1.0, COLDEST, share))
        kl = kl_to_uniform(logits)
        return {"pixels": logit_laplace(told, pixels), "kl": KL_WEIGHT * min(share / WARM, 1.0) * kl}

    run.stage("tokenizer", model, batches, losses, schedule, keep=model)
