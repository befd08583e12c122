"""Contrastive pretraining: pictures and captions that belong together get similar vectors (CLIP, Radford et al. 2021).

Design choices:
- two towers, a symmetric cross-entropy over the batch's similarities, a learned temperature: CLIP as published;
- what our training asks of the patches beside that is in region_clip.py.

Shapes: B batch, T tokens, S pixels a side, E width of the shared space.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vlmcore.models import masks
from vlmcore.models.config import TransformerConfig, encoder_config
from vlmcore.models.context import Context
from vlmcore.models.transformer import Transformer, make_norm
from vlmcore.models.vision import VisionConfig, VisionEncoder


@dataclass(frozen=True)
class TextConfig:
    vocabulary: int = 2048
    length: int = 40  # longest caption in tokens
    transformer: TransformerConfig = field(
        default_factory=lambda: encoder_config(width=128, layers=2, heads=4, intermediate_size=256)
    )


@dataclass(frozen=True)
class CLIPConfig:
    vision: VisionConfig = field(default_factory=VisionConfig)
    text: TextConfig = field(default_factory=TextConfig)
    width: int = 128  # E


class TextEncoder(nn.Module):
    """Captions → one vector each: what stands at the last token, which has read the whole caption."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.transformer.width)
        self.positions = nn.Parameter(torch.randn(config.length, config.transformer.width) * 0.01)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.transformer = Transformer(config.transformer)
        self.norm = make_norm(config.transformer)

    def forward(self, ids: Tensor, last: Tensor) -> Tensor:
        """ids (B, T), last (B,) the index of each caption's final token → (B, D). What follows is never looked at."""
        T = ids.shape[1]
        assert self.config.length >= T, f"captions of {T} tokens, the text encoder reads {self.config.length}"
        x = self.embedding(ids) + self.positions[:T]
        x = self.transformer(x, Context(mask=masks.causal(T, device=ids.device)))
        return self.norm(x[torch.arange(len(ids), device=ids.device), last])


class CLIP(nn.Module):
    """Picture and text towers with a shared space."""

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__()
        self.config = config
        self.vision, self.text = VisionEncoder(config.vision), TextEncoder(config.text)
        self.picture_projection = nn.Linear(config.vision.transformer.width, config.width, bias=False)
        self.text_projection = nn.Linear(config.text.transformer.width, config.width, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())  # CLIP's start

    def encode_image(self, pixels: Tensor) -> Tensor:
        """(B, 3, S, S) → (B, E) of length 1: the class token, or the mean patch where there is none."""
        x = self.vision(pixels)
        pooled = self.vision.norm(x[:, 0]) if self.vision.class_embedding is not None else self.vision.norm(x).mean(1)
        return F.normalize(self.picture_projection(pooled), dim=-1)

    def encode_text(self, ids: Tensor, last: Tensor) -> Tensor:
        """(B, T) → (B, E) of length 1."""
        return F.normalize(self.text_projection(self.text(ids, last)), dim=-1)

    def forward(self, pixels: Tensor, ids: Tensor, last: Tensor) -> Tensor:
        """Similarity of every picture with every text, scaled: (B pictures, B' texts)."""
        return self.log_scale.exp() * self.encode_image(pixels) @ self.encode_text(ids, last).T


def contrastive_loss(similarity: Tensor) -> Tensor:
    """Row i and column i belong together: cross-entropy both ways. similarity (B, B), scaled."""
    target = torch.arange(len(similarity), device=similarity.device)
    return (F.cross_entropy(similarity, target) + F.cross_entropy(similarity.T, target)) / 2
