"""The two halves of decoding: prefill reads the prompts at once, a decode step makes one more token of each row.

Both are the language model's own forward pass, so that whatever stands in a layer's place (LoRA, int8) is obeyed.
Prefill is bound by arithmetic; a decode step is bound by memory, since every weight is fetched to be used for one token
a row. Therefore ``lay_out_by_input`` puts the weights into the order in which a CPU fetches them fastest for few rows:
the numbers stay what they are, a step of one row takes a quarter less time.

Shapes: B rows, T tokens of the longest prompt, S tokens in the cache, D width, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vlmcore.models.cache import Cache
from vlmcore.models.language import LanguageModel


@torch.inference_mode(False)  # weights laid out in inference mode could never be trained again
def lay_out_by_input(model: nn.Module) -> None:
    """On a CPU, let every linear layer's weights lie input after input instead of output after output, in place."""
    for module in model.modules():
        if isinstance(module, nn.Linear) and module.weight.device.type == "cpu":
            module.weight.data = module.weight.data.T.contiguous().T  # no copy where they lie so already


def left_padded(padding: Tensor, longest: int) -> tuple[Tensor, Tensor]:
    """Prompts that begin after ``padding`` (B,) empty columns → their positions (B, T), and a causal mask (B, 1, T, T).

    An empty column sees itself alone, so that no softmax is empty.
    """
    columns = torch.arange(longest, device=padding.device)
    real = columns[None] >= padding[:, None]  # (B, T)
    seen = columns[None, :] <= columns[:, None]  # (T, T)
    itself = torch.eye(longest, dtype=torch.bool, device=padding.device)
    return (columns[None] - padding[:, None]).clamp(min=0), (seen & real[:, None] | itself)[:, None]


def prefill(model: LanguageModel, embeddings: Tensor, positions: Tensor, mask: Tensor, cache: Cache) -> Tensor:
    """Read prompts (B, T, D), padded on the left, into the cache → logits of each row's first new token (B, V)."""
    last = torch.zeros(embeddings.shape[:2], dtype=torch.bool, device=embeddings.device)
    last[:, -1] = True
    return model(embeddings=embeddings, positions=positions, mask=mask, cache=cache, logit_positions=last)


def decode_step(
    model: LanguageModel, tokens: Tensor, positions: Tensor, cache: Cache, mask: Tensor | None = None
) -> Tensor:
    """tokens (B,) at positions (B,) → logits of the next (B, V).

    mask (B, 1, 1, S), True = may look; None: everything.
    """
    embeddings = model.embedding(tokens)[:, None]  # (B, 1, D)
    return model(embeddings=embeddings, positions=positions[:, None], mask=mask, cache=cache)[:, 0]
