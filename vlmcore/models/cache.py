"""The KV cache: keys and values of the tokens already read, so that decoding computes only the new one.

Design choices:
- the memory is taken once, for ``capacity`` tokens: appending is a copy into place, never a concatenation;
- the rotary table of all positions is computed once beside it and looked up each step;
- its number format is that of the model's weights (device.py says which).

Shapes: B batch, K key/value heads, T new tokens, S tokens held, d head width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vlmcore.models.config import TransformerConfig
from vlmcore.models.rotary import rotary_table


class Cache:
    """Room for ``capacity`` tokens of ``batch`` rows, on the device and in the number format of ``like``."""

    def __init__(self, config: TransformerConfig, batch: int, capacity: int, like: Tensor) -> None:
        shape = (batch, config.kv_heads, capacity, config.head_width)
        self.keys = [torch.zeros(shape, dtype=like.dtype, device=like.device) for _ in range(config.layers)]
        self.values = [torch.zeros(shape, dtype=like.dtype, device=like.device) for _ in range(config.layers)]
        self.capacity, self.length = capacity, 0  # tokens it can hold, tokens it holds
        if config.rope_theta is not None:
            self.table = rotary_table(torch.arange(capacity, device=like.device), config.head_width, config.rope_theta)

    def rotary(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """``rotary_table`` of positions below the capacity, looked up instead of computed."""
        cos, sin = self.table  # (1, capacity, d)
        return cos[0, positions].unsqueeze(-3), sin[0, positions].unsqueeze(-3)

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store (B, K, T, d) behind what the layer holds; return all of it, (B, K, S, d)."""
        keys, values, new = self.keys[layer], self.values[layer], key.shape[2]
        end = self.length + new
        assert end <= self.capacity, f"the cache holds {self.capacity} tokens, {end} are needed"
        keys.narrow(2, self.length, new).copy_(key)
        values.narrow(2, self.length, new).copy_(value)
        return keys.narrow(2, 0, end), values.narrow(2, 0, end)

    def keep(self, rows: list[int]) -> None:
        """Forget all rows of the batch but these."""
        self.keys = [keys[rows] for keys in self.keys]
        self.values = [values[rows] for values in self.values]

    def to(self, device: torch.device) -> Cache:
        """Move what is held, in place, as a module would."""
        self.keys = [keys.to(device) for keys in self.keys]
        self.values = [values.to(device) for values in self.values]
        if hasattr(self, "table"):
            self.table = tuple(part.to(device) for part in self.table)
        return self
