"""Attention maps: where a model looks, by the attention weights that ``attend`` computes on the way and throws away.

Nothing in the models changes: while they are recorded, each attention layer's inputs are taken down, and its weights
computed once more, as the formula has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from vlmcore.assistant import Answer, Assistant, History
from vlmcore.models.attention import Attention
from vlmcore.models.cogvlm import CogVLM
from vlmcore.models.context import Context
from vlmcore.models.transformer import Transformer


def attention_weights(attention: Attention, x: Tensor, context: Context, query_from: Tensor | None = None) -> Tensor:
    """softmax(q·kᵀ / √d) of one layer without a cache. x (B, T, D), already normalised → (B, H, T, T)."""
    query, key, _ = attention.heads(x, context)
    if query_from is not None:
        query = attention.heads(query_from, context)[0]
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)  # (B, H, T, d)
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    return (scores if context.mask is None else scores.masked_fill(~context.mask, -torch.inf)).softmax(-1)


@contextmanager
def recorded(transformer: Transformer) -> Iterator[list[Tensor]]:
    """A list that fills with (B, H, T, T), a layer at a time, while the transformer reads something without a cache."""
    seen: list[Tensor] = []

    def note(attention: Attention, arguments: tuple, named: dict[str, Tensor], _: Tensor) -> None:
        x, context = arguments
        assert context.cache is None, "with a cache the keys of earlier tokens are out of sight: read it all at once"
        seen.append(attention_weights(attention, x, context, **named).detach())

    hooks = [block.attention.register_forward_hook(note, with_kwargs=True) for block in transformer.blocks]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def attention_maps(
    assistant: Assistant, picture: np.ndarray, question: str, answer: Answer, history: History = ()
) -> tuple[list[str], Tensor]:
    """The words of an answer, and where the model looked in the picture for each: N texts and (N, grid, grid).

    Mean over layers and heads of the attention from the place that a word was made at. The shares of one word add up to
    less than 1: the rest went to words.
    """
    model, chat = assistant.model, assistant.chat
    prompt = assistant.prompt(history, question)
    eyes, first = model.config.vision, 0  # the column of the first patch
    if isinstance(model, CogVLM):  # reads its picture before the prompt, from boi to eoi
        prompt, first = [chat.image] * (eyes.patches + 2) + prompt, 1
    said = [*chat.encode(answer.whole), chat.stop]
    ids = torch.tensor([prompt + said], device=model.language.embedding.weight.device)
    with recorded(model.language.transformer) as seen:
        model(ids, assistant.encode_image([picture]))
    grid = eyes.token_grid
    weights = torch.stack(seen).mean(dim=(0, 2))[0]  # over layers and heads: (T, T)
    made_at = slice(len(prompt) - 1, len(prompt) - 1 + len(said))  # a word is made where the one before it stands
    maps = weights[made_at, first : first + grid**2].view(-1, grid, grid).cpu()
    return [chat.tokenizer.decode([token]) for token in said], maps
