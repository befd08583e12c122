"""One training loop for every model.

Design choices:
- the loop knows nothing of pictures or text: it asks for the losses of step n, a pure function of n and the seed, so
  that a run killed at any moment resumes to the same bits (on a CPU; a GPU adds in changing order);
- state (weights, optimiser, loss scaling) goes to disk every ``save_every`` steps, as safetensors, atomically;
- warm-up, then a linear fall to zero; gradients clipped; a loss that is not a number stops the run with a sentence;
- accelerate moves tensors and scales losses, so the same lines run on a CPU, a T4 or an H100.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn
from tqdm.auto import tqdm

from vlmcore.checkpoint import load_training, save_training
from vlmcore.device import Device
from vlmcore.errors import VlmError
from vlmcore.muon import make_optimizer


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a stage learns."""

    steps: int
    lr: float = 5e-3
    warmup: float = 0.1  # share of the steps in which the rate rises
    clip: float = 1.0  # longest gradient
    save_every: int = 100  # steps between two saves

    def rate(self, step: int) -> float:
        """The learning rate of a step: up for ``warmup``, then straight down to (almost) zero."""
        rise = max(self.steps * self.warmup, 1)
        return self.lr * min((step + 1) / rise, (self.steps - step) / max(self.steps - rise, 1), 1.0)


def freeze(module: nn.Module, frozen: bool = True) -> None:
    """Take a part out of training (or put it back)."""
    module.requires_grad_(not frozen)


def fit(
    model: nn.Module,
    losses: Callable[[int], dict[str, Tensor]],
    schedule: Schedule,
    device: Device,
    *,
    name: str = "training",
    state: Path | None = None,
    resume: bool = False,
) -> list[dict[str, float]]:
    """Train what of ``model`` is not frozen; return the losses of every step.

    losses: step → named losses, whose sum is minimised; it makes its own batch from the step's number.
    state: the file (without suffix) in which the run is kept until it is over. Errors: VlmError when the loss is not a
    number, with the step; an interrupt loses at most ``save_every`` steps.
    """
    AcceleratorState._reset_state(reset_partial_state=True)  # else a second fit() cannot choose another precision
    accelerator = Accelerator(mixed_precision=device.precision, cpu=device.device.type == "cpu")
    optimizer = make_optimizer(model, schedule.lr, low_precision=device.precision == "bf16")
    weights = {key: value for key, value in model.named_parameters() if value.requires_grad}
    history: list[dict[str, float]] = []
    if resume and state is not None:
        history, scale = load_training(state, weights, optimizer)
        if accelerator.scaler is not None and scale:
            accelerator.scaler.load_state_dict(scale)
    prepared = accelerator.prepare_optimizer(optimizer)

    def save() -> None:
        if state is not None:
            scale = accelerator.scaler.state_dict() if accelerator.scaler is not None else {}
            save_training(state, weights, optimizer, history, scale)

    model.train()
    steps = range(len(history), schedule.steps)
    with tqdm(steps, initial=len(history), total=schedule.steps, desc=name, mininterval=0.5, file=sys.stdout) as bar:
        for step in bar:
            for group in optimizer.param_groups:
                group["lr"] = schedule.rate(step)
            with accelerator.autocast():
                parts = losses(step)
            values = {key: part.item() for key, part in parts.items()}
            if not math.isfinite(sum(values.values())):
                raise VlmError(
                    f"{name}: the loss of step {step} is not a number ({values}). The last saved state is untouched: "
                    "look at the data of that step, or train with a lower learning rate"
                )
            total = torch.stack([part.float() for part in parts.values()]).sum()
            accelerator.backward(total)
            if accelerator.sync_gradients:
                length = accelerator.clip_grad_norm_(weights.values(), schedule.clip)
                if accelerator.scaler is None and not math.isfinite(
                    length
                ):  # a scaler leaves such a step out by itself
                    raise VlmError(
                        f"{name}: the gradient of step {step} is not a number. The last saved state is untouched: "
                        "look at the data of that step, or train with a lower learning rate"
                    )
            prepared.step()
            prepared.zero_grad()
            history.append(values)
            bar.set_postfix({key: f"{value:.3f}" for key, value in values.items()}, refresh=False)
            if (step + 1) % schedule.save_every == 0 and step + 1 < schedule.steps:
                save()
    model.eval()
    return history
