"""Where a model looks: the attention weights that ``attend`` computes on the way and throws away.

Nothing in the models changes: while they are watched, each attention layer's inputs are taken down, and its weights
computed once more, as the formula has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from vlmcore.assistant import Answer, Assistant, History
from vlmcore.transformer import Attention, Transformer


def weights_of(attention: Attention, x: Tensor, mask: Tensor | None, rotary: tuple[Tensor, Tensor] | None) -> Tensor:
    """softmax(q·kᵀ / √d) of one layer without a cache. x (B, T, D), already normalised → (B, H, T, T)."""
    query, key, _ = attention.heads(x, rotary)
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)  # (B, H, T, d)
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    return (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(-1)


@contextmanager
def watched(transformer: Transformer) -> Iterator[list[Tensor]]:
    """A list that fills with (B, H, T, T), a layer at a time, while the transformer reads something without a cache."""
    seen: list[Tensor] = []

    def note(attention: Attention, arguments: tuple, _: Tensor) -> None:
        x, mask, rotary, cache = arguments
        assert cache is None, "with a cache the keys of earlier tokens are out of sight: read it all at once"
        seen.append(weights_of(attention, x, mask, rotary).detach())

    hooks = [block.attention.register_forward_hook(note) for block in transformer.blocks]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def looks(
    assistant: Assistant, picture: np.ndarray, question: str, answer: Answer, history: History = ()
) -> tuple[list[str], Tensor]:
    """The words of an answer, and where the model looked in the picture for each: N texts and (N, grid, grid).

    Mean over layers and heads of the attention from the place that a word was made at. The shares of one word add up to
    less than 1: the rest went to words.
    """
    model, chat = assistant.model, assistant.chat
    prompt = assistant.prompt(history, question)
    said = [*chat.encode(answer.whole), chat.stop]
    ids = torch.tensor([prompt + said], device=model.language.embedding.weight.device)
    with watched(model.language.transformer) as seen:
        model(ids, assistant.see([picture]))
    grid = model.config.vision.grid
    weights = torch.stack(seen).mean(dim=(0, 2))[0]  # over layers and heads: (T, T)
    made_at = slice(len(prompt) - 1, len(prompt) - 1 + len(said))  # a word is made where the one before it stands
    return [chat.tokenizer.decode([token]) for token in said], weights[made_at, : grid**2].view(-1, grid, grid).cpu()
