"""The MLP of a block: each token thinks for itself.

With SwiGLU, gate and up are one fused projection: one large matrix product instead of two.
"""

from __future__ import annotations

from torch import Tensor, nn

from vlmcore.models.activations import ACTIVATIONS
from vlmcore.models.config import TransformerConfig


class MLP(nn.Module):
    """Widen to the intermediate size, bend, narrow. (…, D) → (…, D)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        widened = config.intermediate_size * (2 if config.activation == "swiglu" else 1)
        self.up = nn.Linear(config.width, widened, bias=config.bias)
        self.down = nn.Linear(config.intermediate_size, config.width, bias=config.bias)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.activation(self.up(x)))
