"""Decoding: from prompts to answers, one token at a time, over any language model.

Design choices:
- prompts come as embeddings, so that a picture's vectors, or anything else, may stand among the words; LLaVA is one
  caller, a painter that writes image tokens another;
- the prompts are read once (prefill); after that each step computes one new token a row against the cache;
- what has to stand in the same columns of every row is read before the prompts (``Prefix``): CogVLM's pictures;
- prompts of different lengths share a batch by padding on the left: every row's newest token is in the last column;
- rows that have said <stop> leave the batch whenever it has halved: most answers are far shorter than the longest.

Shapes: B rows, T tokens of the longest prompt, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from vlmcore.decoding.decode_step import decode_step, lay_out_by_input, left_padded, prefill
from vlmcore.decoding.sampling import sample
from vlmcore.errors import VlmError
from vlmcore.models.cache import Cache
from vlmcore.models.language import LanguageModel
from vlmcore.models.prefix import NOTHING, Prefix

LONGEST = 4096  # prompt and answer together may have so many tokens: the cache takes its memory at once

Allowed = Callable[[int], Tensor]  # number of the new token, from 0 → (V,) True = may be said, on any device


@torch.inference_mode()
def steps(
    model: LanguageModel,
    prompts: Sequence[Tensor],
    stop: int,
    max_tokens: int,
    temperature: float,
    top_p: float,
    seed: int,
    allowed: Allowed | None,
    prefix: Prefix,
) -> Iterator[tuple[int, int]]:
    """(row, its next token), step by step, for the rows that have not said ``stop`` yet."""
    longest = max(map(len, prompts), default=0)
    most = min(LONGEST, model.config.learned_positions or LONGEST)
    past = prefix.columns
    refuse(prompts, past + longest, max_tokens, temperature, top_p, most)
    lay_out_by_input(model)
    device, B = prompts[0].device, len(prompts)
    embeddings = pad_sequence(list(prompts), batch_first=True, padding_side="left")  # (B, T, D)
    padding = torch.tensor([longest - len(prompt) for prompt in prompts], device=device)  # (B,)
    columns = torch.arange(longest + max_tokens, device=device)
    positions, mask = left_padded(padding, longest)  # (B, T), (B, 1, T, T)
    mask = F.pad(mask, (past, 0), value=True)  # (B, 1, T, past + T)
    cache = Cache(model.config.transformer, B, past + longest + max_tokens, like=embeddings)
    first = prefix.read(cache)
    generator = torch.Generator(device).manual_seed(seed)
    logits = prefill(model, embeddings, first + positions, mask, cache)  # (B, V)
    ragged = bool(padding.any())
    rows: list[int | None] = list(range(B))  # whose answer stands where in the batch; None: it has ended
    for number in range(max_tokens):
        if allowed is not None:
            logits = logits.masked_fill(~allowed(number).to(device), -torch.inf)
        tokens = sample(logits, temperature, top_p, generator)  # (B,)
        for place, token in enumerate(tokens.tolist()):
            if token == stop:
                rows[place] = None
            elif (row := rows[place]) is not None:
                yield row, token
        going = [place for place, row in enumerate(rows) if row is not None]
        if not going or number == max_tokens - 1:
            return
        if 2 * len(going) <= len(rows):  # not one by one: each time the cache is copied
            cache.keep(going)
            tokens, padding, rows = tokens[going], padding[going], [rows[place] for place in going]
        newest = longest + number  # the column of these tokens, counted behind the prefix
        mask = None
        if ragged:
            mask = F.pad((columns[None, : newest + 1] >= padding[:, None])[:, None, None], (past, 0), value=True)
        logits = decode_step(model, tokens, first + newest - padding, cache, mask)  # mask (B, 1, 1, S)


def refuse(
    prompts: Sequence[Tensor], longest: int, max_tokens: int, temperature: float, top_p: float, most: int
) -> None:
    """Errors: VlmError for what cannot be decoded."""
    if min(map(len, prompts), default=0) == 0:
        raise VlmError("an empty prompt: there is nothing to answer")
    if temperature < 0 or not 0 < top_p <= 1:
        raise VlmError(
            f"temperature {temperature} and top_p {top_p}: temperature must be at least 0, top_p above 0 and at most 1"
        )
    if max_tokens < 1:
        raise VlmError(f"an answer of {max_tokens} tokens: max_tokens must be at least 1")
    if longest + max_tokens > most:
        raise VlmError(
            f"prompt and answer may have {most} tokens together, not {longest} + {max_tokens}: ask in fewer words"
        )


def generate(
    model: LanguageModel,
    prompts: Sequence[Tensor],
    *,
    stop: int,
    max_tokens: int = 96,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
    allowed: Allowed | None = None,
    prefix: Prefix = NOTHING,
) -> list[list[int]]:
    """Answers without <stop> to prompts of embeddings, each (T, D). ``allowed``: which tokens a step may choose from.
    ``prefix``: what every row has read before its prompt.

    Errors: VlmError for empty or too long prompts and impossible settings.
    """
    answers: list[list[int]] = [[] for _ in prompts]
    for row, token in steps(model, prompts, stop, max_tokens, temperature, top_p, seed, allowed, prefix):
        answers[row].append(token)
    return answers


def stream(
    model: LanguageModel,
    prompt: Tensor,
    *,
    stop: int,
    max_tokens: int = 96,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
    allowed: Allowed | None = None,
    prefix: Prefix = NOTHING,
) -> Iterator[int]:
    """One answer, token by token, as it is made."""
    for _, token in steps(model, [prompt], stop, max_tokens, temperature, top_p, seed, allowed, prefix):
        yield token
