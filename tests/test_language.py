"""The language model against transformers' Llama, and against itself: cached, packed, padded, spliced."""

from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import tiny
from vlmcore import masks
from vlmcore.language import CORNER, START, LanguageConfig, LanguageModel, start_in_order
from vlmcore.transformer import Cache, TransformerConfig, rotary_table, rotate


@cache
def grouped() -> LanguageModel:
    """Random weights far from their start, two query heads to a key."""
    return LanguageModel.from_transformers(tiny.llama(num_key_value_heads=2)).requires_grad_(False)


# -- against Llama ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("tied", [False, True])
def test_llama(kv_heads, tied):
    theirs = tiny.llama(
        num_key_value_heads=kv_heads,
        tie_word_embeddings=tied,
        rope_parameters={"rope_theta": 500.0, "rope_type": "default"},
    )
    ours, ids = LanguageModel.from_transformers(theirs), tiny.words(2, 9)
    tiny.agree(ours(ids), theirs(ids).logits)
    assert (ours.head.weight is ours.embedding.weight) == ours.config.tied == tied


def test_llama_with_padding_and_positions_of_its_own():
    theirs = tiny.llama(num_key_value_heads=2)
    ids, real = tiny.words(2, 9), torch.ones(2, 9, dtype=torch.bool)
    real[1, :4] = False  # padded on the left
    positions = (real.cumsum(1) - 1).clamp(min=0) + torch.tensor([[5], [0]])
    expected = theirs(ids, attention_mask=real.long(), position_ids=positions).logits
    mask = masks.causal(9) & real[:, None, None, :] | torch.eye(9, dtype=torch.bool)
    ours = LanguageModel.from_transformers(theirs)(ids, positions=positions, mask=mask)
    tiny.agree(ours[real], expected[real])


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
    chosen = model(ids, at=at)
    assert chosen.shape == (3, tiny.WORDS)
    torch.testing.assert_close(chosen, model(ids)[at], atol=1e-5, rtol=0)


def test_embeddings_in_the_place_of_ids():
    model, ids = grouped(), tiny.words(2, 6)
    torch.testing.assert_close(model(embeddings=model.embedding(ids)), model(ids), atol=0, rtol=0)
    for both_or_neither in ({}, {"ids": ids, "embeddings": model.embedding(ids)}):
        with pytest.raises(AssertionError, match="either ids or embeddings"):
            model(**both_or_neither)


def test_a_tied_head_is_one_parameter():
    small = TransformerConfig(width=16, layers=1, heads=2, kv_heads=2, hidden=16)
    tied, untied = (LanguageModel(LanguageConfig(40, small, tied)) for tied in (True, False))
    sizes = [sum(weight.numel() for weight in model.parameters()) for model in (tied, untied)]
    assert sizes[1] - sizes[0] == 40 * 16
    with pytest.raises(AssertionError, match="vocabulary"):
        LanguageConfig(0)


def test_attention_starts_as_matching():
    """Keys equal queries but for the fastest pairs, outputs are the values' transpose, shared as GQA shares."""
    stack = TransformerConfig(width=32, layers=2, heads=4, kv_heads=2, hidden=16)
    for block in LanguageModel(LanguageConfig(40, stack)).transformer.blocks:
        query, key, value = block.attention.qkv.weight.detach().split([32, 16, 16])
        sign = torch.ones(8, 1)
        sign[[0, 4]] = -1  # of four pairs (i, i + 4), the fastest
        for head in range(4):
            mine, shared = slice(8 * head, 8 * head + 8), slice(8 * (head // 2), 8 * (head // 2) + 8)
            assert torch.equal(query[mine], key[shared] * sign)
            assert torch.equal(block.attention.out.weight[:, mine].T, value[shared])
        assert key[:8].std() > 0.04 and not torch.equal(key[:8], key[8:])


def test_a_token_starts_by_looking_at_its_like_and_not_at_itself():
    torch.manual_seed(0)
    stack = TransformerConfig(width=192, layers=1, heads=6, kv_heads=6, hidden=16, rope_theta=500_000.0)
    model = LanguageModel(LanguageConfig(100, stack))
    ids = torch.arange(40)
    ids[[3, 39]] = 99  # the word of place 3 comes again at place 39
    block = model.transformer.blocks[0]
    x = block.norm1(model.embedding(ids))[None]
    query, key, _ = block.attention.qkv(x).view(1, 40, 3, 6, 32).permute(2, 0, 3, 1, 4)
    table = rotary_table(torch.arange(40), 32, 500_000.0)
    scores = (rotate(query, *table)[:, :, -1:] @ rotate(key, *table).transpose(-1, -2) / 32**0.5).softmax(-1)
    share = scores.mean(1).flatten().tolist()
    assert max(share) == share[3] > 0.25 and share[39] < 0.1


# -- word maps -------------------------------------------------------------------------------------------------------


def test_a_word_map_is_the_sum_of_its_words():
    model = grouped()
    cells = torch.tensor([[[7, 8, 9], [4, -1, -1], [-1, -1, -1]], [[9, 8, 7], [5, 5, -1], [6, -1, -1]]])
    nowhere = torch.full((2, 3, 4), -1)
    table = model.embedding.weight
    expected = torch.zeros(2, 3, 32)
    for n in range(2):
        for p in range(3):
            for word in cells[n, p].tolist():
                expected[n, p] += table[word] if word >= 0 else 0
    torch.testing.assert_close(model.read_map(cells, nowhere), expected)


def test_a_word_map_tells_corners_as_words_but_softly():
    model = grouped()
    words, corners = torch.tensor([[[7, 8], [9, -1]]]), torch.tensor([[[11, 12, 13, 14], [-1, -1, -1, -1]]])
    table, told = model.embedding.weight, model.read_map(words, corners)[0]
    torch.testing.assert_close(told[0], table[[7, 8]].sum(0) + CORNER * table[[11, 12, 13, 14]].sum(0))
    torch.testing.assert_close(told[1], table[9])


def test_words_of_a_scale_start_near_their_neighbours():
    torch.manual_seed(0)
    table = torch.nn.Embedding(60, 192)
    torch.nn.init.normal_(table.weight, std=START)
    before, ids = table.weight.detach().clone(), list(range(50, 25, -1))
    start_in_order(table, ids)
    others = [n for n in range(60) if n not in ids]
    assert torch.equal(table.weight[others], before[others])
    words = table.weight[ids].detach()
    torch.testing.assert_close(words.norm(dim=1), torch.full((25,), START * 192**0.5))
    alike = torch.cosine_similarity(words[:, None], words[None], dim=-1)
    near, apart = alike.diagonal(1), torch.stack([alike.diagonal(n).max() for n in range(5, 25)])
    assert near.min() > 0.5 and apart.max() < 0.5
    assert (alike.diagonal(1)[:-1] > alike.diagonal(2)).all()
