"""One more token: the language model's arithmetic, laid out for the step that decoding repeats.

Reading a prompt is bound by arithmetic, making an answer is not: every weight is fetched to be used for one token, and
around each product stand a dozen operations on a few numbers. So

- weights lie in the order in which a CPU fetches them fastest for one row, input after input instead of output after
  output: the numbers stay what they are, a product of one row takes a quarter of the time;
- each product is made as two halves of its outputs, which two cores can share: four to sixteen rows at once take a
  tenth to a fifth less time, one row the same;
- nothing but the operations themselves: no module calls, no shapes that one token does not need.

Tests hold it against LanguageModel, whose forward pass is the one to read first.

Shapes: B rows, one token each; D width, H heads, K key/value heads, d = D / H, S tokens in the cache.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vlmcore.language import LanguageModel
from vlmcore.transformer import ACTIVATIONS, Cache, attend, rotate


def by_input(linear: nn.Linear) -> Callable[[Tensor], Tensor]:
    """The layer as a function of x (B, in) → (B, out). Relays its weights in place on a CPU."""
    if linear.weight.device.type != "cpu":
        return linear
    linear.weight.data = linear.weight.data.T.contiguous().T  # no copy where they lie so already
    bias, parts = linear.bias, 2 if linear.out_features % 2 == 0 else 1  # an odd one stays whole
    halves = linear.weight.T.unflatten(1, (parts, -1)).transpose(0, 1)  # (2, in, out / 2)

    def apply(x: Tensor) -> Tensor:
        y = torch.bmm(x.expand(parts, *x.shape), halves).transpose(0, 1).reshape(len(x), -1)  # (B, out)
        return y if bias is None else y + bias

    return apply


class Decoder:
    """Token of each row → logits of the next, against a cache that holds the prompts."""

    @torch.inference_mode(False)  # weights laid out in inference mode could never be trained again
    def __init__(self, model: LanguageModel, cache: Cache) -> None:
        self.config, self.cache = model.config.transformer, cache
        self.activation = ACTIVATIONS[self.config.activation]
        self.embedding, self.norm, self.head = model.embedding.weight, model.norm, by_input(model.head)
        self.layers = [
            (
                block.norm1,
                by_input(block.attention.qkv),
                by_input(block.attention.out),
                block.norm2,
                by_input(block.mlp.up),
                by_input(block.mlp.down),
            )
            for block in model.transformer.blocks
        ]

    @torch.inference_mode()
    def __call__(self, tokens: Tensor, positions: Tensor, mask: Tensor | None = None) -> Tensor:
        """tokens (B,) at positions (B,); mask (B, 1, 1, S), True = may look, None = everything → logits (B, V)."""
        c = self.config
        H, K, B = c.heads, c.kv_heads, len(tokens)
        rotary = self.cache.rotary(positions[:, None])  # (B, 1, 1, d)
        x = self.embedding[tokens]
        for layer, (norm1, qkv, out, norm2, up, down) in enumerate(self.layers):
            heads = qkv(norm1(x)).view(B, H + 2 * K, 1, c.head_width)
            turned = rotate(heads[:, : H + K], *rotary)
            keys, values = self.cache.append(layer, turned[:, H:], heads[:, H + K :])  # (B, K, S, d)
            mixed = attend(turned[:, :H], keys, values, mask)  # (B, H, 1, d)
            x = x + out(mixed.reshape(B, c.width))
            x = x + down(self.activation(up(norm2(x))))
        self.cache.length += 1
        return self.head(self.norm(x))
