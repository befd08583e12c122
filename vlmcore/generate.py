"""Decoding: from a prompt to an answer, one token at a time.

Design choices:
- the prompt is read once; after that each step computes one new token against the cache (vlmcore/decoder.py);
- prompts of different lengths share a batch by padding on the left: every row's newest token is in the last column;
- rows that have said <stop> leave the batch whenever it has halved: most answers are far shorter than the longest.

Shapes: B rows, T tokens of the longest prompt, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from vlmcore.decoder import Decoder
from vlmcore.errors import VlmError
from vlmcore.llava import LLaVA
from vlmcore.transformer import Cache

LONGEST = 4096  # tokens, prompt and answer together


def nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Keep the fewest likeliest tokens that together reach top_p; rows add up to 1 again. (B, V) → (B, V)."""
    likeliest, order = probabilities.sort(dim=-1, descending=True)
    before = likeliest.cumsum(-1) - likeliest  # what is likelier than this one
    kept = likeliest.masked_fill(before >= top_p, 0)
    return torch.zeros_like(kept).scatter(-1, order, kept / kept.sum(-1, keepdim=True))


def sample(logits: Tensor, temperature: float, top_p: float, generator: torch.Generator | None) -> Tensor:
    """The next token of each row. logits (B, V) → (B,). Temperature 0 takes the likeliest; top_p cuts the long tail."""
    if temperature == 0:
        return logits.argmax(-1)
    probabilities = nucleus((logits.float() / temperature).softmax(-1), top_p)
    return torch.multinomial(probabilities, 1, generator=generator).squeeze(-1)


@torch.inference_mode()
def steps(
    model: LLaVA,
    prompts: list[list[int]],
    features: Tensor | None,
    stop: int,
    max_tokens: int,
    temperature: float,
    top_p: float,
    seed: int,
) -> Iterator[tuple[int, int]]:
    """(row, its next token), step by step, for the rows that have not said ``stop`` yet."""
    longest = max(map(len, prompts), default=0)
    if min(map(len, prompts), default=0) == 0:
        raise VlmError("an empty prompt: there is nothing to answer")
    if temperature < 0 or not 0 < top_p <= 1:
        raise VlmError(
            f"temperature {temperature} and top_p {top_p}: temperature must be at least 0, top_p above 0 and at most 1"
        )
    if max_tokens < 1:
        raise VlmError(f"an answer of {max_tokens} tokens: max_tokens must be at least 1")
    if longest + max_tokens > LONGEST:
        raise VlmError(
            f"prompt and answer may have {LONGEST} tokens together, not {longest} + {max_tokens}: ask in fewer words"
        )
    device = model.language.embedding.weight.device
    B = len(prompts)
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts], device=device)
    padding = torch.tensor([longest - len(prompt) for prompt in prompts], device=device)  # (B,)
    columns = torch.arange(longest + max_tokens, device=device)
    real = columns[None, :longest] >= padding[:, None]  # (B, T)
    ids = ids.masked_fill(~real, model.config.image_token ^ 1)  # padding must not look like a picture
    positions = (columns[None, :longest] - padding[:, None]).clamp(min=0)
    seen = columns[None, None, :longest] <= columns[None, :longest, None]  # causal (1, T, T)
    mask = (seen & real[:, None] | torch.eye(longest, dtype=torch.bool, device=device))[:, None]  # (B, 1, T, T)
    cache = Cache(model.language.config.transformer, B, longest + max_tokens, like=model.language.embedding.weight)
    generator = torch.Generator(device).manual_seed(seed)
    last = torch.zeros_like(ids, dtype=torch.bool)
    last[:, -1] = True
    logits = model(ids, features, positions=positions, mask=mask, cache=cache, at=last)  # (B, V)
    decoder, ragged = Decoder(model.language, cache), bool(padding.any())
    rows: list[int | None] = list(range(B))  # whose answer stands where in the batch; None: it has ended
    for end in range(longest + 1, longest + max_tokens + 1):
        tokens = sample(logits, temperature, top_p, generator)  # (B,)
        for place, token in enumerate(tokens.tolist()):
            if token == stop:
                rows[place] = None
            elif (row := rows[place]) is not None:
                yield row, token
        going = [place for place, row in enumerate(rows) if row is not None]
        if not going or end == longest + max_tokens:
            return
        if 2 * len(going) <= len(rows):  # not one by one: each time the cache is copied
            cache.keep(going)
            tokens, padding, rows = tokens[going], padding[going], [rows[place] for place in going]
        mask = (columns[None, :end] >= padding[:, None])[:, None, None] if ragged else None  # (B, 1, 1, S)
        logits = decoder(tokens, end - 1 - padding, mask)


def generate(
    model: LLaVA,
    prompts: list[list[int]],
    features: Tensor | None = None,
    *,
    stop: int,
    max_tokens: int = 96,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
) -> list[list[int]]:
    """Answers without <stop>. With ``features`` (N, P, D_v), prompts begin with <image> once per patch."""
    answers: list[list[int]] = [[] for _ in prompts]
    for row, token in steps(model, prompts, features, stop, max_tokens, temperature, top_p, seed):
        answers[row].append(token)
    return answers


def stream(
    model: LLaVA,
    prompt: list[int],
    features: Tensor | None = None,
    *,
    stop: int,
    max_tokens: int = 96,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
) -> Iterator[int]:
    """One answer, token by token, as it is made."""
    for _, token in steps(model, [prompt], features, stop, max_tokens, temperature, top_p, seed):
        yield token
