"""CogVLM (Wang et al. 2023): a language model that never changes, and beside it an expert for the picture's tokens.

::

    picture ──► vision encoder ──► Z_v ──► adapter ──► boi, P patches, eoi ─┐
                                                                            ├─► language model, in every layer
    question ────────────────────► word embeddings ─────────────────────────┘   a visual expert ──► answer

Design choices:
- from any trained language model: its weights stay frozen, in instruction tuning too (the original then trains them at
  a tenth of the rate: we do not, so that language must come out unharmed, to the last bit);
- the picture's columns count in three ways (``PictureColumns``): boi, patches and eoi take the places of embeddings;
  boi and patches go through the expert; the patches alone share one position;
- attention is causal over the picture too, and a decoded token goes through the language model's weights alone.

Sources: THUDM/CogVLM, models/cogvlm_model.py (adapter, boi and eoi) and utils/utils/language.py (masks, positions).

Shapes: N pictures, P patches, B rows, T tokens, D width of the language model.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vlmcore.models.cache import Cache
from vlmcore.models.config import TransformerConfig
from vlmcore.models.language import LanguageConfig, LanguageModel
from vlmcore.models.mlp import MLP
from vlmcore.models.prefix import Prefix
from vlmcore.models.vision import VisionConfig, VisionEncoder
from vlmcore.models.visual_expert import VisualExpertBlock

TRAINED = ("adapter.", "boi", "eoi")  # besides the experts these alone learn


@dataclass(frozen=True)
class CogVLMConfig:
    vision: VisionConfig = field(default_factory=VisionConfig)
    language: LanguageConfig = field(default_factory=LanguageConfig)
    image_token: int = 0  # the id that stands for boi, each patch and eoi


@dataclass(frozen=True)
class PictureColumns:
    """Where a row's picture stands, in the three ways that it counts: boi, then P patches, then eoi.

    ::

        column      0    1  2 … P   P+1   P+2
                   boi   patches    eoi   words
        embedding   ■    ■  ■   ■    ■
        expert      ■    ■  ■   ■
        rotary           ■  ■   ■
        position    0    1  1   1    2     3
    """

    start: int
    patches: int

    @property
    def embedding(self) -> slice:
        """What is no word: boi, patches, eoi."""
        return slice(self.start, self.start + self.patches + 2)

    @property
    def expert(self) -> slice:
        """What goes through the visual expert: boi and patches."""
        return slice(self.start, self.start + self.patches + 1)

    @property
    def rotary(self) -> slice:
        """What shares one position: the patches."""
        return slice(self.start + 1, self.start + self.patches + 1)

    def positions(self, length: int, device: torch.device | str | None = None) -> Tensor:
        """The position of each of ``length`` tokens (T,): all patches count as one."""
        positions = torch.arange(length, device=device)
        positions[self.rotary] = self.start + 1
        positions[self.rotary.stop :] -= self.patches - 1
        return positions


def picture_columns(ids: Tensor, image_token: int, patches: int) -> PictureColumns | None:
    """Where the picture stands in ids (B, T); None: no row has one. Errors: ValueError where it is no one block."""
    places = ids == image_token
    if not places.any():
        return None
    columns = PictureColumns(int(places.any(dim=0).int().argmax()), patches)
    expected = torch.zeros_like(places)
    expected[:, columns.embedding] = True
    if ids.shape[1] < columns.embedding.stop or not torch.equal(places, expected):
        raise ValueError(
            f"<image> must stand {patches + 2} times in a row (boi, {patches} patches, eoi), once and in the same "
            f"columns of every row; it stands there {places.sum(dim=1).tolist()} times"
        )
    return columns


class Adapter(nn.Module):
    """From the vision encoder's space into the language model's: Linear, LayerNorm, GELU, SwiGLU.

    (N, P, D_v) → (N, P, D). The linear layers have no biases; the SwiGLU is as wide as the language model's own.
    """

    def __init__(self, vision_width: int, config: TransformerConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(vision_width, config.width, bias=False)
        self.norm = nn.LayerNorm(config.width)
        self.mlp = MLP(config)

    def forward(self, features: Tensor) -> Tensor:
        return self.mlp(F.gelu(self.norm(self.linear(features))))


class CogVLM(nn.Module):
    """Picture and text in, logits of the next token out."""

    image_tokens = 0  # of a prompt: the picture is read before it (prefix)

    def __init__(self, config: CogVLMConfig) -> None:
        super().__init__()
        self.config = config
        language, width = config.language, config.language.transformer.width
        self.vision = VisionEncoder(config.vision)
        self.language = LanguageModel(language, VisualExpertBlock)
        self.language.transformer.blocks[-1].share_output()  # no token reads what the last layer makes of a patch
        self.adapter = Adapter(config.vision.transformer.width, language.transformer)
        self.boi, self.eoi = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.zeros(width))

    @classmethod
    def of(cls, language: LanguageModel, vision: VisionEncoder, image_token: int) -> Self:
        """A CogVLM of two trained parts, which are copied: experts start as the language model's own weights."""
        fine = replace(vision.config, merge=1)  # every patch is a token of its own
        model = cls(CogVLMConfig(fine, language.config, image_token))
        weights = {name: weight for name, weight in vision.state_dict().items() if not name.startswith("merge.")}
        model.vision.load_state_dict(weights)
        missing = model.language.load_state_dict(language.state_dict(), strict=False).missing_keys
        assert all(".image_" in name for name in missing), f"the language model lacks {missing}"
        for block in model.language.transformer.blocks:
            block.start_expert()
        return model

    @property
    def columns(self) -> PictureColumns:
        """Where a row's picture stands before what it is asked."""
        return PictureColumns(0, self.config.vision.patches)

    def train_experts(self) -> None:
        """Freeze vision encoder and language model; adapter, boi, eoi and the experts are left to learn."""
        for name, weight in self.named_parameters():
            weight.requires_grad_(name.startswith(TRAINED) or ".image_" in name)

    @torch.no_grad()
    def encode_image(self, pixels: Tensor) -> Tensor:
        """Z_v, without gradients: the vision encoder stays frozen. (N, 3, S, S) → (N, P, D_v)."""
        return self.vision.features(pixels)

    def embed(self, ids: Tensor, features: Tensor, columns: PictureColumns) -> Tensor:
        """ids (B, T) and each row's picture, features (B, P, D_v) → what the language model reads, (B, T, D)."""
        words, B = self.language.embedding(ids), len(ids)
        if features.shape[:2] != (B, columns.patches):
            raise ValueError(
                f"{B} rows with a picture of {columns.patches} patches each, but features of {tuple(features.shape)}"
            )
        seen = self.adapter(features).to(words.dtype)  # (B, P, D)
        boi, eoi = (vector.to(words.dtype).expand(B, 1, -1) for vector in (self.boi, self.eoi))
        block = columns.embedding
        return torch.cat([words[:, : block.start], boi, seen, eoi, words[:, block.stop :]], dim=1)

    def forward(
        self,
        ids: Tensor,
        features: Tensor | None = None,
        *,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        logit_positions: Tensor | None = None,
    ) -> Tensor:
        """ids (B, T), with <image> P + 2 times where a picture is → logits (B, T, V), or (N, V) at logit_positions.

        Without ``positions`` the patches share one; without ``mask`` attention is causal, over the picture too.
        Errors: ValueError where ids and features do not fit.
        """
        columns = picture_columns(ids, self.config.image_token, self.config.vision.patches)
        if (columns is None) != (features is None):
            raise ValueError("a picture needs both its features and its places in the ids: one of them is missing")
        if columns is None:
            return self.language(ids, positions=positions, mask=mask, logit_positions=logit_positions)
        return self.language(
            embeddings=self.embed(ids, features, columns),
            positions=columns.positions(ids.shape[1], ids.device) if positions is None else positions,
            mask=mask,
            image=columns.expert,
            logit_positions=logit_positions,
        )

    def prefix(self, features: Tensor) -> Prefix:
        """What decoding reads before the prompts: each row's picture (B, P, D_v), by the experts."""
        columns = self.columns
        places = torch.full((len(features), columns.embedding.stop), self.config.image_token, device=features.device)
        positions = columns.positions(places.shape[1] + 1, features.device)

        def read(cache: Cache) -> int:
            self.language(
                embeddings=self.embed(places, features, columns),
                positions=positions[:-1],
                cache=cache,
                image=columns.expert,
                logit_positions=torch.zeros_like(places, dtype=torch.bool),
            )
            return int(positions[-1])

        return Prefix(columns.embedding.stop, read)

    @torch.no_grad()
    def embed_prompts(self, prompts: list[list[int]], features: Tensor | None = None) -> list[Tensor]:
        """Prompts of any lengths as ``generate`` takes them, one (T, D) each: words alone, for what they are asked
        about, ``features``, is the prefix."""
        device = self.language.embedding.weight.device
        return [self.language.embedding(torch.tensor(prompt, device=device)) for prompt in prompts]
