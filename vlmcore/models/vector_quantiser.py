"""Vector quantisation (van den Oord et al. 2017): a vector becomes the nearest of K codes, and so a number.

::

    z ──► nearest code e ──► z + (e − z) ──► decoder
              │                 └─ held constant: the gradient passes straight through to z
              └──► the code moves towards the mean of all that chose it

Design choices:
- the codes learn by moving averages (EMA) of the vectors that chose them, not by gradients (decay 0.99, as in CogView's
  VQ-VAE). A code that few chose would be a mean over next to nothing: Laplace smoothing of the counts holds it back;
- commitment pulls z towards its code, β·‖z − e‖² with e held constant. (Widely copied code had β on the other term,
  ‖e − z‖² with z held constant: with EMA there is no such term at all.);
- a code that no vector is near is dead, and stays dead: nothing moves it. ``revive`` gives it the place of a vector of
  the batch. Its sums move along, else the next average throws it back to where it was;
- the codes may begin as vectors of the first batch (``begin``), and are then all near something.

Source: THUDM/CogView, vqvae/vqvae_zc.py.

Shapes: N vectors, D their width, K codes; … any leading dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class QuantiserConfig:
    codes: int = 1024
    width: int = 32  # of a code: few numbers, and many codes are near something
    decay: float = 0.99  # of the moving averages
    smoothing: float = 1e-5  # is added to each code's count
    commitment: float = 0.25  # β
    dead: float = 0.01  # a code chosen less often a batch, on average, than this share of its fair part is dead

    def __post_init__(self) -> None:
        assert self.codes > 1 and self.width > 0, f"{self.codes} codes of {self.width} numbers tell nothing apart"
        assert 0 <= self.decay < 1, f"averages that keep {self.decay} of what was never learn: choose 0 to 1"


class VectorQuantiser(nn.Module):
    """Vectors → the nearest codes, as vectors and as numbers."""

    codebook: Tensor  # (K, D)
    counts: Tensor  # (K,) how many vectors of a batch chose each code, averaged
    sums: Tensor  # (K, D) and their sum

    def __init__(self, config: QuantiserConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("codebook", torch.randn(config.codes, config.width))
        self.register_buffer("counts", torch.ones(config.codes))
        self.register_buffer("sums", self.codebook.clone())

    def nearest(self, z: Tensor) -> Tensor:
        """z (…, D) → the numbers of the nearest codes (…), in float32 whatever comes in."""
        with torch.autocast(z.device.type, enabled=False):
            z, codebook = z.float(), self.codebook.float()
            distance = codebook.square().sum(-1) - 2 * z @ codebook.T  # (…, K), less ‖z‖², which is the same for all
        return distance.argmin(-1)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """z (…, D) → codes in its place, with z's gradient; their numbers (…); and the commitment loss.

        In training the codebook moves, after it was used.
        """
        codes = self.nearest(z)
        chosen = self.codebook[codes].to(z.dtype)
        loss = self.config.commitment * F.mse_loss(z, chosen)
        if self.training:
            self.update(z.detach().flatten(0, -2).float(), codes.flatten())
        return z + (chosen - z).detach(), codes, loss

    @torch.no_grad()
    def update(self, z: Tensor, codes: Tensor) -> None:
        """Move the averages, and with them the codebook: z (N, D) chose codes (N,)."""
        c = self.config
        counts = torch.bincount(codes, minlength=c.codes).to(z.dtype)
        sums = torch.zeros_like(self.sums).index_add_(0, codes, z)
        self.counts.lerp_(counts, 1 - c.decay)
        self.sums.lerp_(sums, 1 - c.decay)
        total = self.counts.sum()
        smoothed = (self.counts + c.smoothing) / (total + c.codes * c.smoothing) * total
        self.codebook.copy_(self.sums / smoothed[:, None])

    @torch.no_grad()
    def begin(self, z: Tensor) -> None:
        """Let the codes begin as vectors of z (…, D), each chosen as often as the others."""
        self._place(torch.ones_like(self.counts, dtype=torch.bool), z.flatten(0, -2).float())

    @torch.no_grad()
    def revive(self, z: Tensor) -> int:
        """Give dead codes the places of vectors of z (…, D) → how many there were."""
        z = z.flatten(0, -2).float()
        dead = self.counts < self.config.dead * len(z) / self.config.codes
        self._place(dead, z)
        return int(dead.sum())

    def _place(self, which: Tensor, z: Tensor) -> None:
        """Put the codes of ``which`` (K,) at random vectors of z (N, D), with a fair part of the counts."""
        taken = z[torch.randint(len(z), (int(which.sum()),), device=z.device)]
        self.counts[which] = len(z) / self.config.codes
        self.codebook[which] = taken
        self.sums[which] = taken * self.counts[which][:, None]
