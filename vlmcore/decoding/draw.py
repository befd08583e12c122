"""Drawing: the codes of pictures, one place after another, by any language model that writes them.

Design choices:
- a picture has as many codes as any other: no row ends before the others, so none leaves the batch;
- of the vocabulary only the codes may be drawn;
- classifier-free guidance (Ho and Salimans 2022) reads every row twice, with its text and with none, and goes on in the
  direction in which the text has moved the logits: none + g · (text − none). DALL·E, CogView and CogView2 do
  without it; models that came later rest on it.

Shapes: B rows, T tokens of the longest prompt, V vocabulary, K codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from vlmcore.decoding.decode_step import decode_step, lay_out_by_input, left_padded, prefill
from vlmcore.decoding.sampling import likeliest, sample
from vlmcore.errors import VlmError
from vlmcore.models.cache import Cache
from vlmcore.models.language import LanguageModel


@dataclass(frozen=True)
class Drawing:
    """How freely codes are drawn."""

    temperature: float = 1.0  # 0: always the likeliest code
    top_k: int | None = None  # only so many of the likeliest; None: all
    guidance: float = 1.0  # 1: none

    def __post_init__(self) -> None:
        if self.temperature < 0 or self.guidance < 0 or (self.top_k is not None and self.top_k < 1):
            raise VlmError(
                f"temperature {self.temperature}, guidance {self.guidance}, top_k {self.top_k}: temperature and "
                "guidance must be at least 0, top_k at least 1"
            )


@torch.inference_mode()
def draw(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    codes: range,
    count: int,
    how: Drawing = Drawing(),
    *,
    blank: Sequence[int] | None = None,
    seed: int = 0,
) -> Iterator[Tensor]:
    """``count`` times the next code of every row (B,), counted from 0.

    codes: which ids of the vocabulary they are. blank: the prompt without text, which guidance needs.
    """
    if not prompts or min(map(len, prompts)) == 0:
        raise VlmError("an empty prompt: there is nothing to draw")
    guided = how.guidance != 1
    if guided and blank is None:
        raise VlmError("guidance needs the prompt without text as well: pass blank")
    lay_out_by_input(model)
    device, B = model.embedding.weight.device, len(prompts)
    rows = [torch.tensor(row, device=device) for row in (*prompts, *([blank] * B if guided else []))]
    longest = max(map(len, rows))
    ids = pad_sequence(rows, batch_first=True, padding_side="left")  # (B or 2B, T)
    padding = torch.tensor([longest - len(row) for row in rows], device=device)
    positions, mask = left_padded(padding, longest)
    embeddings = model.embedding(ids)
    cache = Cache(model.config.transformer, len(rows), longest + count, like=embeddings)
    generator = torch.Generator(device).manual_seed(seed)
    logits = prefill(model, embeddings, positions, mask, cache)  # (B or 2B, V)
    ragged, columns = bool(padding.any()), torch.arange(longest + count, device=device)
    for number in range(count):
        logits = logits[:, codes.start : codes.stop].float()  # (B or 2B, K)
        if guided:
            told, untold = logits.chunk(2)
            logits = torch.lerp(untold, told, how.guidance)
        if how.top_k is not None:
            logits = likeliest(logits, how.top_k)
        drawn = sample(logits, how.temperature, 1.0, generator)  # (B,)
        yield drawn
        if number == count - 1:
            return
        tokens = (codes.start + drawn).repeat(2 if guided else 1)
        newest = longest + number
        mask = None
        if ragged:
            mask = (columns[None, : newest + 1] >= padding[:, None])[:, None, None]  # (B or 2B, 1, 1, S)
        logits = decode_step(model, tokens, newest - padding, cache, mask)
