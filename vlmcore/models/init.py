"""How a small language model's weights begin, so that minutes are enough; every other stack begins as GPT-2's.

- ``mimetic_init``: attention begins as "find what resembles me elsewhere and copy it" (Trockman & Kolter 2023);
- ``ordinal_init``: the words of a scale begin on a smooth curve, so that neighbours are alike.

Shapes: D width, K key/value heads, d head width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from vlmcore.models.transformer import Transformer

EMBEDDING_RMS = 0.15  # the root mean square of a word's embedding sets how loud words speak in the first block
FAST = 4  # mimetic_init flips the sign of the fastest of FAST rotary pairs, which tell "myself" from others


@torch.no_grad()
def mimetic_init(transformer: Transformer) -> None:
    """Let attention begin as "find what resembles me elsewhere, and copy it", in place.

    Keys start equal to queries (each query head to the key head it shares) and the output as the transpose of the
    values (Trockman & Kolter 2023, "Mimetic initialization"), so that like finds like. Nothing resembles a token more
    than itself: so the fastest rotary pairs, which agree at distance 0 and hardly anywhere else, start with the
    opposite sign and cancel just that. Finding the word that a question names among many is what these models need
    first: after 160 steps of such questions 98 % of the places are right, and 23 % if keys merely equal queries.
    """
    c = transformer.config
    kv_width = c.kv_heads * c.head_width
    pairs = c.head_width // 2
    fast = max(pairs // FAST, 1)
    for block in transformer.blocks:
        query, key, value = block.attention.qkv.weight.split([c.width, kv_width, kv_width])
        nn.init.normal_(key, std=0.09)
        nn.init.normal_(value, std=0.05)
        by_pair = key.view(c.kv_heads, 2, pairs, c.width)  # (K, 2, d/2, D): rotary pairs are (i, i + d/2)
        by_pair[:, :, :fast] *= ((pairs - fast) / fast) ** 0.5  # few, so each counts more
        shared = c.heads // c.kv_heads
        for target, source in ((query, key), (block.attention.out.weight.T, value)):
            heads = source.view(c.kv_heads, 1, c.head_width, c.width).expand(-1, shared, -1, -1)
            target.copy_(heads.reshape(c.width, c.width))
        by_pair[:, :, :fast] *= -1


@torch.no_grad()
def ordinal_init(embedding: nn.Embedding, ids: Sequence[int], waves: int = 8) -> None:
    """Let the words of a scale ("000", "040", … "960") begin on a smooth curve, so that neighbours are alike, in place.

    Each of ``waves`` random directions carries one cosine of the place on the scale. Words that begin anywhere must
    learn that 320 lies between 280 and 360; of these every example teaches the neighbours too.
    """
    width = embedding.embedding_dim
    place = torch.linspace(0, torch.pi, len(ids))[:, None] * torch.arange(waves + 1)  # (words, waves + 1)
    directions = nn.init.orthogonal_(torch.empty(waves + 1, width))
    curve = nn.functional.normalize(place.cos() @ directions, dim=-1) * EMBEDDING_RMS * width**0.5  # as long as others
    embedding.weight[torch.tensor(ids)] = curve.to(embedding.weight)
