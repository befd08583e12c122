"""The losses of the language model and of LLaVA's two stages, and where they are taken.

Shapes: B rows, T tokens, V vocabulary, N supervised positions or pictures, P patches, D width.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from vlmcore.models.cogvlm import CogVLM
from vlmcore.models.llava import LLaVA
from vlmcore.models.word_map import embed_word_map
from vlmcore.text.chat import IGNORE
from vlmcore.text.packing import Batch


def supervised(batch: Batch) -> tuple[Tensor, Tensor]:
    """The label mask: where logits are needed (B, T), and what should stand after each of those places (N,).

    Ignored places fill N up to a multiple of 256: the CPU's library keeps code for every size of product that it meets,
    and a new size each step would cost a gigabyte.
    """
    following = F.pad(batch.labels[:, 1:], (0, 1), value=IGNORE)
    positions = following != IGNORE
    spare = (~positions).flatten().nonzero().flatten()[: -int(positions.sum()) % 256]
    positions.view(-1)[spare] = True
    return positions, following[positions]


def answer_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the supervised tokens. logits (N, V) at the places before them, labels (N,)."""
    return F.cross_entropy(logits.float(), labels) if len(labels) else logits.float().sum()  # 0, not NaN, for no token


def next_token_loss(model: LLaVA | CogVLM, batch: Batch, features: Tensor | None = None) -> Tensor:
    """The mean negative log-likelihood of a packed batch's supervised tokens.

    features (N, P, D_v) of its pictures; without them, its word maps stand in their place, if it has any.
    """
    positions, labels = supervised(batch)
    maps = {} if batch.cells is None else {"cells": batch.cells, "corners": batch.corners}
    logits = model(batch.ids, features, **maps, positions=batch.positions, mask=batch.mask, logit_positions=positions)
    return answer_loss(logits, labels)


def word_map_loss(model: LLaVA | CogVLM, batch: Batch, features: Tensor) -> Tensor:
    """How far H_v is from the word maps, as a share of how far these are from their mean (1 − R²)."""
    connect = model.adapter if isinstance(model, CogVLM) else model.projector
    target = embed_word_map(model.language.embedding, batch.cells, batch.corners)
    return F.mse_loss(connect(features).float(), target) / target.var()
