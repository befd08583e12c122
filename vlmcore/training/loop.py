"""One training loop for every model.

Design choices:
- the loop knows nothing of pictures or text: it asks for the losses of batch n, a pure function of n and the seed, so
  that a run killed at any moment resumes to the same bits (on a CPU; a GPU adds in changing order);
- state (weights, moving averages, optimiser, random numbers, loss scaling) goes to disk every half minute, as
  safetensors, atomically;
- warm-up, then a linear fall to zero; gradients clipped; a loss that is not a number stops the run with a sentence,
  but where losses are scaled (float16) a few such steps are left out, as the scaler leaves out gradients that overflow;
- number formats are device.py's: autocast and loss scaling are PyTorch's own, the same lines on a CPU, a T4, an H100.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from vlmcore.device import Device
from vlmcore.errors import VlmError
from vlmcore.training.muon import make_optimizer
from vlmcore.training.schedule import Schedule
from vlmcore.training.state import load_training, save_training

SKIPPED = 8  # losses in a row that are not numbers end a run: float16 overflows now and then, not so often
VALIDATION = "validation "  # marks the names of validation losses: they are not what was trained on


def freeze(module: nn.Module, frozen: bool = True) -> None:
    """Take a part out of training (or put it back)."""
    module.requires_grad_(not frozen)


def refuse_several_processes() -> None:
    """Errors: VlmError where a launcher has started several processes: each would train alone, into one folder."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise VlmError(
            f"{os.environ['WORLD_SIZE']} processes were started, and training uses one: start it without torchrun or "
            "accelerate launch"
        )


def fit(
    model: nn.Module,
    losses: Callable[[int], dict[str, Tensor]],
    schedule: Schedule,
    device: Device,
    *,
    name: str = "training",
    state: Path | None = None,
    resume: bool = False,
    validate: Callable[[], dict[str, Tensor]] | None = None,
) -> list[dict[str, float]]:
    """Train what of ``model`` is not frozen; return the losses of every step.

    losses: number of a batch → named losses, whose sum is minimised; it makes its own batch from that number. Step n
    takes the batches from n · accumulate on.
    state: the file in which the run is kept until it is over.
    validate: named losses on data that is not trained on; they stand in the history as "validation …".
    Errors: VlmError when a loss is not a number, with the step; an interrupt loses at most ``save_seconds``.
    """
    refuse_several_processes()
    optimizer = make_optimizer(model, schedule.lr, low_precision=device.compute == torch.bfloat16)
    weights = {key: value for key, value in model.named_parameters() if value.requires_grad}
    kept = weights | dict(model.named_buffers())  # a codebook is a moving average, and learns without a gradient
    scaler = torch.amp.GradScaler(device.device.type, enabled=device.scaled)
    history: list[dict[str, float]] = []
    if resume and state is not None:
        history, scale = load_training(state, kept, optimizer)
        if scale:
            scaler.load_state_dict(scale)

    def halves() -> torch.autocast:
        return torch.autocast(device.device.type, device.compute, enabled=device.compute != torch.float32)

    def averaged(step: int) -> dict[str, float]:
        """Gradients of one step's batches, and their mean losses. None of it where a loss is not a number."""
        means: dict[str, float] = {}
        for batch in range(step * schedule.accumulate, (step + 1) * schedule.accumulate):
            with halves():
                parts = losses(batch)
            for key, part in parts.items():
                means[key] = means.get(key, 0.0) + part.item() / schedule.accumulate
            if not math.isfinite(sum(means.values())):
                break
            total = torch.stack([part.float() for part in parts.values()]).sum() / schedule.accumulate
            scaler.scale(total).backward()
        return means

    def stop(what: str, step: int, values: object) -> None:
        raise VlmError(
            f"{name}: the {what} of step {step} is not a number ({values}). The last saved state is untouched: "
            "look at the data of that step, or train with a lower learning rate"
        )

    model.train()
    saved = time.monotonic()
    steps = range(len(history), schedule.steps)
    with tqdm(steps, initial=len(history), total=schedule.steps, desc=name, mininterval=0.5, file=sys.stdout) as bar:
        for step in bar:
            for group in optimizer.param_groups:
                group["lr"] = schedule.rate(step)
            values = averaged(step)
            history.append(values)
            if math.isfinite(sum(values.values())):
                scaler.unscale_(optimizer)
                length = nn.utils.clip_grad_norm_(weights.values(), schedule.clip)
                if not scaler.is_enabled() and not math.isfinite(length):  # a scaler leaves such a step out by itself
                    stop("gradient", step, values)
                scaler.step(optimizer)
                scaler.update()
            elif not scaler.is_enabled() or in_a_row(history) > SKIPPED:
                stop("loss", step, values)
            optimizer.zero_grad()
            if validate is not None and (step + 1) % schedule.validate_every == 0:
                model.eval()
                with torch.no_grad(), halves():
                    values |= {VALIDATION + key: part.item() for key, part in validate().items()}
                model.train()
            bar.set_postfix({key: f"{value:.3f}" for key, value in values.items()}, refresh=False)
            due = time.monotonic() - saved >= schedule.save_seconds
            if state is not None and due and step + 1 < schedule.steps:
                save_training(state, kept, optimizer, history, scaler.state_dict())
                saved = time.monotonic()
    model.eval()
    return history


def in_a_row(history: list[dict[str, float]]) -> int:
    """How many of the last steps had losses that are not numbers."""
    count = 0
    while count < len(history) and not math.isfinite(sum(history[-1 - count].values())):
        count += 1
    return count
