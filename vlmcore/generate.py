"""Decoding: from a prompt to an answer, one token at a time.

Design choices:
- the prompt is read once; after that each step computes one new token against the cache (vlmcore/decoder.py);
- prompts of different lengths share a batch by padding on the left: every row's newest token is in the last column;
- rows that have said <stop> leave the batch's loop when all have.

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
    max_tokens: int,
    temperature: float,
    top_p: float,
    seed: int,
) -> Iterator[Tensor]:
    """The tokens of all rows, step by step: (B,) each time. Whoever reads them decides when it is enough."""
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
    ragged = bool(padding.any())
    decoder = Decoder(model.language, cache)
    token = sample(logits, temperature, top_p, generator)
    yield token
    for end in range(longest + 1, longest + max_tokens):
        mask = (columns[None, :end] >= padding[:, None])[:, None, None] if ragged else None  # (B, 1, 1, S)
        token = sample(decoder(token, end - 1 - padding, mask), temperature, top_p, generator)
        yield token


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
    open_rows = set(range(len(prompts)))
    for tokens in steps(model, prompts, features, max_tokens, temperature, top_p, seed):
        for row, token in enumerate(tokens.tolist()):
            if row in open_rows:
                if token == stop:
                    open_rows.discard(row)
                else:
                    answers[row].append(token)
        if not open_rows:
            break
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
    for tokens in steps(model, [prompt], features, max_tokens, temperature, top_p, seed):
        token = int(tokens[0])
        if token == stop:
            return
        yield token
