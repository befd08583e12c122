"""The nonlinearities between the two products of an MLP, by the names that configurations use."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def swiglu(x: Tensor) -> Tensor:
    """(…, 2h) → (…, h): SiLU(gate) · up (Shazeer 2020)."""
    gate, up = x.chunk(2, dim=-1)
    return F.silu(gate) * up


def quick_gelu(x: Tensor) -> Tensor:
    """CLIP's cheap GELU: x · σ(1.702 x)."""
    return x * torch.sigmoid(1.702 * x)


ACTIVATIONS = {"swiglu": swiglu, "gelu": F.gelu, "quick_gelu": quick_gelu}
