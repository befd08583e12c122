"""Attention weights, held against what the model itself computes from them."""

import numpy as np
import pytest
import torch

from vlmcore.assistant import Answer, Assistant
from vlmcore.evaluation.attention_maps import attention_maps, attention_weights, recorded
from vlmcore.models import masks
from vlmcore.models.attention import Attention
from vlmcore.models.cache import Cache
from vlmcore.models.codegeex import CodeGeeX, codegeex_config
from vlmcore.models.cogvlm import CogVLM
from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.rotary import rotary_table
from vlmcore.models.transformer import Transformer


@pytest.mark.parametrize("kv_heads", [4, 2])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("elsewhere", [True, False])
def test_the_weights_mix_the_values_into_what_attention_gives(kv_heads, causal, elsewhere):
    torch.manual_seed(0)
    config = TransformerConfig(width=32, layers=1, heads=4, kv_heads=kv_heads, intermediate_size=48)
    attention, x = Attention(config, 0), torch.randn(2, 7, 32)
    rotary = rotary_table(torch.arange(7), config.head_width, 10_000.0)
    context = Context(mask=masks.causal(7) if causal else None, rotary=rotary)
    asked = {"query_from": torch.randn(2, 7, 32)} if elsewhere else {}  # as a top query layer asks
    weights = attention_weights(attention, x, context, **asked)
    assert weights.shape == (2, 4, 7, 7)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 7))
    if causal:
        assert (weights.triu(1) == 0).all()
    values = attention.qkv(x).view(2, 7, -1, config.head_width).transpose(1, 2)[:, 4 + kv_heads :]
    mixed = weights @ values.repeat_interleave(4 // kv_heads, dim=1)
    expected = attention(x, context, **asked)
    torch.testing.assert_close(attention.out(mixed.transpose(1, 2).reshape(2, 7, 32)), expected)


def test_recording_takes_every_layer_down_and_changes_nothing():
    torch.manual_seed(0)
    model = Transformer(TransformerConfig(width=32, layers=3, heads=4, kv_heads=4, intermediate_size=48))
    x, context = torch.randn(1, 5, 32), Context(mask=masks.causal(5), positions=torch.arange(5))
    before = model(x, context)
    with recorded(model) as seen:
        during = model(x, context)
    assert [tuple(layer.shape) for layer in seen] == [(1, 4, 5, 5)] * 3
    assert torch.equal(before, during)
    model(x, context)
    assert len(seen) == 3  # nobody is listening any more


def test_a_top_query_layers_questions_are_recorded():
    torch.manual_seed(0)
    model = CodeGeeX(codegeex_config(16, 2, 2, 8, 12)).eval()
    with recorded(model.transformer) as seen:
        model(torch.tensor([[3, 4, 5, 6]]))
        model(torch.tensor([[3, 9, 5, 6]]))
    first, second = seen[1], seen[3]
    assert (first - second).abs().max() > 1e-4  # the keys have changed,
    assert torch.equal(first[:, :, 0], second[:, :, 0])  # and row 0 sees the first token alone
    block = model.transformer.blocks[1]
    query = block.attention.heads(block.queries(torch.arange(4))[None], Context())[0]
    asked = attention_weights(block.attention, torch.zeros(1, 4, 16), Context(), block.queries(torch.arange(4))[None])
    key = block.attention.heads(torch.zeros(1, 4, 16), Context())[1]
    torch.testing.assert_close(asked, (query @ key.transpose(-1, -2) / 8**0.5).softmax(-1))


def test_with_a_cache_nothing_is_recorded():
    config = TransformerConfig(width=32, layers=1, heads=4, kv_heads=4, intermediate_size=48)
    model, x = Transformer(config), torch.randn(1, 1, 32)
    cached = Context(positions=torch.arange(1), cache=Cache(config, 1, 4, like=x))
    with recorded(model), pytest.raises(AssertionError, match="read it all at once"):
        model(x, cached)


def test_each_word_of_an_answer_has_looked_somewhere(tiny_assistant):
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    answer = Answer("a dog", thoughts="top no")
    words, where = attention_maps(tiny_assistant, picture, "What is it?", answer, [("Who?", "it")])
    grid = tiny_assistant.model.config.vision.token_grid
    assert words[-1] == "<stop>" and "".join(words[:-1]).strip() == "top no: a dog"
    assert where.shape == (len(words), grid, grid)
    assert (where > 0).all() and (where.sum(dim=(1, 2)) < 1).all()


def test_a_visual_experts_attention_is_its_own(tiny_assistant):
    """The patches' keys come from the expert: with another one the maps are others, though no word's weight is."""
    llava, chat = tiny_assistant.model, tiny_assistant.chat
    model = CogVLM.of(llava.language, llava.vision, chat.image)
    assistant = Assistant(model, chat.tokenizer)
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    words, where = attention_maps(assistant, picture, "What is it?", Answer("a dog"))
    grid = model.config.vision.grid
    assert where.shape == (len(words), grid, grid)
    assert (where > 0).all() and (where.sum(dim=(1, 2)) < 1).all()
    with torch.no_grad():
        model.language.transformer.blocks[0].attention.image_qkv.weight.mul_(-3)
    _, others = attention_maps(assistant, picture, "What is it?", Answer("a dog"))
    assert (others - where).abs().max() > 1e-4
