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


# -- text, then a picture's codes: side × side of them, row by row -----------------------------------------------------


def row(text: int, side: int) -> Tensor:
    """DALL·E: a code sees all text and the ``side`` codes before it; the window wraps → (1, 1, T, T), T = text + side².

    Said to be "the same row", it is as many codes as a row has: for the first code of a row they are the row above.
    """
    return _of_codes(text, _behind(side) <= side)


def column(text: int, side: int) -> Tensor:
    """DALL·E: a code sees all text and the codes straight above it → (1, 1, T, T)."""
    return _of_codes(text, _behind(side) % side == 0)


def convolution(text: int, side: int, kernel: int) -> Tensor:
    """DALL·E: a code sees all text and what lies before it in the kernel × kernel codes around it → (1, 1, T, T)."""
    assert kernel % 2, f"a kernel of {kernel} has no middle: take an odd one"
    number = torch.arange(side * side)
    place = torch.stack([number // side, number % side], dim=-1)  # (I, 2)
    apart = (place[:, None] - place[None, :]).abs().amax(-1)
    return _of_codes(text, apart <= kernel // 2)


def coglm(hidden: Tensor, text: int) -> Tensor:
    """CogView2's CogLM, when it reads a picture with gaps and then text: hidden (I,), True = a gap → (1, 1, T, T).

    Codes that are there see one another, before and behind. A gap sees them and the gaps before it: so what stands in
    it is foretold from all sides. The text sees the picture and the text before it, the picture no text.
    """
    I = len(hidden)
    mask = causal(I + text, device=hidden.device)
    mask[..., :I, :I] = ~hidden[None, :] | (hidden[:, None] & hidden[None, :] & mask[0, 0, :I, :I])
    return mask


def _behind(side: int) -> Tensor:
    """How many codes code j stands before code i (I, I)."""
    number = torch.arange(side * side)
    return number[:, None] - number[None, :]


def _of_codes(text: int, seen: Tensor) -> Tensor:
    """Causal, and all codes see all text; of the codes before it each sees those of ``seen`` (I, I)."""
    mask = causal(text + len(seen))
    mask[..., text:, text:] &= seen
    return mask
