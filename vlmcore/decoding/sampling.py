"""Sampling: from logits to the next token.

Shapes: B rows, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor


def nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Keep the fewest likeliest tokens that together reach top_p (Holtzman et al. 2020). (B, V) → (B, V).

    Rows add up to 1 again.
    """
    likeliest, order = probabilities.sort(dim=-1, descending=True)
    before = likeliest.cumsum(-1) - likeliest  # what is likelier than this one
    kept = likeliest.masked_fill(before >= top_p, 0)
    return torch.zeros_like(kept).scatter(-1, order, kept / kept.sum(-1, keepdim=True))


def likeliest(logits: Tensor, count: int) -> Tensor:
    """Top-k: all but the ``count`` largest logits of each row (B, V) become −∞; what equals the least of them stays."""
    least = logits.topk(min(count, logits.shape[-1]), dim=-1).values[:, -1:]
    return logits.masked_fill(logits < least, -torch.inf)


def sample(logits: Tensor, temperature: float, top_p: float, generator: torch.Generator | None) -> Tensor:
    """The next token of each row. logits (B, V) → (B,). Temperature 0 takes the likeliest; top_p cuts the long tail."""
    if temperature == 0:
        return logits.argmax(-1)
    probabilities = nucleus((logits.float() / temperature).softmax(-1), top_p)
    return torch.multinomial(probabilities, 1, generator=generator).squeeze(-1)
