"""The block against PyTorch's own encoder layer, the norm against its formula, and the stack of blocks."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from vlmcore.models import masks
from vlmcore.models.cache import Cache
from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.transformer import Block, Transformer, make_norm

CONFIG = TransformerConfig(width=32, layers=3, heads=4, kv_heads=2, intermediate_size=48)
CLIP_LIKE = replace(CONFIG, kv_heads=4, activation="gelu", norm="layer", bias=True, rope_theta=None)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("causal", [False, True])
def test_block_is_the_encoder_layer_of_pytorch(causal):
    block = Block(CLIP_LIKE, layer=0)
    theirs = nn.TransformerEncoderLayer(
        32,
        4,
        dim_feedforward=48,
        dropout=0.0,
        activation="gelu",
        layer_norm_eps=1e-5,
        batch_first=True,
        norm_first=True,
    )
    names = {
        "self_attn.in_proj_": "attention.qkv.",
        "self_attn.out_proj.": "attention.out.",
        "linear1.": "mlp.up.",
        "linear2.": "mlp.down.",
        "norm1.": "norm1.",
        "norm2.": "norm2.",
    }
    with torch.no_grad():
        for n, weight in enumerate(block.parameters()):
            weight.copy_(random(*weight.shape, seed=n) * 0.3)
    ours = block.state_dict()
    theirs.load_state_dict({a + kind: ours[b + kind] for a, b in names.items() for kind in ("weight", "bias")})
    x, mask = random(2, 6, 32), masks.causal(6)
    expected = theirs(x, src_mask=~mask[0, 0] if causal else None)  # there True means "may not look"
    torch.testing.assert_close(block(x, Context(mask=mask if causal else None)), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e3])
def test_norm_is_the_formula_and_so_is_its_gradient(size):
    x = random(2, 5, 32) * size
    x[0, 1] = 0  # an empty cell of a word map
    norm = make_norm(CONFIG)
    with torch.no_grad():
        norm.weight.copy_(random(32, seed=1))
    exact, rough = x.double().requires_grad_(), x.clone().requires_grad_()
    weight = norm.weight.detach().double().requires_grad_()
    expected = exact / (exact.square().mean(-1, keepdim=True) + CONFIG.eps).sqrt() * weight
    ours, upstream = norm(rough), random(2, 5, 32, seed=2)
    torch.testing.assert_close(ours, expected.float(), atol=1e-5, rtol=1e-5)
    ours.backward(upstream)
    expected.backward(upstream.double())
    torch.testing.assert_close(rough.grad * size, exact.grad.float() * size, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(norm.weight.grad, weight.grad.float(), atol=1e-4, rtol=1e-4)


# -- the stack -------------------------------------------------------------------------------------------------------


def test_layers_stops_early():
    whole, short = Transformer(CLIP_LIKE), Transformer(replace(CLIP_LIKE, layers=2))
    short.load_state_dict({k: v for k, v in whole.state_dict().items() if not k.startswith("blocks.2.")})
    x = random(2, 6, 32)
    torch.testing.assert_close(whole(x, layers=2), short(x), atol=0, rtol=0)
    torch.testing.assert_close(whole(x, layers=0), x, atol=0, rtol=0)
    assert not torch.allclose(whole(x), short(x), atol=1e-3)


def test_projections_into_the_stream_start_smaller():
    stack = Transformer(replace(CLIP_LIKE, width=128, intermediate_size=256))
    for name, weight in stack.named_parameters():
        if name.endswith("bias"):
            assert not weight.any()
        elif weight.ndim == 2:
            wanted = 0.02 / math.sqrt(2 * 3) if "out." in name or "down." in name else 0.02
            assert float(weight.detach().std()) == pytest.approx(wanted, rel=0.05), name


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"heads": 5}, "divisible by heads"),
        ({"kv_heads": 3}, "divisible by kv_heads"),
        ({"activation": "relu"}, "relu"),
        ({"norm": "batch"}, "batch"),
    ],
)
def test_impossible_configurations_are_refused(wrong, complaint):
    with pytest.raises(AssertionError, match=complaint):
        replace(CONFIG, **wrong)


def test_rotary_stack_asks_for_positions():
    with pytest.raises(AssertionError, match="positions"):
        Transformer(CONFIG)(random(1, 4, 32))


# -- another system's block ------------------------------------------------------------------------------------------


class Expert(Block):
    """CogVLM in small: the picture's tokens have an MLP of their own. It writes down what it was told."""

    def __init__(self, config: TransformerConfig, layer: int) -> None:
        super().__init__(config, layer)
        self.expert, self.layer, self.told = nn.Linear(config.width, config.width), layer, []

    def forward(self, x: Tensor, context: Context = Context()) -> Tensor:
        self.told.append(context)
        x = super().forward(x, context)
        if context.image is not None:
            x = torch.cat(
                [x[:, : context.image.start], self.expert(x[:, context.image]), x[:, context.image.stop :]], 1
            )
        return x


def test_a_stack_is_made_of_the_blocks_that_it_is_given():
    """A stack that always made its own block would have to be edited for each new system."""
    stack = Transformer(CONFIG, block=Expert)
    assert [type(block) for block in stack.blocks] == [Expert] * 3 and [block.layer for block in stack.blocks] == [
        0,
        1,
        2,
    ]
    assert not stack.blocks[1].expert.bias.any(), "it begins as everything in a stack does"
    assert [type(block) for block in Transformer(CONFIG).blocks] == [Block] * 3


def test_every_block_is_told_where_the_picture_stands_and_all_else():
    stack = Transformer(CONFIG, block=Expert).requires_grad_(False)
    x, mask, positions = random(2, 6, 32), masks.causal(6), torch.arange(6)
    cache = Cache(CONFIG, 2, 6, like=x)
    stack(x, Context(mask=mask, positions=positions, cache=cache, image=slice(1, 4)))
    for (context,) in (block.told for block in stack.blocks):
        assert context.image == slice(1, 4) and context.mask is mask and context.positions is positions
        assert context.cache is cache and context.rotary is not None, "the stack fills the rotary table in"


def test_what_a_block_makes_of_the_picture_counts():
    stack = Transformer(CLIP_LIKE, block=Expert).requires_grad_(False)
    x, alone = random(2, 6, 32), slice(1, 4)
    changed = (stack(x, Context(image=alone)) - stack(x)).abs().amax((0, 2)) > 1e-3
    assert changed[alone].all()
    same = stack.blocks[0](x, Context(mask=masks.causal(6), image=slice(5, 6)))  # one block: what follows sees nothing
    plain = stack.blocks[0](x, Context(mask=masks.causal(6)))
    torch.testing.assert_close(same[:, :5], plain[:, :5], atol=0, rtol=0)
    assert not torch.allclose(same[:, 5], plain[:, 5], atol=1e-3)
