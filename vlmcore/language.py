"""The language model: predict the next token (lecture 000: "a compressor of everything on the internet").

Design choices:
- Llama's family: RMSNorm, rotary positions, SwiGLU, no biases; word embeddings tied to the output head;
- takes token ids, or embeddings in their place: that is all LLaVA needs to slip a picture in;
- attention starts as "find what resembles me elsewhere and copy it" (start_by_matching);
- it reads pictures before it sees any: a grid of words takes the picture's place (read_map);
- logits only where somebody needs them (``at``): training pays for the supervised positions alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn

from vlmcore import masks
from vlmcore.transformer import Cache, Transformer, TransformerConfig, make_norm

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class LanguageConfig:
    vocabulary: int = 2048
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    tied: bool = True  # the output head is the word-embedding table

    def __post_init__(self) -> None:
        assert self.vocabulary > 0, "an empty vocabulary: train the tokenizer first"


FAST = 4  # one in so many of the rotary pairs, the fastest, takes part in start_by_matching with the opposite sign


@torch.no_grad()
def start_by_matching(transformer: Transformer) -> None:
    """Let attention begin as "find what resembles me elsewhere, and copy it".

    Keys start equal to queries (each query head to the key head it shares) and the output as the transpose of the
    values ("mimetic", Trockman & Kolter 2023), so that like finds like. Nothing resembles a token more than itself: so
    the fastest rotary pairs, which agree at distance 0 and hardly anywhere else, start with the opposite sign and
    cancel just that. Finding the word that a question names among many is what these models need first: after 160 steps
    of such questions 98 % of the places are right, and 23 % if keys merely equal queries.
    """
    c = transformer.config
    kv_width = c.kv_heads * c.head_width
    pairs = c.head_width // 2
    fast = max(pairs // FAST, 1)
    for block in transformer.blocks:
        query, key, value = block.attention.qkv.weight.split([c.width, kv_width, kv_width])
        nn.init.normal_(key, std=0.09)
        nn.init.normal_(value, std=0.05)
        by_pair = key.view(c.kv_heads, 2, pairs, c.width)  # rotary pairs are (i, i + d/2)
        by_pair[:, :, :fast] *= ((pairs - fast) / fast) ** 0.5  # few, so each counts more
        shared = c.heads // c.kv_heads
        for target, source in ((query, key), (block.attention.out.weight.T, value)):
            heads = source.view(c.kv_heads, 1, c.head_width, c.width).expand(-1, shared, -1, -1)
            target.copy_(heads.reshape(c.width, c.width))
        by_pair[:, :, :fast] *= -1


def rulers(width: int, device: torch.device | None = None) -> Tensor:
    """Four directions at right angles, along which a word map tells where a box is: cosines of length 2. (4, D)."""
    waves = torch.arange(1, 5, device=device)[:, None] * (torch.arange(width, device=device) + 0.5) / width
    return (torch.pi * waves).cos() * 2 * (2 / width) ** 0.5


class LanguageModel(nn.Module):
    """Token ids → logits of the next token."""

    def __init__(self, config: LanguageConfig) -> None:
        super().__init__()
        self.config = config
        width = config.transformer.width
        self.embedding = nn.Embedding(config.vocabulary, width)
        self.transformer = Transformer(config.transformer)
        self.norm = make_norm(config.transformer)
        self.head = nn.Linear(width, config.vocabulary, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.15)
        nn.init.normal_(self.head.weight, std=0.02)
        if config.tied:
            self.head.weight = self.embedding.weight
        start_by_matching(self.transformer)

    def forward(
        self,
        ids: Tensor | None = None,
        *,
        embeddings: Tensor | None = None,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        cache: Cache | None = None,
        at: Tensor | None = None,
    ) -> Tensor:
        """ids (B, T) or embeddings (B, T, D) → logits (B, T, V), or (N, V) for the N True places of ``at`` (B, T).

        Without ``positions`` tokens are counted from the cache's length; without ``mask`` attention is causal.
        """
        assert (ids is None) != (embeddings is None), "pass either ids or embeddings"
        x = self.embedding(ids) if embeddings is None else embeddings
        T, past = x.shape[1], cache.length if cache is not None else 0
        if positions is None:
            positions = torch.arange(past, past + T, device=x.device)
        if mask is None and T > 1:  # one new token sees everything anyway
            mask = masks.causal(T, past, device=x.device)
        x = self.transformer(x, mask, positions, cache)
        return self.head(self.norm(x if at is None else x[at]))

    @classmethod
    def from_transformers(cls, hf: PreTrainedModel) -> Self:
        """A ``LlamaForCausalLM`` as ours. Errors: VlmError for what ours lacks."""
        from vlmcore import pretrained  # which imports this module

        return pretrained.build(cls, *pretrained.language(hf))

    def read_map(self, cells: Tensor, boxes: Tensor) -> Tensor:
        """A picture made of words: each cell's words and its box added into one vector.

        cells (N, P, W) ids, −1 = none; boxes (N, P, 4) relative to the picture, NaN = none → (N, P, D).
        After pretraining on such maps the model reads a grid of vectors; LLaVA's projector then only has to speak the
        same language.
        """
        side = math.isqrt(cells.shape[1])
        centre, size = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
        where = torch.cat([centre * side % 1 - 0.5, size * side - 1], dim=-1)  # in its cell, and how many cells large
        words = (self.embedding(cells.clamp(min=0)) * (cells >= 0).unsqueeze(-1)).sum(dim=2)
        return words + where.nan_to_num() @ rulers(words.shape[-1], words.device)
