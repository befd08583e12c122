"""LLaVA (Liu et al. 2023): a vision encoder, a projector, a language model, and nothing else.

::

    picture X_v ──► vision encoder g ──► Z_v ──► projector W ──► H_v ─┐
                                                                      ├─► language model f_φ ──► answer X_a
    question X_q ──────────────► word embeddings ──────────────► H_q ─┘

Design choices:
- H_v takes the places of the ``<image>`` tokens among the word embeddings; a count that does not fit is an error here
  (the original goes on where its counts of tokens differ, without that sample's loss: haotian-liu/LLaVA issues 661,
  1166, 1710);
- the projector is v1.5's Linear-GELU-Linear; v1's single Linear is lesson 05's exercise;
- frozen features are an argument of their own: computed once, they train the rest many times.

Shapes: N pictures, P patches, B rows, T tokens, D width of the language model.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vlmcore.models.cache import Cache
from vlmcore.models.language import LanguageConfig, LanguageModel
from vlmcore.models.prefix import NOTHING, Prefix
from vlmcore.models.vision import VisionConfig, VisionEncoder
from vlmcore.models.word_map import embed_word_map


@dataclass(frozen=True)
class LLaVAConfig:
    vision: VisionConfig = field(default_factory=VisionConfig)
    language: LanguageConfig = field(default_factory=LanguageConfig)
    image_token: int = 0  # the id whose places H_v takes
    skip: int = 0  # last vision blocks left out: 1 for CLIP (hidden_states[-2]), 0 for our own encoder


class Projector(nn.Module):
    """W: from the vision encoder's space into the word-embedding space. (N, P, D_v) → (N, P, D)."""

    def __init__(self, vision_width: int, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(vision_width, width), nn.Linear(width, width)

    def forward(self, features: Tensor) -> Tensor:
        return self.second(F.gelu(self.first(features)))


def splice(embeddings: Tensor, places: Tensor, visual: Tensor) -> Tensor:
    """Put H_v into the sequence. embeddings (B, T, D); places (B, T) True at <image>; visual (N, P, D), in order."""
    wanted, given = int(places.sum()), visual.shape[0] * visual.shape[1]
    if wanted != given:
        raise ValueError(
            f"the text has room for {wanted} image tokens, the pictures bring {given} "
            f"({visual.shape[0]} pictures of {visual.shape[1]}): repeat <image> once per patch"
        )
    return embeddings.masked_scatter(places.unsqueeze(-1), visual.to(embeddings.dtype))


class LLaVA(nn.Module):
    """Picture and text in, logits of the next token out."""

    def __init__(self, config: LLaVAConfig) -> None:
        super().__init__()
        self.config = config
        self.vision = VisionEncoder(config.vision)
        self.language = LanguageModel(config.language)
        self.projector = Projector(config.vision.transformer.width, config.language.transformer.width)

    @property
    def image_tokens(self) -> int:
        """How often <image> stands in a prompt: once for each vector of H_v."""
        return self.config.vision.tokens

    @torch.no_grad()
    def encode_image(self, pixels: Tensor) -> Tensor:
        """Z_v, without gradients: the vision encoder stays frozen in both stages. (N, 3, S, S) → (N, P, D_v)."""
        return self.vision.features(pixels, self.config.skip)

    def embed(
        self,
        ids: Tensor,
        features: Tensor | None = None,
        cells: Tensor | None = None,
        corners: Tensor | None = None,
    ) -> Tensor:
        """ids (B, T) with <image> once per patch → what the language model reads, (B, T, D).

        What fills those places: ``features`` (N, P, D_v) from ``encode_image``, or a map made of words,
        ``cells`` (N, P, W) with ``corners`` (N, P, 4): see word_map.py. Neither: text alone.
        """
        embeddings = self.language.embedding(ids)
        if features is not None:
            return splice(embeddings, ids == self.config.image_token, self.projector(features))
        if cells is not None:
            words = embed_word_map(self.language.embedding, cells, corners)
            return splice(embeddings, ids == self.config.image_token, words)
        return embeddings

    @torch.no_grad()
    def embed_prompts(self, prompts: list[list[int]], features: Tensor | None = None) -> list[Tensor]:
        """Prompts of any lengths as ``generate`` takes them: ids with <image> once per patch → one (T, D) each."""
        flat = torch.tensor(
            [[token for prompt in prompts for token in prompt]], device=self.language.embedding.weight.device
        )
        return list(self.embed(flat, features)[0].split([len(prompt) for prompt in prompts]))

    def prefix(self, features: Tensor) -> Prefix:
        """What decoding reads before the prompts: nothing, the pictures stand in them."""
        return NOTHING

    def forward(
        self,
        ids: Tensor,
        features: Tensor | None = None,
        *,
        cells: Tensor | None = None,
        corners: Tensor | None = None,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        cache: Cache | None = None,
        logit_positions: Tensor | None = None,
    ) -> Tensor:
        """As ``embed``, then → logits (B, T, V), or (N, V) at the True places of ``logit_positions`` (B, T)."""
        embeddings = self.embed(ids, features, cells, corners)
        return self.language(
            embeddings=embeddings, positions=positions, mask=mask, cache=cache, logit_positions=logit_positions
        )
