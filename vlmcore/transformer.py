"""The one transformer block that every model of this course stands on.

Design choices, and where they come from:
- pre-normalisation: ``x + f(norm(x))`` (GPT-2, Llama, ViT);
- one fused projection for queries, keys and values, one for gate and up: fewer, larger matrix products;
- rotary positions in Llama's half-split layout (RoFormer, Su et al. 2021), or none where positions are learned;
- grouped heads: several query heads share one key/value head (GQA, Ainslie et al. 2023);
- the mask is an argument: True means "may look". Causal, prefix, packed: all are tensors from masks.py;
- LayerNorm + biases + a plain MLP (CLIP) or RMSNorm + SwiGLU (Llama): the two families that published checkpoints use.

Shapes: B batch, T tokens, S tokens to look at (cache included), D width, H heads, K key/value heads, d = D / H.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class TransformerConfig:
    """Everything that fixes a stack of blocks. The defaults are Llama's."""

    width: int = 192  # D
    layers: int = 6
    heads: int = 6  # H query heads
    kv_heads: int = 6  # K; fewer than heads: grouped-query attention
    hidden: int = 512  # inner width of the MLP
    activation: str = "swiglu"  # "swiglu", "gelu" (exact) or "quick_gelu" (CLIP)
    norm: str = "rms"  # "rms" or "layer"
    eps: float = 1e-5  # inside the norms
    bias: bool = False  # on every linear layer
    rope_theta: float | None = 10_000.0  # None: the model adds learned positions itself

    def __post_init__(self) -> None:
        assert self.width % self.heads == 0, f"width {self.width} must be divisible by heads {self.heads}"
        assert self.heads % self.kv_heads == 0, f"heads {self.heads} must be divisible by kv_heads {self.kv_heads}"
        assert self.activation in ACTIVATIONS, f"activation {self.activation!r} must be one of {sorted(ACTIVATIONS)}"
        assert self.norm in ("rms", "layer"), f"norm {self.norm!r} must be 'rms' or 'layer'"

    @property
    def head_width(self) -> int:
        return self.width // self.heads


def swiglu(x: Tensor) -> Tensor:
    """(…, 2h) → (…, h): SiLU(gate) · up (Shazeer 2020)."""
    gate, up = x.chunk(2, dim=-1)
    return F.silu(gate) * up


def quick_gelu(x: Tensor) -> Tensor:
    """CLIP's cheap GELU: x · σ(1.702 x)."""
    return x * torch.sigmoid(1.702 * x)


ACTIVATIONS = {"swiglu": swiglu, "gelu": F.gelu, "quick_gelu": quick_gelu}


def make_norm(config: TransformerConfig) -> nn.Module:
    kind = nn.RMSNorm if config.norm == "rms" else nn.LayerNorm
    return kind(config.width, eps=config.eps)


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


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """softmax(q·kᵀ / √d) v. query (B, H, T, d), key and value (B, K, S, d) → (B, H, T, d).

    PyTorch's fused kernel everywhere but in bfloat16 on a CPU, where its backward pass is five times slower than the
    formula itself.
    """
    if query.dtype != torch.bfloat16 or query.device.type != "cpu":
        return F.scaled_dot_product_attention(query, key, value, mask, enable_gqa=key.shape[1] != query.shape[1])
    shared = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(shared, dim=1), value.repeat_interleave(shared, dim=1)
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)  # (B, H, T, S)
    if mask is not None:
        scores = scores + torch.zeros_like(mask, dtype=scores.dtype).masked_fill(~mask, -torch.inf)
    return scores.softmax(-1) @ value


class Cache:
    """Keys and values of the tokens already read, so that decoding computes only the new one.

    The memory is taken once, for ``capacity`` tokens: appending is a copy into place, never a concatenation.
    """

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


class Attention(nn.Module):
    """Multi-head attention: every token asks (query), every visible token answers (key, value)."""

    def __init__(self, config: TransformerConfig, layer: int) -> None:
        super().__init__()
        self.config, self.layer = config, layer
        kv_width = config.kv_heads * config.head_width
        self.qkv = nn.Linear(config.width, config.width + 2 * kv_width, bias=config.bias)
        self.out = nn.Linear(config.width, config.width, bias=config.bias)

    def heads(self, x: Tensor, rotary: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor, Tensor]:
        """x (B, T, D) → query (B, H, T, d), key and value (B, K, T, d); queries and keys turned to their positions."""
        c = self.config
        heads = self.qkv(x).view(*x.shape[:2], -1, c.head_width).transpose(1, 2)  # (B, H + 2K, T, d)
        query_key, value = heads.split([c.heads + c.kv_heads, c.kv_heads], dim=1)
        if rotary is not None:
            query_key = rotate(query_key, *rotary)
        query, key = query_key.split([c.heads, c.kv_heads], dim=1)
        return query, key, value

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        rotary: tuple[Tensor, Tensor] | None = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """x (B, T, D); mask broadcastable to (B, H, T, S), True = may look, None = everything → (B, T, D)."""
        query, key, value = self.heads(x, rotary)
        if cache is not None:
            key, value = cache.append(self.layer, key, value)
        mixed = attend(query, key, value, mask)  # (B, H, T, d)
        return self.out(mixed.transpose(1, 2).reshape(x.shape))


class MLP(nn.Module):
    """Each token thinks for itself: widen, bend, narrow."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        widened = config.hidden * (2 if config.activation == "swiglu" else 1)
        self.up = nn.Linear(config.width, widened, bias=config.bias)
        self.down = nn.Linear(config.hidden, config.width, bias=config.bias)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.activation(self.up(x)))


class Block(nn.Module):
    """Attention, then the MLP, each added to the stream that runs through the model.

    ::

        x ──┬─ norm ─ attention ─ + ──┬─ norm ─ MLP ─ + ──►
            └─────────────────────┘   └───────────────┘
    """

    def __init__(self, config: TransformerConfig, layer: int) -> None:
        super().__init__()
        self.norm1, self.attention = make_norm(config), Attention(config, layer)
        self.norm2, self.mlp = make_norm(config), MLP(config)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        rotary: tuple[Tensor, Tensor] | None = None,
        cache: Cache | None = None,
    ) -> Tensor:
        x = x + self.attention(self.norm1(x), mask, rotary, cache)
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """A stack of blocks without embeddings, head or final norm: the models add those."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        for name, weight in self.named_parameters():
            if weight.ndim == 2:  # GPT-2's initialisation; projections into the stream shrink with depth
                into_stream = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / (2 * config.layers) ** 0.5 if into_stream else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(weight)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        positions: Tensor | None = None,
        cache: Cache | None = None,
        layers: int | None = None,
    ) -> Tensor:
        """x (B, T, D) → (B, T, D) after the first ``layers`` blocks (all, if None).

        positions (T,) or (B, T) turn queries and keys where the config asks for rotary positions.
        """
        rotary = None
        if self.config.rope_theta is not None:
            assert positions is not None, (
                "a transformer with rotary positions needs them: pass positions=torch.arange(T)"
            )
            if cache is not None:
                rotary = cache.rotary(positions)
            else:
                rotary = rotary_table(positions, self.config.head_width, self.config.rope_theta)
        for block in self.blocks[:layers]:
            x = block(x, mask, rotary, cache)
        if cache is not None:
            cache.length += x.shape[1]
        return x
