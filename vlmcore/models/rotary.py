"""Rotary position embeddings (RoPE, RoFormer, Su et al. 2021), in Llama's half-split layout.

Queries and keys are turned by an angle that grows with their position, so that their product depends on how far apart
they stand. Pair i of a head is (x[i], x[i + d/2]); the first pairs turn fastest.

Shapes: B batch, T tokens, H heads, d head width.
"""

from __future__ import annotations

import torch
from torch import Tensor


def rotary_table(positions: Tensor, head_width: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines for ``rotate``. positions (B, T) or (T,) → two tensors (B, 1, T, d) or (1, T, d)."""
    frequencies = theta ** (-torch.arange(0, head_width, 2, device=positions.device, dtype=torch.float32) / head_width)
    angles = positions[..., None].float() * frequencies  # (…, T, d/2)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([cos, cos], dim=-1).unsqueeze(-3), torch.cat([-sin, sin], dim=-1).unsqueeze(-3)  # (…, 1, T, d)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (x[i], x[i + d/2]) by its position's angle. x (B, H, T, d) → the same shape."""
    partner = x.roll(x.shape[-1] // 2, dims=-1)  # the pair's other half; the table's sines carry its sign
    return torch.addcmul(x * cos.to(x.dtype), partner, sin.to(x.dtype))
