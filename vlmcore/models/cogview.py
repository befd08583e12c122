"""CogView's block (Ding et al. 2021): the transformer's, made fit for half precision.

::

    x ──┬─ norm ─ attention ─ norm ─ + ──┬─ norm ─ MLP ─ norm ─ + ──►
        └────────────────────────────┘   └──────────────────────┘

Design choices:
- Sandwich-LN: a second norm behind attention and MLP, before they are added to the stream. What is added can then not
  grow from layer to layer;
- PB-relax: softmax(s) = softmax((s/α − max s/α) · α), α = 32. The scores are divided before the product, so that no
  half-precision number overflows; the result is the same;
- all else is a language model: text and picture are one row of tokens, read and foretold from left to right.

Source: THUDM/CogView, mpu/transformer.py and mpu/sparse_transformer.py.

Shapes: B batch, T tokens, S tokens to look at, D width, H heads, d = D / H.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vlmcore.models.attention import Attention
from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.transformer import Block, make_norm

ALPHA = 32.0  # by so much PB-relax makes the scores smaller before it subtracts their maximum


def relaxed_softmax(scores: Tensor, alpha: float = ALPHA) -> Tensor:
    """PB-relax: softmax of scores (…, S) that come divided by ``alpha``."""
    return ((scores - scores.amax(-1, keepdim=True)) * alpha).softmax(-1)


class CogViewAttention(Attention):
    """Attention with PB-relax."""

    def mix(self, query: Tensor, key: Tensor, value: Tensor, context: Context) -> Tensor:
        """As ``Attention.mix``; as many key and value heads as query heads."""
        if context.cache is not None:
            key, value = context.cache.append(self.layer, key, value)
        scores = (query / (ALPHA * query.shape[-1] ** 0.5)) @ key.transpose(-1, -2)  # (B, H, T, S)
        if context.mask is not None:
            scores = scores.masked_fill(~context.mask, -torch.inf)
        return (relaxed_softmax(scores) @ value).transpose(1, 2).flatten(2)  # (B, H, T, d) → (B, T, D)


class CogViewBlock(Block):
    """A block with Sandwich-LN and PB-relax."""

    def __init__(self, config: TransformerConfig, layer: int) -> None:
        assert config.heads == config.kv_heads, "CogView's heads have keys and values of their own"
        super().__init__(config, layer)
        self.attention = CogViewAttention(config, layer)
        self.norm_attention, self.norm_mlp = make_norm(config), make_norm(config)

    def forward(self, x: Tensor, context: Context = Context()) -> Tensor:
        """x (B, T, D) → (B, T, D)."""
        x = x + self.norm_attention(self.attention(self.norm1(x), context))
        return x + self.norm_mlp(self.mlp(self.norm2(x)))
