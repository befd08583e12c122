"""CogVLM's visual expert (Wang et al. 2023): every layer holds its weights twice, and the kind of token chooses.

::

    words    ──► QKV ───┐             ┌─► out ───┐          ┌─► MLP ───┐
                        ├─ attention ─┤          ├─ norm2 ──┤          ├──►
    picture  ──► QKV' ──┘   (joint)   └─► out' ──┘          └─► MLP' ──┘

Design choices:
- QKV, attention output and MLP are there twice (a common claim is that the MLP alone is). The norms are shared, and so
  is attention: words and picture look at one another in one softmax;
- a picture is one block of columns, the same in every row, so that a slice cuts it out. To compute both for all tokens
  and select would be twice the work, and a boolean mask copies token by token;
- names that begin with ``image_`` are the expert's; all others are a language model's own and load as such;
- in the last layer only the expert's keys and values are read, by the words: its output and MLP would stay as they
  began, as in the original they do. Here they are the language model's (``share_output``), and not there twice;
- without a picture every product is the language model's, to the last bit.

Source: THUDM/CogVLM, models/cogvlm_model.py and sat's mixins (``vision_expert_mask``).

Shapes: B batch, T tokens, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vlmcore.models.attention import Attention
from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.mlp import MLP
from vlmcore.models.transformer import Block


def routed(x: Tensor, image: slice | None, words: nn.Module, picture: nn.Module) -> Tensor:
    """The columns ``image`` of x (B, T, D) through ``picture``, all others through ``words`` → (B, T, D')."""
    if image is None:
        return words(x)
    before, seen, after = x[:, : image.start], x[:, image], x[:, image.stop :]
    return torch.cat([words(before), picture(seen), words(after)], dim=1)


class VisualExpertAttention(Attention):
    """One attention, two sets of weights around it."""

    def __init__(self, config: TransformerConfig, layer: int) -> None:
        super().__init__(config, layer)
        self.image_qkv = nn.Linear(config.width, self.qkv.out_features, bias=config.bias)
        self.image_out = nn.Linear(config.width, config.width, bias=config.bias)

    def heads(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor, Tensor]:
        """As ``Attention.heads``, each column by its own weights."""
        return self.split(routed(x, context.image, self.qkv, self.image_qkv), context)

    def forward(self, x: Tensor, context: Context = Context()) -> Tensor:
        """x (B, T, D) → (B, T, D)."""
        return routed(self.mix(*self.heads(x, context), context), context.image, self.out, self.image_out)


class VisualExpertBlock(Block):
    """A block whose attention and MLP have an expert for the picture."""

    def __init__(self, config: TransformerConfig, layer: int) -> None:
        super().__init__(config, layer)
        self.attention = VisualExpertAttention(config, layer)
        self.image_mlp = MLP(config)

    def forward(self, x: Tensor, context: Context = Context()) -> Tensor:
        """x (B, T, D) → (B, T, D)."""
        x = x + self.attention(self.norm1(x), context)
        return x + routed(self.norm2(x), context.image, self.mlp, self.image_mlp)

    def start_expert(self) -> None:
        """Let the expert begin as a copy of the language model's weights, in place."""
        self.attention.image_qkv.load_state_dict(self.attention.qkv.state_dict())
        self.attention.image_out.load_state_dict(self.attention.out.state_dict())
        self.image_mlp.load_state_dict(self.mlp.state_dict())

    def share_output(self) -> None:
        """Let the picture's columns leave by the language model's own output and MLP, in place."""
        self.attention.image_out, self.image_mlp = self.attention.out, self.mlp
