"""The language model against transformers' Llama and GPT-2, and against itself: cached, packed, padded, spliced."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from tests import tiny
from vlmcore.models import masks
from vlmcore.models.cache import Cache
from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.language import LanguageConfig, LanguageModel
from vlmcore.models.transformer import Block, Transformer
from vlmcore.pretrained import llama


@cache
def grouped() -> LanguageModel:
    """Random weights far from their start, two query heads to a key."""
    return llama.from_transformers(tiny.llama(num_key_value_heads=2)).requires_grad_(False)


# -- against Llama ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("tied", [False, True])
def test_llama(kv_heads, tied):
    theirs = tiny.llama(
        num_key_value_heads=kv_heads,
        tie_word_embeddings=tied,
        rope_parameters={"rope_theta": 500.0, "rope_type": "default"},
    )
    ours, ids = llama.from_transformers(theirs), tiny.words(2, 9)
    tiny.agree(ours(ids), theirs(ids).logits)
    assert (ours.head.weight is ours.embedding.weight) == ours.config.tied == tied


def test_llama_with_padding_and_positions_of_its_own():
    theirs = tiny.llama(num_key_value_heads=2)
    ids, real = tiny.words(2, 9), torch.ones(2, 9, dtype=torch.bool)
    real[1, :4] = False  # padded on the left
    positions = (real.cumsum(1) - 1).clamp(min=0) + torch.tensor([[5], [0]])
    expected = theirs(ids, attention_mask=real.long(), position_ids=positions).logits
    mask = masks.causal(9) & real[:, None, None, :] | torch.eye(9, dtype=torch.bool)
    ours = llama.from_transformers(theirs)(ids, positions=positions, mask=mask)
    tiny.agree(ours[real], expected[real])


MASKS = {
    "row": masks.row(3, 3),
    "column": masks.column(3, 3),
    "convolution": masks.convolution(3, 3, 3),
    "coglm": masks.coglm(torch.tensor([False, True, False, False, True, True, False, True, False]), 3),
    "prefix": masks.prefix(12, 3),
}


@pytest.mark.parametrize("name", MASKS)
def test_llama_under_every_mask_of_a_painter(name):
    theirs, ids, mask = tiny.llama(), tiny.words(2, 12), MASKS[name]
    told = torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min).expand(2, -1, -1, -1)
    ours = llama.from_transformers(theirs)(ids, mask=mask)
    tiny.agree(ours, theirs(ids, attention_mask=told).logits)
    assert (ours - llama.from_transformers(theirs)(ids)).abs().max() > 1e-3  # the mask matters


# -- learned positions -----------------------------------------------------------------------------------------------

GPT2 = TransformerConfig(
    width=32, layers=3, heads=4, kv_heads=4, intermediate_size=48, activation="gelu", norm="layer", bias=True,
    rope_theta=None,
)  # fmt: skip
SAME = {"attention.qkv": "attn.c_attn", "attention.out": "attn.c_proj", "mlp.up": "mlp.c_fc", "mlp.down": "mlp.c_proj"}


@cache
def gpt2() -> tuple[LanguageModel, nn.Module]:
    """Ours with a table of 12 positions, theirs with the same weights."""
    sizes = {"vocab_size": tiny.WORDS, "n_positions": 12, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_inner": 48}
    theirs = tiny.randomise(GPT2LMHeadModel(GPT2Config(**sizes, activation_function="gelu", **tiny.SPECIAL)))
    ours = LanguageModel(LanguageConfig(tiny.WORDS, GPT2, learned_positions=12)).requires_grad_(False)
    base = theirs.transformer
    ours.embedding.weight.copy_(base.wte.weight)
    ours.positions.weight.copy_(base.wpe.weight)
    ours.norm.load_state_dict(base.ln_f.state_dict())
    for mine, other in zip(ours.transformer.blocks, base.h, strict=True):
        mine.norm1.load_state_dict(other.ln_1.state_dict())
        mine.norm2.load_state_dict(other.ln_2.state_dict())
        for name, its in SAME.items():
            mine.get_submodule(name).weight.copy_(other.get_submodule(its).weight.T)
            mine.get_submodule(name).bias.copy_(other.get_submodule(its).bias)
    return ours.eval(), theirs


def test_gpt2():
    ours, theirs = gpt2()
    tiny.agree(ours(tiny.words(2, 9)), theirs(tiny.words(2, 9)).logits)


def test_gpt2_with_positions_of_its_own():
    ours, theirs = gpt2()
    positions = torch.tensor([[3, 4, 5, 6, 7], [0, 1, 2, 10, 11]])
    tiny.agree(ours(tiny.words(2, 5), positions=positions), theirs(tiny.words(2, 5), position_ids=positions).logits)


def test_learned_positions_are_added_to_the_words():
    ours, ids = gpt2()[0], tiny.words(2, 6)
    mute = LanguageModel(ours.config).requires_grad_(False)
    mute.load_state_dict(ours.state_dict() | {"positions.weight": torch.zeros(12, 32)})
    tiny.agree(mute(embeddings=ours.embedding(ids) + ours.positions.weight[:6]), ours(ids))


def test_learned_positions_are_counted_on_from_the_cache():
    """Counted from 0 at every step, each new token would stand at the first place."""
    ours, ids = gpt2()[0], tiny.words(2, 9)
    memory = Cache(ours.config.transformer, 2, 9, like=ours.embedding.weight)
    parts = [ours(part, cache=memory) for part in ids.split([4, 1, 1, 3], dim=1)]
    tiny.agree(torch.cat(parts, 1), ours(ids))


def test_positions_are_rotary_or_learned_and_never_neither_or_both():
    """Without any a language model reads a bag of words, and trains without a complaint."""
    rotary = TransformerConfig(width=16, layers=1, heads=2, kv_heads=2, intermediate_size=16)
    for stack, learned in ((replace(rotary, rope_theta=None), None), (replace(rotary, rope_theta=None), 0)):
        with pytest.raises(AssertionError, match="without positions"):
            LanguageConfig(40, stack, learned_positions=learned)
    with pytest.raises(AssertionError, match="not both"):
        LanguageConfig(40, rotary, learned_positions=8)
    assert LanguageModel(LanguageConfig(40, rotary)).positions is None


# -- cached is uncached ----------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
@settings(deadline=None, max_examples=15)
def test_reading_in_chunks_is_reading_at_once(chunks):
    model, length = grouped(), sum(chunks)
    ids = tiny.words(2, length)
    memory = Cache(model.config.transformer, batch=2, capacity=length + 3, like=model.embedding.weight)
    parts = [model(part, cache=memory) for part in ids.split(chunks, dim=1)]
    assert memory.length == length
    torch.testing.assert_close(torch.cat(parts, 1), model(ids), atol=1e-4, rtol=0)


def test_reading_token_by_token_is_reading_at_once():
    model, ids = grouped(), tiny.words(2, 8)
    memory = Cache(model.config.transformer, 2, 8, like=model.embedding.weight)
    steps = [model(ids[:, [i]], cache=memory) for i in range(8)]
    tiny.agree(torch.cat(steps, 1), model(ids))


# -- packed is separate ----------------------------------------------------------------------------------------------


def test_packed_texts_do_not_see_one_another():
    model = grouped()
    texts = [tiny.words(1, length, seed=length) for length in (4, 6, 3)]
    row = torch.cat([*texts, torch.zeros(1, 2, dtype=torch.long)], 1)
    document = torch.tensor([[0] * 4 + [1] * 6 + [2] * 3 + [-1] * 2])
    positions = torch.tensor([[*range(4), *range(6), *range(3), 0, 0]])
    packed = model(row, positions=positions, mask=masks.packed(document, torch.zeros_like(document)))
    for n, text in enumerate(texts):
        tiny.agree(packed[document == n][None], model(text))


def test_the_future_and_the_padding_are_not_seen():
    model, ids = grouped(), tiny.words(1, 8)
    changed = ids.clone()
    changed[:, 5:] = (ids[:, 5:] + 1) % tiny.WORDS
    torch.testing.assert_close(model(changed)[:, :5], model(ids)[:, :5], atol=1e-5, rtol=0)
    assert not torch.allclose(model(changed)[:, 5:], model(ids)[:, 5:], atol=0.1)


# -- ways in and out -------------------------------------------------------------------------------------------------


def test_logits_at_chosen_places():
    model, ids = grouped(), tiny.words(2, 6)
    at = torch.tensor([[0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]]).bool()
    chosen = model(ids, logit_positions=at)
    assert chosen.shape == (3, tiny.WORDS)
    torch.testing.assert_close(chosen, model(ids)[at], atol=1e-5, rtol=0)


def test_embeddings_in_the_place_of_ids():
    model, ids = grouped(), tiny.words(2, 6)
    torch.testing.assert_close(model(embeddings=model.embedding(ids)), model(ids), atol=0, rtol=0)
    for both_or_neither in ({}, {"ids": ids, "embeddings": model.embedding(ids)}):
        with pytest.raises(AssertionError, match="either ids or embeddings"):
            model(**both_or_neither)


def test_a_tied_head_is_one_parameter():
    small = TransformerConfig(width=16, layers=1, heads=2, kv_heads=2, intermediate_size=16)
    tied, untied = (LanguageModel(LanguageConfig(40, small, tied)) for tied in (True, False))
    sizes = [sum(weight.numel() for weight in model.parameters()) for model in (tied, untied)]
    assert sizes[1] - sizes[0] == 40 * 16
    with pytest.raises(AssertionError, match="vocabulary"):
        LanguageConfig(0)


def test_blocks_are_told_where_the_picture_stands():
    """A CogVLM needs it in every block; lost on the way, its experts would never be asked."""
    told = []

    class Listening(Block):
        def forward(self, x: Tensor, context: Context = Context()) -> Tensor:
            told.append(context.image)
            return super().forward(x, context)

    model = LanguageModel(LanguageConfig(40, replace(GPT2, rope_theta=100.0))).requires_grad_(False)
    model.transformer = Transformer(model.config.transformer, block=Listening)
    model(tiny.words(1, 6) % 40, image=slice(1, 4))
    model(tiny.words(1, 6) % 40)
    assert told == [slice(1, 4)] * 3 + [None] * 3
