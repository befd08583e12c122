"""What every block of a forward pass is told beside the residual stream: one frozen object, handed through."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from vlmcore.models.cache import Cache


@dataclass(frozen=True)
class Context:
    """Transformer → Block → Attention: who may look at whom, where each token stands, what has been read before.

    A new system reads here what it needs (CogVLM its ``image``), and no signature in between has to change.
    """

    mask: Tensor | None = None  # broadcastable to (B, H, T, S), True = may look; None: everything
    positions: Tensor | None = None  # (T,) or (B, T), for rotary positions
    rotary: tuple[Tensor, Tensor] | None = None  # cosines and sines of the positions: the Transformer fills them in
    cache: Cache | None = None  # keys and values of earlier tokens; None: nothing was read before
    image: slice | None = None  # the columns that hold the picture's tokens; None: text alone
