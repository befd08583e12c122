"""DALL·E's transformer (Ramesh et al. 2021): a language model whose layers look at a picture in three ways.

A row is ``text`` tokens, filled up to its length by pad tokens, and side × side codes, row by row. In most layers a
code sees the codes that come just before it, in every fourth those above it, in the last those around it; all see the
text (masks.py draws them).

Design choices:
- where the text is shorter, each empty place has a pad token of its own, which is learned like any other; nothing is
  masked out, and prompts are all of one length;
- a code's position is two learned vectors, its row's and its column's; the text's are learned as GPT-2's are;
- the masks are three, so attention stays dense here: at 64 codes a sparse kernel saves nothing.

Source: the paper, section 2.2 and appendix B (its weights and code for this part were not published).

Shapes: B batch, T = text + side² tokens, D width.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from vlmcore.models import masks
from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.language import LanguageConfig, LanguageModel
from vlmcore.models.transformer import Block

KERNEL = 5  # the original's is 11 on a grid of 32 codes a side: a third of it, as here 5 is of 8 (rounded up)


def layer_mask(layer: int, layers: int, text: int, side: int) -> Tensor:
    """Who sees whom in a layer (1, 1, T, T): the last convolution, (layer − 2) mod 4 = 0 column, else row."""
    if layer == layers - 1:
        return masks.convolution(text, side, KERNEL)
    return masks.column(text, side) if (layer - 2) % 4 == 0 else masks.row(text, side)


class DALLEBlock(Block):
    """A block with its layer's own mask."""

    mask: Tensor

    def __init__(self, config: TransformerConfig, layer: int, text: int, side: int) -> None:
        super().__init__(config, layer)
        self.register_buffer("mask", layer_mask(layer, config.layers, text, side), persistent=False)

    def forward(self, x: Tensor, context: Context = Context()) -> Tensor:
        """x (B, T, D) → (B, T, D). With a cache, x stands behind what it holds."""
        past = context.cache.length if context.cache is not None else 0
        end = past + x.shape[1]
        return super().forward(x, replace(context, mask=self.mask[..., past:end, :end]))


class Places(nn.Module):
    """The learned vectors of positions 0 … T − 1: one for each of the text's, row + column for the codes'."""

    def __init__(self, text: int, side: int, width: int) -> None:
        super().__init__()
        self.text, self.side = text, side
        self.words = nn.Embedding(text, width)
        self.rows, self.columns = nn.Embedding(side, width), nn.Embedding(side, width)
        for table in (self.words, self.rows, self.columns):
            nn.init.normal_(table.weight, std=0.01)

    def forward(self, positions: Tensor) -> Tensor:
        """positions (…) → (…, D)."""
        number = (positions - self.text).clamp(min=0)
        code = self.rows(number // self.side) + self.columns(number % self.side)
        word = self.words(positions.clamp(max=self.text - 1))
        return torch.where((positions < self.text)[..., None], word, code)


class DALLE(LanguageModel):
    """Token ids (B, T) → logits of the next token (B, T, V). Its vocabulary: words, pads and codes."""

    def __init__(self, config: LanguageConfig, text: int, side: int) -> None:
        assert config.learned_positions == text + side * side, (
            f"{text} tokens of text and {side} × {side} codes have {text + side * side} positions, "
            f"not {config.learned_positions}"
        )
        super().__init__(config, partial(DALLEBlock, text=text, side=side))
        self.positions = Places(text, side, config.transformer.width)
