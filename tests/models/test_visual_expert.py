"""The visual expert against computing both for all tokens and selecting, and against the plain block."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vlmcore.models import masks
from vlmcore.models.attention import attend
from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.rotary import rotary_table
from vlmcore.models.transformer import Block
from vlmcore.models.visual_expert import VisualExpertBlock, routed

CONFIG = TransformerConfig(width=32, layers=2, heads=4, kv_heads=2, intermediate_size=48)
IMAGE = slice(2, 6)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def block() -> VisualExpertBlock:
    """Every weight far from every other: nothing agrees by chance."""
    block = VisualExpertBlock(CONFIG, layer=0).requires_grad_(False)
    for number, weight in enumerate(block.parameters()):
        weight.copy_(random(*weight.shape, seed=number) * 0.3)
    return block


def context(length: int, image: slice | None) -> Context:
    positions = torch.arange(length)
    rotary = rotary_table(positions, CONFIG.head_width, 10_000.0)
    return Context(mask=masks.causal(length), positions=positions, rotary=rotary, image=image)


def select_block(block: VisualExpertBlock, x: Tensor, seen: Tensor) -> Tensor:
    """The same by the book: both weights for all tokens, and a mask (T,) that says which result counts."""

    def both(x: Tensor, words: torch.nn.Module, picture: torch.nn.Module) -> Tensor:
        return torch.where(seen[:, None], picture(x), words(x))

    c, a, told = CONFIG, block.attention, context(x.shape[1], None)
    query, key, value = a.split(both(block.norm1(x), a.qkv, a.image_qkv), told)
    mixed = attend(query, key, value, told.mask).transpose(1, 2).reshape(*x.shape[:2], c.width)
    x = x + both(mixed, a.out, a.image_out)
    return x + both(block.norm2(x), block.mlp, block.image_mlp)


@pytest.mark.parametrize("image", [IMAGE, slice(0, 4), slice(5, 9), slice(0, 9)], ids=str)
def test_a_slice_is_both_and_select(block, image):
    x, seen = random(3, 9, 32), torch.zeros(9, dtype=torch.bool)
    seen[image] = True
    torch.testing.assert_close(block(x, context(9, image)), select_block(block, x, seen), atol=1e-5, rtol=0)


def test_without_a_picture_it_is_the_plain_block_to_the_last_bit(block):
    plain = Block(CONFIG, layer=0).requires_grad_(False)
    plain.load_state_dict({name: value for name, value in block.state_dict().items() if "image_" not in name})
    x = random(3, 9, 32)
    assert torch.equal(block(x, context(9, None)), plain(x, context(9, None)))


def test_an_expert_that_has_just_started_changes_nothing(block):
    x = random(3, 9, 32)
    assert not torch.allclose(block(x, context(9, IMAGE)), block(x, context(9, None)), atol=0.1)
    block.start_expert()
    torch.testing.assert_close(block(x, context(9, IMAGE)), block(x, context(9, None)), atol=1e-5, rtol=0)
    block.image_mlp.up.weight.add_(1.0)  # a copy, not the same weights
    assert not torch.equal(block.image_mlp.up.weight, block.mlp.up.weight)


@pytest.mark.parametrize("part", ["attention.image_qkv", "attention.image_out", "image_mlp.up", "image_mlp.down"])
def test_each_part_of_the_expert_counts_for_the_picture_and_no_token_before_it(block, part):
    x = random(2, 9, 32)
    before = block(x, context(9, IMAGE))
    block.get_submodule(part).weight.add_(random(*block.get_submodule(part).weight.shape, seed=99))
    moved = (block(x, context(9, IMAGE)) - before).abs().amax(dim=(0, 2)) > 1e-4  # (T,)
    assert not moved[: IMAGE.start].any() and moved[IMAGE].all()
    assert moved[IMAGE.stop :].all() == (part == "attention.image_qkv")  # words read the picture's keys and values


def test_norms_are_shared_and_attention_is_joint(block):
    names = {name for name, _ in block.named_parameters() if "image_" in name}
    parts = ("attention.image_qkv", "attention.image_out", "image_mlp.up", "image_mlp.down")
    assert names == {f"{part}.weight" for part in parts}
    biased = VisualExpertBlock(replace(CONFIG, bias=True), layer=0)
    assert biased.attention.image_qkv.bias is not None and biased.attention.image_out.bias is not None


def test_routed_cuts_out_what_the_slice_says():
    double, negative = torch.nn.Identity(), torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        negative.weight.fill_(-1)
    x = torch.arange(1.0, 6)[None, :, None]
    assert routed(x, slice(1, 3), double, negative).flatten().tolist() == [1, -2, -3, 4, 5]
    assert routed(x, None, double, negative).flatten().tolist() == [1, 2, 3, 4, 5]
