"""The language model: predict the next token (lecture 000: "a compressor of everything on the internet").

Design choices:
- Llama's family: RMSNorm, rotary positions, SwiGLU, no biases; word embeddings tied to the output head;
- takes token ids, or embeddings in their place: that is all LLaVA needs to slip a picture in;
- attention starts as "find what resembles me elsewhere and copy it" (start_by_matching);
- it reads pictures before it sees any: a grid of words takes the picture's place (read_map);
- logits only where somebody needs them (``at``): training pays for the supervised positions alone.
"""

from __future__ import annotations

from collections.abc import Sequence
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


START = 0.15  # root mean square of a word's embedding before training
CORNER = 0.4  # how loud a word map tells each corner of a box, against the thing's name
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


@torch.no_grad()
def start_in_order(embedding: nn.Embedding, ids: Sequence[int], waves: int = 8) -> None:
    """Let the words of a scale ("000", "040", … "960") begin on a smooth curve, so that neighbours are alike.

    Each of ``waves`` random directions carries one cosine of the place on the scale. Words that begin anywhere must
    learn that 320 lies between 280 and 360; of these every example teaches the neighbours too.
    """
    width = embedding.embedding_dim
    place = torch.linspace(0, torch.pi, len(ids))[:, None] * torch.arange(waves + 1)  # (words, waves + 1)
    directions = nn.init.orthogonal_(torch.empty(waves + 1, width))
    curve = nn.functional.normalize(place.cos() @ directions, dim=-1) * START * width**0.5  # as long as other words
    embedding.weight[torch.tensor(ids)] = curve.to(embedding.weight)


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
        nn.init.normal_(self.embedding.weight, std=START)
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

    def read_map(self, cells: Tensor, corners: Tensor) -> Tensor:
        """A picture made of words: each cell's words and the four numbers of its box added into one vector.

        cells (N, P, W) ids, corners (N, P, 4) ids of the words for x0, y0, x1, y1; −1 = none → (N, P, D).
        After pretraining on such maps the model reads a grid of vectors; LLaVA's projector then only has to speak the
        same language.
        """
        words, numbers = (
            (self.embedding(ids.clamp(min=0)) * (ids >= 0).unsqueeze(-1)).sum(dim=2)  # (N, P, D)
            for ids in (cells, corners)
        )
        return words + CORNER * numbers
