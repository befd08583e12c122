"""DALL·E's dVAE (Ramesh et al. 2021): a picture becomes a grid of codes, and codes become a picture again.

::

    pixels ──► encoder ──► logits of V codes at each place ──► softmax with Gumbel noise ──► decoder ──► mean and spread
                                                  └─► argmax: the codes                              of each pixel

Design choices:
- a code is *chosen by probability*, not by distance: no codebook is searched, no gradient has to jump over a choice. At
  a high temperature the decoder sees mixtures of codes, at a low one nearly one of them;
- the decoder's first matrix turns code v into its vector: that matrix is the codebook;
- the decoder tells of each colour a mean and a spread (logit-Laplace, losses in training/dvae_loss.py), since a pixel
  lies between 0 and 1 and edges are harder to foretell than plains;
- each block adds a small change: id + res / n², n blocks in all.

Source: openai/DALL-E, dall_e/encoder.py and decoder.py. transformers' FlavaImageCodebook is the same encoder.

Shapes: B pictures, S pixels a side, g places a side (S / 2^(groups − 1)), V codes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MARGIN = 0.1  # pixels are squeezed into 0.1 … 0.9: the logit of 0 or 1 would be infinite


@dataclass(frozen=True)
class DVAEConfig:
    image: int = 64  # pixels a side
    codes: int = 1024  # V; 8192 in the original
    width: int = 32  # channels of the first group; it doubles with every halving of the picture; 256 in the original
    code_width: int = 128  # of the decoder's vector for a code
    groups: int = 4  # between them the picture is halved
    blocks: int = 2  # in a group

    def __post_init__(self) -> None:
        step = 2 ** (self.groups - 1)
        assert self.image % step == 0, f"a picture of {self.image} pixels cannot be halved {self.groups - 1} times"
        assert self.width % 4 == 0, (
            f"a block's narrow middle is a quarter of {self.width} channels: give a multiple of 4"
        )

    @property
    def grid(self) -> int:
        """Codes a side."""
        return self.image // 2 ** (self.groups - 1)

    @property
    def bits_per_pixel(self) -> float:
        """What the codes of a picture cost."""
        return self.grid**2 * math.log2(self.codes) / self.image**2


class Bottleneck(nn.Module):
    """id + res / n²: four convolutions, the inner ones four times narrower. (B, C, s, s) → (B, C', s, s)."""

    def __init__(self, before: int, after: int, kernels: tuple[int, ...], gain: float) -> None:
        super().__init__()
        channels = [before, *[after // 4] * 3, after]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, k, padding=k // 2) for a, b, k in zip(channels, channels[1:], kernels, strict=False)
        )
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        self.gain = gain

    def forward(self, x: Tensor) -> Tensor:
        change = x
        for convolution in self.convolutions:
            change = convolution(F.relu(change))
        return self.skip(x) + self.gain * change


def group(before: int, after: int, kernels: tuple[int, ...], config: DVAEConfig) -> nn.Sequential:
    """As many blocks of one width as a group has."""
    gain = 1 / (config.groups * config.blocks) ** 2
    widths = [before, *[after] * config.blocks]
    return nn.Sequential(*(Bottleneck(a, b, kernels, gain) for a, b in zip(widths, widths[1:], strict=False)))


class DVAEEncoder(nn.Module):
    """Pixels (B, 3, S, S), squeezed → logits (B, V, g, g)."""

    def __init__(self, config: DVAEConfig) -> None:
        super().__init__()
        widths = [config.width * 2**n for n in range(config.groups)]
        self.first = nn.Conv2d(3, config.width, 7, padding=3)
        self.groups = nn.ModuleList(
            group(before, after, (3, 3, 3, 1), config)
            for before, after in zip([config.width, *widths], widths, strict=False)
        )
        self.last = nn.Conv2d(widths[-1], config.codes, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.first(pixels)
        for number, blocks in enumerate(self.groups):
            x = blocks(F.max_pool2d(x, 2) if number else x)
        return self.last(F.relu(x))


class DVAEDecoder(nn.Module):
    """One-hot codes, or a mixture of codes (B, V, g, g) → means and log spreads (B, 6, S, S)."""

    def __init__(self, config: DVAEConfig) -> None:
        super().__init__()
        widths = [config.width * 2**n for n in reversed(range(config.groups))]
        self.codebook = nn.Conv2d(config.codes, config.code_width, 1)
        self.groups = nn.ModuleList(
            group(before, after, (1, 3, 3, 3), config)
            for before, after in zip([config.code_width, *widths], widths, strict=False)
        )
        self.last = nn.Conv2d(config.width, 6, 1)

    def forward(self, chosen: Tensor) -> Tensor:
        x = self.codebook(chosen)
        for number, blocks in enumerate(self.groups):
            x = blocks(F.interpolate(x, scale_factor=2, mode="nearest") if number else x)
        return self.last(F.relu(x))


class DVAE(nn.Module):
    """Pictures → codes → pictures."""

    def __init__(self, config: DVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder, self.decoder = DVAEEncoder(config), DVAEDecoder(config)

    def forward(self, pixels: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
        """Squeezed pixels (B, 3, S, S) → what the decoder says (B, 6, S, S), and the logits (B, V, g, g).

        The codes are drawn with Gumbel noise; the lower the temperature, the nearer to one code at each place.
        """
        logits = self.encoder(pixels)
        return self.decoder(F.gumbel_softmax(logits.float(), temperature, dim=1).to(logits.dtype)), logits

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """uint8 (B, S, S, 3) → codes (B, g²), row by row."""
        return self.encoder(squeeze(pictures)).argmax(1).flatten(1)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """codes (B, g²) → uint8 (B, S, S, 3)."""
        g = self.config.grid
        chosen = F.one_hot(codes, self.config.codes).view(len(codes), g, g, -1).permute(0, 3, 1, 2)
        return stretch(self.decoder(chosen.to(self.decoder.codebook.weight.dtype)))


def squeeze(pictures: Tensor) -> Tensor:
    """uint8 (B, S, S, 3) → (B, 3, S, S) between MARGIN and 1 − MARGIN."""
    return pictures.permute(0, 3, 1, 2).float() / 255 * (1 - 2 * MARGIN) + MARGIN


def stretch(told: Tensor) -> Tensor:
    """The picture in what the decoder says (B, 6, S, S): the means' sigmoid, unsqueezed → uint8 (B, S, S, 3)."""
    means = told[:, :3].float().sigmoid()
    pixels = ((means - MARGIN) / (1 - 2 * MARGIN)).clamp(0, 1)
    return (pixels * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
