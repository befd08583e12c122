"""Contrastive pretraining: pictures and captions that belong together get similar vectors (CLIP, Radford et al. 2021).

Design choices:
- two towers, a symmetric cross-entropy over the batch's similarities, a learned temperature: CLIP as published;
- beside it the same game one size smaller: each patch against the names of all things (RegionCLIP, Zhong et al. 2022),
  since telling whole pictures apart is solved long before the patches know what they show;
- and four numbers a patch, the box of the thing whose centre it holds. Boxes come with the data; both extra losses
  leave the encoder's layout as it was.

Shapes: B batch, P patches, N names, E width of the shared space.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vlmcore import masks
from vlmcore.transformer import Transformer, TransformerConfig, make_norm
from vlmcore.vision import VisionConfig, VisionEncoder

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NOTHING = 0.2  # weight of a patch without a thing, against one with


@dataclass(frozen=True)
class TextConfig:
    vocabulary: int = 2048
    length: int = 40  # longest caption in tokens
    transformer: TransformerConfig = field(
        default_factory=lambda: TransformerConfig(
            width=128,
            layers=2,
            heads=4,
            kv_heads=4,
            hidden=256,
            activation="gelu",
            norm="layer",
            bias=True,
            rope_theta=None,
        )
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
        x = self.transformer(x, masks.causal(T, device=ids.device))
        return self.norm(x[torch.arange(len(ids), device=ids.device), last])

    @classmethod
    def from_transformers(cls, hf: PreTrainedModel) -> Self:
        """A ``CLIPTextModel`` as ours. Errors: VlmError for what ours lacks."""
        from vlmcore import pretrained  # which imports this module

        return pretrained.build(cls, *pretrained.text(hf))


class CLIP(nn.Module):
    """Picture and text towers with a shared space."""

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__()
        self.config = config
        self.vision, self.text = VisionEncoder(config.vision), TextEncoder(config.text)
        self.picture_projection = nn.Linear(config.vision.transformer.width, config.width, bias=False)
        self.text_projection = nn.Linear(config.text.transformer.width, config.width, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())  # CLIP's start

    @classmethod
    def from_transformers(cls, hf: PreTrainedModel) -> Self:
        """A ``CLIPModel`` as ours. Errors: VlmError for what ours lacks."""
        from vlmcore import pretrained  # which imports this module

        return pretrained.build(cls, *pretrained.clip(hf))

    def encode_pictures(self, pixels: Tensor) -> Tensor:
        """(B, 3, S, S) → (B, E) of length 1: the class token, or the mean patch where there is none."""
        x = self.vision(pixels)
        pooled = self.vision.norm(x[:, 0]) if self.vision.class_embedding is not None else self.vision.norm(x).mean(1)
        return F.normalize(self.picture_projection(pooled), dim=-1)

    def encode_texts(self, ids: Tensor, last: Tensor) -> Tensor:
        """(B, T) → (B, E) of length 1."""
        return F.normalize(self.text_projection(self.text(ids, last)), dim=-1)

    def forward(self, pixels: Tensor, ids: Tensor, last: Tensor) -> Tensor:
        """Similarity of every picture with every text, scaled: (B pictures, B' texts)."""
        return self.log_scale.exp() * self.encode_pictures(pixels) @ self.encode_texts(ids, last).T


def contrastive_loss(similarity: Tensor) -> Tensor:
    """Row i and column i belong together: cross-entropy both ways. similarity (B, B), scaled."""
    target = torch.arange(len(similarity), device=similarity.device)
    return (F.cross_entropy(similarity, target) + F.cross_entropy(similarity.T, target)) / 2


class RegionCLIP(nn.Module):
    """CLIP while it trains: the towers plus the heads that ask each patch what it shows and where that ends."""

    def __init__(self, clip: CLIP) -> None:
        super().__init__()
        self.clip = clip
        width = clip.config.vision.transformer.width
        self.region_projection = nn.Linear(width, clip.config.width, bias=False)
        self.box = nn.Linear(width, 4)

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Losses by name, for a batch of

        - pixels (B, 3, S, S), captions (B, T) and captions_last (B,);
        - names (N, T) and names_last (N,): every name there is, "nothing" among them;
        - regions (B, P): which name's thing has its centre in the patch, −100 where nobody can say;
        - boxes (B, P, 4): that thing's box relative to the picture, 0 to 1; NaN where there is none.
        """
        clip, scale = self.clip, self.clip.log_scale.exp().clamp(max=100)
        patches = clip.vision.norm(clip.vision(batch["pixels"]))  # (B, P, D)
        pictures = F.normalize(clip.picture_projection(patches.mean(1)), dim=-1)
        captions = clip.encode_texts(batch["captions"], batch["captions_last"])
        names = clip.encode_texts(batch["names"], batch["names_last"])
        regions = F.normalize(self.region_projection(patches), dim=-1)  # (B, P, E)
        weight = torch.ones(len(names), device=names.device)
        weight[0] = NOTHING  # most patches show nothing: they must not drown the others
        known = ~batch["boxes"].isnan()
        distances = (self.box(patches) - batch["boxes"].nan_to_num()).abs() * known
        return {
            "pictures": contrastive_loss(scale * pictures @ captions.T),
            "regions": F.cross_entropy(
                (scale * regions @ names.T).flatten(0, 1).float(), batch["regions"].flatten(), weight
            ),
            "boxes": distances.sum() / known.sum().clamp(min=1),
        }
