"""The vision encoder g: a picture in, one vector a patch out (lecture 000: X_v → Z_v).

Design choices:
- a vision transformer (ViT, Dosovitskiy et al. 2020): cut into patches, embed each, let all look at all;
- before the patches, an optional convolutional stem (Xiao et al. 2021, "Early convolutions help transformers see
  better"): on two CPU cores it learns several times faster than plain patches and leaves fewer, better tokens;
- after the last block neighbouring patches may be merged (patch_merging.py): fine eyes, few tokens;
- with ``stem=()`` and a class token it is exactly CLIP's ViT, so that published weights fit.

Shapes: B batch, C channels, P patches (+ 1 with a class token), K tokens that leave the encoder, D width.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vlmcore.models.config import TransformerConfig, encoder_config
from vlmcore.models.patch_merging import PatchMerging
from vlmcore.models.transformer import Transformer, make_norm


@dataclass(frozen=True)
class VisionConfig:
    image: int = 64  # pixels a side
    patch: int = 2  # pixels a side of a patch, counted after the stem
    stem: tuple[int, ...] = (32, 64, 128)  # channels of the stem's stages, each halving the picture
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)  # of each colour, 0 to 1: what the encoder takes for grey
    deviation: tuple[float, float, float] = (0.5, 0.5, 0.5)  # and how far a colour strays: pixels are in its units
    merge: int = 1  # so many patches a side become one token at the end
    class_token: bool = False  # CLIP's extra token that looks at all patches
    norm_first: bool = False  # CLIP normalises the embeddings before the first block
    transformer: TransformerConfig = field(
        default_factory=lambda: encoder_config(width=192, layers=3, heads=6, intermediate_size=768)
    )

    def __post_init__(self) -> None:
        step = self.patch * 2 ** len(self.stem)
        assert self.image % step == 0, f"a picture of {self.image} pixels cannot be cut into patches of {step}"
        assert self.grid % self.merge == 0, f"{self.grid} patches a side cannot be merged by {self.merge}"

    @property
    def grid(self) -> int:
        """Patches a side."""
        return self.image // (self.patch * 2 ** len(self.stem))

    @property
    def patches(self) -> int:
        return self.grid**2

    @property
    def token_grid(self) -> int:
        """Tokens a side, after merging."""
        return self.grid // self.merge

    @property
    def tokens(self) -> int:
        """How many vectors ``features`` gives."""
        return self.token_grid**2


class Stem(nn.Module):
    """Stages of two 3×3 convolutions, the first of which halves the picture. (B, 3, S, S) → (B, C, S/2ⁿ, S/2ⁿ)."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.halve, self.refine, self.norms = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        before = 3
        for after in channels:
            self.halve.append(nn.Conv2d(before, after, 3, stride=2, padding=1))
            self.refine.append(nn.Conv2d(after, after, 3, padding=1))
            self.norms.append(nn.GroupNorm(1, after))
            before = after

    def forward(self, x: Tensor) -> Tensor:
        for halve, refine, norm in zip(self.halve, self.refine, self.norms, strict=True):
            x = F.gelu(norm(halve(x)))
            x = x + F.gelu(refine(x))
        return x


class PatchEmbedding(nn.Conv2d):
    """A vector for each patch: an embedding by trade, which the optimiser treats as such (training/muon.py)."""


class VisionEncoder(nn.Module):
    """Pictures → a vector for each patch."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.config = config
        width = config.transformer.width
        self.stem = Stem(config.stem)
        channels = config.stem[-1] if config.stem else 3
        self.patch_embedding = PatchEmbedding(channels, width, config.patch, stride=config.patch, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width) * 0.02) if config.class_token else None
        self.positions = nn.Parameter(torch.randn(config.patches + config.class_token, width) * 0.02)
        self.norm_first = make_norm(config.transformer) if config.norm_first else nn.Identity()
        self.transformer = Transformer(config.transformer)
        self.norm = make_norm(config.transformer)
        self.merge = PatchMerging(width, config.merge) if config.merge > 1 else nn.Identity()

    def normalise(self, pictures: Tensor) -> Tensor:
        """uint8 (B, S, S, 3) → pixels (B, 3, S, S) around 0, by the mean and deviation that this encoder knows."""
        mean, deviation = (
            torch.tensor(values, device=pictures.device)[:, None, None]  # (3, 1, 1)
            for values in (self.config.mean, self.config.deviation)
        )
        pixels = pictures.permute(0, 3, 1, 2).float() / (255 * deviation) - mean / deviation
        return pixels.contiguous() if pixels.is_mps else pixels  # channels last as they came; plain on MPS (device.py)

    def forward(self, pixels: Tensor, layers: int | None = None) -> Tensor:
        """pixels (B, 3, S, S), normalised → (B, P [+ 1], D): the stream after ``layers`` blocks, not yet normed."""
        size = self.config.image
        assert pixels.shape[1:] == (3, size, size), f"expected (B, 3, {size}, {size}), got {tuple(pixels.shape)}"
        x = self.patch_embedding(self.stem(pixels))  # (B, D, grid, grid)
        x = x.flatten(2).transpose(1, 2)  # (B, P, D)
        if self.class_embedding is not None:
            x = torch.cat([self.class_embedding.expand(len(x), 1, -1), x], dim=1)
        return self.transformer(self.norm_first(x + self.positions), layers=layers)

    def features(self, pixels: Tensor, skip: int = 0) -> Tensor:
        """What LLaVA reads: (B, K, D) without the class token.

        ``skip``: how many last blocks to leave out. LLaVA takes CLIP's second-to-last layer (skip=1, the stream as it
        is); our own encoder is trained patch by patch up to its last layer (skip=0, normalised).
        """
        x = self(pixels, layers=self.config.transformer.layers - skip)
        x = self.norm(x) if skip == 0 else x
        return self.merge(x[:, 1:] if self.class_embedding is not None else x)


def patchify(pixels: Tensor, patch: int) -> Tensor:
    """Cut a picture into patches: (B, C, S, S) → (B, P, C·patch·patch), row by row."""
    return F.unfold(pixels, patch, stride=patch).transpose(1, 2)


def unpatchify(patches: Tensor, patch: int) -> Tensor:
    """The way back: (B, P, C·patch·patch) → (B, C, S, S)."""
    size = round(patches.shape[1] ** 0.5) * patch
    return F.fold(patches.transpose(1, 2), size, patch, stride=patch)
