"""Multi-head attention (Vaswani et al. 2017): every token asks, every visible token answers.

Design choices:
- one fused projection for queries, keys and values: one large matrix product instead of three;
- grouped heads: several query heads share one key/value head (GQA, Ainslie et al. 2023);
- the mask is an argument: True means "may look". Causal, prefix, packed: all are tensors from masks.py;
- queries may come from elsewhere than keys and values (CodeGeeX's top query layer).

Shapes: B batch, T tokens, S tokens to look at (cache included), D width, H heads, K key/value heads, d = D / H.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.rotary import rotate


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """softmax(q·kᵀ / √d) v. query (B, H, T, d), key and value (B, K, S, d) → (B, H, T, d).

    PyTorch's fused kernel everywhere but in bfloat16 on a CPU, where its backward pass is five times slower than the
    formula itself. Shared keys are repeated, a view a head, before the kernel sees them: on CUDA the kernel that takes
    a mask does not take grouped heads, and PyTorch would fall back to full score matrices.
    """
    shared = query.shape[1] // key.shape[1]
    if shared > 1:
        key, value = key.repeat_interleave(shared, dim=1), value.repeat_interleave(shared, dim=1)
    if query.dtype != torch.bfloat16 or query.device.type != "cpu":
        return F.scaled_dot_product_attention(query, key, value, mask)
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)  # (B, H, T, S)
    if mask is not None:
        scores = scores + torch.zeros_like(mask, dtype=scores.dtype).masked_fill(~mask, -torch.inf)
    return scores.softmax(-1) @ value


class Attention(nn.Module):
    """One layer's attention. ``layer`` is its place in the cache."""

    def __init__(self, config: TransformerConfig, layer: int) -> None:
        super().__init__()
        self.config, self.layer = config, layer
        kv_width = config.kv_heads * config.head_width
        self.qkv = nn.Linear(config.width, config.width + 2 * kv_width, bias=config.bias)
        self.out = nn.Linear(config.width, config.width, bias=config.bias)

    def heads(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor, Tensor]:
        """x (B, T, D) → query (B, H, T, d), key and value (B, K, T, d); queries and keys turned to their positions."""
        return self.split(self.qkv(x), context)

    def split(self, qkv: Tensor, context: Context) -> tuple[Tensor, Tensor, Tensor]:
        """The fused projection (B, T, (H + 2K)·d) → the same as ``heads``."""
        c = self.config
        heads = qkv.view(*qkv.shape[:2], -1, c.head_width).transpose(1, 2)  # (B, H + 2K, T, d)
        query_key, value = heads.split([c.heads + c.kv_heads, c.kv_heads], dim=1)
        if context.rotary is not None:
            query_key = rotate(query_key, *context.rotary)
        query, key = query_key.split([c.heads, c.kv_heads], dim=1)
        return query, key, value

    def mix(self, query: Tensor, key: Tensor, value: Tensor, context: Context) -> Tensor:
        """Store keys and values where there is a cache, attend, put the heads side by side → (B, T, D)."""
        if context.cache is not None:
            key, value = context.cache.append(self.layer, key, value)
        mixed = attend(query, key, value, context.mask)  # (B, H, T, d)
        return mixed.transpose(1, 2).flatten(2)  # (B, T, H, d) → (B, T, D)

    def forward(self, x: Tensor, context: Context = Context(), query_from: Tensor | None = None) -> Tensor:
        """x (B, T, D) → (B, T, D). ``query_from`` (B, T, D) asks in the place of ``x``, which then only answers."""
        query, key, value = self.heads(x, context)
        if query_from is not None:  # the fused product once more, its query part kept: LoRA and int8 are obeyed as well
            query = self.heads(query_from, context)[0]
        return self.out(self.mix(query, key, value, context))
