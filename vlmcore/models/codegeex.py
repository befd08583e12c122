"""CodeGeeX (Zheng et al. 2023): a language model for code whose last layer asks with the position alone.

::

    words ─► blocks ─► norm ─► h ──┬────────────────────────── + ──┬─ norm ─ MLP ─ + ─► logits, by the word table
                                   └─ norm ─ keys, values ─┐   │   └───────────────┘
                                                           attention
    position i ─► a second table ──────── queries ─────────┘

Design choices:
- GPT-2's blocks: LayerNorm, learned positions, GELU in its quick form x·σ(1.702 x);
- the **top query layer** is a block like the others but for its queries: they come from a table of positions, not from
  the tokens. Row i of it asks "what comes after token i?", whatever token i is; what it finds is added to h;
- the norm that GPT-2 has behind its last block stands before this layer, and none behind it.

Source: THUDM/CodeGeeX, codegeex/torch/codegeex_model.py (``QueryEmbedding``, ``TopQueryLayer``).

Shapes: B batch, T tokens, D width.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.language import LanguageConfig, LanguageModel
from vlmcore.models.transformer import Block, make_norm


class TopQueryBlock(Block):
    """The last layer, and the norm before it."""

    def __init__(self, config: TransformerConfig, layer: int, positions: int) -> None:
        super().__init__(config, layer)
        self.norm_below = make_norm(config)
        self.queries = nn.Embedding(positions, config.width)
        nn.init.normal_(self.queries.weight, std=0.02)

    def forward(self, x: Tensor, context: Context = Context()) -> Tensor:
        """x (B, T, D) at ``context.positions`` → (B, T, D)."""
        h = self.norm_below(x)
        query = self.queries(context.positions).expand_as(h)  # (T, D) or (B, T, D) → (B, T, D)
        h = h + self.attention(self.norm1(h), context, query_from=query)
        return h + self.mlp(self.norm2(h))


def blocks(config: TransformerConfig, layer: int, positions: int) -> Block:
    """What CodeGeeX's layers are made of: GPT-2's blocks, and the top query layer as the last."""
    last = layer == config.layers - 1
    return TopQueryBlock(config, layer, positions) if last else Block(config, layer)


class CodeGeeX(LanguageModel):
    """Token ids (B, T) → logits of the next token (B, T, V). Of ``config.transformer.layers`` the last asks so."""

    def __init__(self, config: LanguageConfig) -> None:
        assert config.learned_positions and config.tied, "CodeGeeX: learned positions, and its head is the word table"
        assert config.transformer.layers > 1, "below the top query layer there must be another"
        super().__init__(config, partial(blocks, positions=config.learned_positions))
        self.norm = nn.Identity()


def codegeex_config(width: int, layers: int, heads: int, positions: int, vocabulary: int) -> LanguageConfig:
    """CodeGeeX's family; its MLP is four times as wide as the stream."""
    transformer = TransformerConfig(
        width, layers, heads, heads, 4 * width, activation="quick_gelu", norm="layer", bias=True, rope_theta=None
    )
    return LanguageConfig(vocabulary, transformer, learned_positions=positions)
