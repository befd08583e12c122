"""The language model: predict the next token (lecture 000: "a compressor of everything on the internet").

Design choices:
- Llama's family: RMSNorm, rotary positions, SwiGLU, no biases; word embeddings tied to the output head;
- or learned positions in the place of rotary ones (GPT-2, CodeGeeX, DALL·E); a model without any is an error;
- takes token ids, or embeddings in their place: that is all LLaVA needs to slip a picture in;
- attention starts as "find what resembles me elsewhere and copy it" (init.mimetic_init);
- logits only where somebody needs them (``logit_positions``): training pays for the supervised positions alone.

Shapes: B batch, T tokens, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from vlmcore.models import masks
from vlmcore.models.cache import Cache
from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.init import EMBEDDING_RMS, mimetic_init
from vlmcore.models.transformer import Block, Transformer, make_norm


@dataclass(frozen=True)
class LanguageConfig:
    vocabulary: int = 2048
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    tied: bool = True  # the output head is the word-embedding table
    learned_positions: int | None = None  # length of a learned position table; None: positions are rotary

    def __post_init__(self) -> None:
        assert self.vocabulary > 0, "an empty vocabulary: train the tokenizer first"
        rotary = self.transformer.rope_theta is not None
        assert rotary or self.learned_positions, (
            "a language model without positions reads its words in any order: set rope_theta or learned_positions"
        )
        assert not (rotary and self.learned_positions), "rope_theta or learned_positions, not both: one counts enough"


class Head(nn.Linear):
    """The output head: a linear layer that the optimiser treats as it treats embeddings (training/muon.py)."""


class LanguageModel(nn.Module):
    """Token ids → logits of the next token. ``block``: what its layers are made of (transformer.py)."""

    def __init__(self, config: LanguageConfig, block: Callable[[TransformerConfig, int], nn.Module] = Block) -> None:
        super().__init__()
        self.config = config
        width = config.transformer.width
        self.embedding = nn.Embedding(config.vocabulary, width)
        self.positions = nn.Embedding(config.learned_positions, width) if config.learned_positions else None
        self.transformer = Transformer(config.transformer, block)
        self.norm = make_norm(config.transformer)
        self.head = Head(width, config.vocabulary, bias=False)
        nn.init.normal_(self.embedding.weight, std=EMBEDDING_RMS)
        nn.init.normal_(self.head.weight, std=0.02)
        if config.tied:
            self.head.weight = self.embedding.weight
        if self.positions is not None:
            nn.init.normal_(self.positions.weight, std=0.01)
        mimetic_init(self.transformer)

    def forward(
        self,
        ids: Tensor | None = None,
        *,
        embeddings: Tensor | None = None,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        cache: Cache | None = None,
        image: slice | None = None,
        logit_positions: Tensor | None = None,
    ) -> Tensor:
        """ids (B, T) or embeddings (B, T, D) → logits (B, T, V), or (N, V) at the N True ``logit_positions`` (B, T).

        Without ``positions`` tokens are counted from the cache's length; without ``mask`` attention is causal.
        ``image``: the columns that hold a picture's tokens, for blocks that treat them apart.
        """
        assert (ids is None) != (embeddings is None), "pass either ids or embeddings"
        x = self.embedding(ids) if embeddings is None else embeddings
        T, past = x.shape[1], cache.length if cache is not None else 0
        if positions is None:
            positions = torch.arange(past, past + T, device=x.device)
        if self.positions is not None:
            x = x + self.positions(positions)
        if mask is None and T > 1:  # one new token sees everything anyway
            mask = masks.causal(T, past, device=x.device)
        x = self.transformer(x, Context(mask=mask, positions=positions, cache=cache, image=image))
        return self.head(self.norm(x if logit_positions is None else x[logit_positions]))
