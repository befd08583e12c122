"""How long and how fast a stage learns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """Steps, learning rate, and what goes with them."""

    steps: int
    lr: float = 5e-3  # the highest learning rate
    warmup: float = 0.1  # share of the steps in which the rate rises
    clip: float = 1.0  # the longest gradient: longer ones are shortened to it
    accumulate: int = 1  # batches whose gradients are averaged into one step, where a large batch does not fit
    validate_every: int = 100  # steps between two looks at the validation losses
    save_seconds: float = 30.0  # time between two saves: what a killed run loses at most, on a fast GPU and a slow CPU

    def __post_init__(self) -> None:
        assert self.accumulate >= 1, f"accumulate {self.accumulate} must be at least 1"

    def rate(self, step: int) -> float:
        """The learning rate of a step: up for ``warmup``, then straight down to (almost) zero."""
        rise = max(self.steps * self.warmup, 1)
        return self.lr * min((step + 1) / rise, (self.steps - step) / max(self.steps - rise, 1), 1.0)
