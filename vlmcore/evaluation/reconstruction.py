"""What an image tokenizer keeps of a picture, and at what cost: PSNR, the codes in use, bits beside PNG, JPEG and WebP.

Codes are counted over all pictures given, not a batch at a time: a batch of 32 pictures has 2,048 places and can never
show that 4,096 codes are in use.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vlmcore.models.dvae import DVAE
from vlmcore.models.vqvae import VQVAE


@dataclass(frozen=True)
class Reconstruction:
    """Means over pictures."""

    psnr: float  # decibels
    used: float  # share of the codes that any picture uses
    perplexity: float  # how many codes, evenly used, would be as varied
    bits_per_pixel: float


def psnr(pictures: Tensor, others: Tensor) -> Tensor:
    """Peak signal to noise of each pair of uint8 pictures (N, S, S, 3), in decibels (N,)."""
    error = (pictures.float() - others.float()).square().mean((1, 2, 3))
    return 10 * torch.log10(255**2 / error.clamp(min=1e-10))


def perplexity(codes: Tensor, count: int) -> float:
    """2 to the entropy of how often each of ``count`` codes is used."""
    share = torch.bincount(codes.flatten(), minlength=count).double() / codes.numel()
    return float(torch.exp(-(share * share.clamp(min=1e-12).log()).sum()))


def reconstruct(model: VQVAE | DVAE, pictures: Tensor, rows: int = 128) -> tuple[Tensor, Tensor]:
    """uint8 pictures (N, S, S, 3) → their codes (N, g²), and the pictures that these give."""
    device = next(model.parameters()).device
    codes = torch.cat([model.encode(part.to(device)).cpu() for part in pictures.split(rows)])
    back = torch.cat([model.decode(part.to(device)).cpu() for part in codes.split(rows)])
    return codes, back


def measure(model: VQVAE | DVAE, pictures: Tensor) -> Reconstruction:
    """A tokenizer on pictures that it has not learned from."""
    codes, back = reconstruct(model, pictures)
    config = model.config
    count = config.quantiser.codes if isinstance(model, VQVAE) else config.codes
    return Reconstruction(
        psnr=float(psnr(pictures, back).mean()),
        used=len(codes.unique()) / count,
        perplexity=perplexity(codes, count),
        bits_per_pixel=config.bits_per_pixel,
    )


def file_bits(picture: np.ndarray, kind: str, **options: object) -> tuple[float, np.ndarray]:
    """What a picture file costs, in bits per pixel, and the picture it gives back. kind: "png", "jpeg" or "webp"."""
    stored = io.BytesIO()
    Image.fromarray(picture).save(stored, kind, **options)
    back = np.asarray(Image.open(stored).convert("RGB"))
    return 8 * len(stored.getvalue()) / math.prod(picture.shape[:2]), back
