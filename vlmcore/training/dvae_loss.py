"""The loss of DALL·E's dVAE (Ramesh et al. 2021, appendix A): how likely the pixels are, and how even the codes.

Shapes: B pictures, S pixels a side, V codes, g places a side.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def logit_laplace(told: Tensor, pixels: Tensor) -> Tensor:
    """The negative log-likelihood of squeezed pixels (B, 3, S, S), the mean over all numbers, in nats.

    told (B, 6, S, S): of each colour's logit a mean μ and ln b. A number x between 0 and 1 has the density
    exp(−|logit x − μ| / b) / (2 b x (1 − x)): the Laplace distribution of its logit.
    """
    means, log_spreads = told.float().chunk(2, dim=1)
    apart = (torch.logit(pixels) - means).abs() * torch.exp(-log_spreads)
    return (apart + log_spreads + math.log(2) + torch.log(pixels * (1 - pixels))).mean()


def kl_to_uniform(logits: Tensor) -> Tensor:
    """How far the encoder's choice at each place is from an even one: KL(q ‖ uniform) in nats, (B, V, g, g) → mean.

    0: it cannot decide; ln V: it has no doubt. Held down, it makes the encoder use many codes.
    """
    log_q = F.log_softmax(logits.float(), dim=1)
    return (log_q.exp() * (log_q + math.log(logits.shape[1]))).sum(1).mean()


def cosine(start: float, end: float, share: float) -> float:
    """From start to end along half a cosine, ``share`` of the way: the temperature's path, 1 to 1/16."""
    return end + (start - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
