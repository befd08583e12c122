"""BLIP-2's Q-Former (Li et al. 2023): what may stand between eyes and language instead of LLaVA's projector (llava.py).

Design choices:
- a projector turns the vector of each patch into one for the language model, patch by patch: order stays what it was;
- a Q-Former asks. Learned queries look at all patches and bring back what they were after; the picture costs as many
  tokens as there are queries, however many patches it has;
- a block is BLIP-2's: the queries look at one another, then at the patches, then each thinks for itself. Ours
  normalises first, as everything in this course does, and learns from word maps; BLIP-2's is a BERT of twelve layers
  that has first learned beside captions.

Shapes: N pictures, P patches, Q queries, D width of the language model, H heads, d = D / H.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vlmcore.models.attention import Attention
from vlmcore.models.config import TransformerConfig, encoder_config
from vlmcore.models.mlp import MLP
from vlmcore.models.transformer import make_norm


def cross_attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """softmax(q·kᵀ / √d) v: for each query the mean of the values, weighted by how well their keys fit.

    queries (…, Q, d), keys and values (…, P, d) → (…, Q, d).
    """
    scores = queries @ keys.transpose(-1, -2) / queries.shape[-1] ** 0.5  # (…, Q, P)
    return scores.softmax(-1) @ values


class CrossAttention(nn.Module):
    """Queries (N, Q, D) look at patches (N, P, D_v), with several heads → (N, Q, D)."""

    def __init__(self, vision_width: int, config: TransformerConfig, attend: Callable = cross_attend) -> None:
        super().__init__()
        self.heads, self.attend = config.heads, attend
        self.query = nn.Linear(config.width, config.width)
        self.key, self.value = nn.Linear(vision_width, config.width), nn.Linear(vision_width, config.width)
        self.out = nn.Linear(config.width, config.width)

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (N, T, D) → (N, H, T, d)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        query, key, value = self.split(self.query(x)), self.split(self.key(features)), self.split(self.value(features))
        return self.out(self.attend(query, key, value).transpose(1, 2).flatten(2))


class QFormerBlock(nn.Module):
    def __init__(self, vision_width: int, config: TransformerConfig, attend: Callable = cross_attend) -> None:
        super().__init__()
        self.norm1, self.attention = make_norm(config), Attention(config, 0)
        self.norm2, self.cross = make_norm(config), CrossAttention(vision_width, config, attend)
        self.norm3, self.mlp = make_norm(config), MLP(config)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        x = x + self.cross(self.norm2(x), features)
        return x + self.mlp(self.norm3(x))


class QFormer(nn.Module):
    """Patches (N, P, D_v) → as many vectors as there are queries (N, Q, D), whatever P."""

    def __init__(
        self,
        vision_width: int,
        width: int,
        queries: int,
        layers: int = 1,
        heads: int = 6,
        attend: Callable = cross_attend,
    ) -> None:
        super().__init__()
        config = encoder_config(width, layers, heads, 2 * width)
        self.query_embedding = nn.Parameter(torch.randn(queries, width))
        self.blocks = nn.ModuleList(QFormerBlock(vision_width, config, attend) for _ in range(layers))
        self.norm, self.out = make_norm(config), nn.Linear(width, width)

    def forward(self, features: Tensor) -> Tensor:
        x = self.query_embedding.expand(len(features), -1, -1)  # the same questions to every picture
        for block in self.blocks:
            x = block(x, features)
        return self.out(self.norm(x))
