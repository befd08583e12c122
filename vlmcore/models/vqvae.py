"""CogView's VQ-VAE (van den Oord et al. 2017; Ding et al. 2021): a picture becomes codes, and a picture again.

::

    pixels ──► encoder ──► a vector at each place ──► nearest code ──► decoder ──► pixels
    64 × 64     three times halved, 8 × 8                 │
                                                          └─► its number

Design choices:
- three convolutions halve the picture, three turn it back: no residual blocks, as in CogView (which has 512
  channels);
- the vectors are made narrow before codes are looked for: among few numbers many codes are near something;
- beside it stands dvae.py, DALL·E's way: a code chosen by probability instead of by distance.

Source: THUDM/CogView, vqvae/vqvae_zc.py.

Shapes: B pictures, S pixels a side, g places a side (S / 8), D the width of a code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from vlmcore.models.vector_quantiser import QuantiserConfig, VectorQuantiser

HALVINGS = 3


@dataclass(frozen=True)
class VQVAEConfig:
    image: int = 64  # pixels a side
    channels: int = 64  # of the convolutions; 512 in the original
    quantiser: QuantiserConfig = field(default_factory=QuantiserConfig)

    def __post_init__(self) -> None:
        assert self.image % 2**HALVINGS == 0, f"a picture of {self.image} pixels cannot be halved {HALVINGS} times"

    @property
    def grid(self) -> int:
        """Codes a side."""
        return self.image // 2**HALVINGS

    @property
    def bits_per_pixel(self) -> float:
        """What the codes of a picture cost."""
        return self.grid**2 * math.log2(self.quantiser.codes) / self.image**2


class VQVAE(nn.Module):
    """Pictures → codes → pictures."""

    def __init__(self, config: VQVAEConfig) -> None:
        super().__init__()
        self.config = config
        C, D = config.channels, config.quantiser.width
        self.encoder = nn.Sequential(
            nn.Conv2d(3, C, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(C, C, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(C, C, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(C, D, 1),
        )  # fmt: skip
        self.quantiser = VectorQuantiser(config.quantiser)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(D, C, 4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(C, C, 4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(C, C, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(C, 3, 1),
        )  # fmt: skip

    def vectors(self, pixels: Tensor) -> Tensor:
        """Pixels (B, 3, S, S) → what the encoder makes of each place (B, g, g, D)."""
        return self.encoder(pixels).permute(0, 2, 3, 1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pixels (B, 3, S, S) → the same from their codes, the codes (B, g, g), and the commitment loss."""
        chosen, codes, loss = self.quantiser(self.vectors(pixels))
        return self.decoder(chosen.permute(0, 3, 1, 2)), codes, loss

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """uint8 (B, S, S, 3) → codes (B, g²), row by row."""
        return self.quantiser.nearest(self.vectors(to_pixels(pictures))).flatten(1)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """codes (B, g²) → uint8 (B, S, S, 3)."""
        g = self.config.grid
        chosen = self.quantiser.codebook[codes].view(len(codes), g, g, -1).permute(0, 3, 1, 2)
        return to_pictures(self.decoder(chosen))


def to_pixels(pictures: Tensor) -> Tensor:
    """uint8 (B, S, S, 3) → (B, 3, S, S) between −1 and 1."""
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1


def to_pictures(pixels: Tensor) -> Tensor:
    """What a decoder gives (B, 3, S, S) → uint8 (B, S, S, 3)."""
    return ((pixels.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
