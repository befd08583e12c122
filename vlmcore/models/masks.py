"""Who may look at whom: attention masks as boolean tensors, True = may look.

Rows ask, columns answer: ``mask[i, j]`` says whether token i sees token j. Every mask has shape (1 or B, 1, T, S), so
that it broadcasts over the heads and goes into ``torch.nn.functional.scaled_dot_product_attention`` as it is.
"""

from __future__ import annotations

import torch
from torch import Tensor


def causal(length: int, past: int = 0, device: torch.device | str | None = None) -> Tensor:
    """Each of ``length`` new tokens sees the ``past`` ones, itself and the new ones before it → (1, 1, T, past + T)."""
    return torch.ones(length, past + length, dtype=torch.bool, device=device).tril(past)[None, None]


def prefix(length: int, seen: int, device: torch.device | str | None = None) -> Tensor:
    """Causal, but the first ``seen`` tokens also see each other (PrefixLM) → (1, 1, T, T)."""
    mask = causal(length, device=device)
    mask[..., :seen, :seen] = True
    return mask


def packed(document: Tensor, segment: Tensor) -> Tensor:
    """Many short examples in one row, none of which sees another.

    document (B, T): which picture (or text) a token belongs to, −1 for padding.
    segment (B, T): 0 for what the document's segments share (the picture), 1, 2, … for its separate conversations.
    A token sees earlier tokens of its own document that are shared or of its own segment: the picture is read once and
    every question about it is still the first one asked. Padding sees itself alone, so that no softmax is empty.

    ::

            picture  Q1 A1  Q2 A2
        pic    ◣
        Q1 A1  ■       ◣
        Q2 A2  ■              ◣
    """
    T = document.shape[1]
    same_document = document[:, :, None] == document[:, None, :]  # (B, T, T)
    same_segment = (segment[:, None, :] == 0) | (segment[:, :, None] == segment[:, None, :])
    real = (document >= 0)[:, None, :]
    order = torch.ones(T, T, dtype=torch.bool, device=document.device).tril()
    itself = torch.eye(T, dtype=torch.bool, device=document.device)
    return ((same_document & same_segment & real & order) | itself)[:, None]
