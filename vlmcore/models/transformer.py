"""The one transformer block that every model of this course stands on, and the stack of them.

Design choices, and where they come from:
- pre-normalisation: ``x + f(norm(x))`` (GPT-2, Llama, ViT);
- LayerNorm + biases + a plain MLP (CLIP) or RMSNorm + SwiGLU (Llama): the two families that published checkpoints use;
- rotary positions, or none where the model adds learned ones;
- a stack takes its block as an argument, so that a system with another block is an addition, not an edit.

Beside this file: attention.py, mlp.py, rotary.py, cache.py, masks.py, init.py; and config.py and context.py for what
fixes a stack and what each forward pass is told.

Shapes: B batch, T tokens, D width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor, nn

from vlmcore.models.attention import Attention
from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.mlp import MLP
from vlmcore.models.rotary import rotary_table


def make_norm(config: TransformerConfig) -> nn.Module:
    """RMSNorm or LayerNorm over the width, as the configuration says."""
    kind = nn.RMSNorm if config.norm == "rms" else nn.LayerNorm
    return kind(config.width, eps=config.eps)


class Block(nn.Module):
    """Attention, then the MLP, each added to the residual stream that runs through the model.

    ::

        x ──┬─ norm ─ attention ─ + ──┬─ norm ─ MLP ─ + ──►
            └─────────────────────┘   └───────────────┘
    """

    def __init__(self, config: TransformerConfig, layer: int) -> None:
        super().__init__()
        self.norm1, self.attention = make_norm(config), Attention(config, layer)
        self.norm2, self.mlp = make_norm(config), MLP(config)

    def forward(self, x: Tensor, context: Context = Context()) -> Tensor:
        """x (B, T, D) → (B, T, D)."""
        x = x + self.attention(self.norm1(x), context)
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """A stack of blocks without embeddings, head or final norm: the models add those.

    block: (config, layer) → a module that takes (x, context); another system's block goes here.
    """

    def __init__(self, config: TransformerConfig, block: Callable[[TransformerConfig, int], nn.Module] = Block) -> None:
        super().__init__()
        self.config = config
        self.blocks = nn.ModuleList(block(config, layer) for layer in range(config.layers))
        for name, weight in self.named_parameters():
            if weight.ndim == 2:  # GPT-2's initialisation: projections into the residual stream shrink with depth
                into_stream = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / (2 * config.layers) ** 0.5 if into_stream else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(weight)

    def forward(self, x: Tensor, context: Context = Context(), layers: int | None = None) -> Tensor:
        """x (B, T, D) → (B, T, D) after the first ``layers`` blocks (all, if None)."""
        if self.config.rope_theta is not None:
            positions, cache = context.positions, context.cache
            assert positions is not None, "rotary positions need Context(positions=…): torch.arange(T), say"
            if cache is not None:
                rotary = cache.rotary(positions)
            else:
                rotary = rotary_table(positions, self.config.head_width, self.config.rope_theta)
            context = replace(context, rotary=rotary)
        for block in self.blocks[:layers]:
            x = block(x, context)
        if context.cache is not None:
            context.cache.length += x.shape[1]
        return x
