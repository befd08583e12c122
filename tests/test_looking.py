"""Attention weights, held against what the model itself computes from them."""

import numpy as np
import pytest
import torch

from vlmcore import masks
from vlmcore.assistant import Answer
from vlmcore.looking import looks, watched, weights_of
from vlmcore.transformer import Attention, Transformer, TransformerConfig, rotary_table


@pytest.mark.parametrize("kv_heads", [4, 2])
@pytest.mark.parametrize("causal", [True, False])
def test_the_weights_mix_the_values_into_what_attention_gives(kv_heads, causal):
    torch.manual_seed(0)
    config = TransformerConfig(width=32, layers=1, heads=4, kv_heads=kv_heads, hidden=48)
    attention, x = Attention(config, 0), torch.randn(2, 7, 32)
    rotary = rotary_table(torch.arange(7), config.head_width, 10_000.0)
    mask = masks.causal(7) if causal else None
    weights = weights_of(attention, x, mask, rotary)
    assert weights.shape == (2, 4, 7, 7)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 7))
    if causal:
        assert (weights.triu(1) == 0).all()
    values = attention.qkv(x).view(2, 7, -1, config.head_width).transpose(1, 2)[:, 4 + kv_heads :]
    mixed = weights @ values.repeat_interleave(4 // kv_heads, dim=1)
    expected = attention(x, mask, rotary)
    torch.testing.assert_close(attention.out(mixed.transpose(1, 2).reshape(2, 7, 32)), expected)


def test_watching_takes_every_layer_down_and_changes_nothing():
    torch.manual_seed(0)
    model = Transformer(TransformerConfig(width=32, layers=3, heads=4, kv_heads=4, hidden=48))
    x, positions = torch.randn(1, 5, 32), torch.arange(5)
    before = model(x, masks.causal(5), positions)
    with watched(model) as seen:
        during = model(x, masks.causal(5), positions)
    assert [tuple(layer.shape) for layer in seen] == [(1, 4, 5, 5)] * 3
    assert torch.equal(before, during)
    model(x, masks.causal(5), positions)
    assert len(seen) == 3  # nobody is listening any more


def test_each_word_of_an_answer_has_looked_somewhere(tiny_assistant):
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    answer = Answer("a dog", thoughts="top no")
    words, where = looks(tiny_assistant, picture, "What is it?", answer, [("Who?", "it")])
    grid = tiny_assistant.model.config.vision.grid
    assert words[-1] == "<stop>" and "".join(words[:-1]).strip() == "top no: a dog"
    assert where.shape == (len(words), grid, grid)
    assert (where > 0).all() and (where.sum(dim=(1, 2)) < 1).all()
