"""The KV cache: what is put in comes out, in its place."""

import pytest
import torch
from torch import Tensor

from vlmcore.models.cache import Cache
from vlmcore.models.config import TransformerConfig
from vlmcore.models.rotary import rotary_table

CONFIG = TransformerConfig(width=32, layers=3, heads=4, kv_heads=2, intermediate_size=48)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_cache_holds_keys_and_values_in_place():
    cache = Cache(CONFIG, batch=2, capacity=5, like=torch.empty(0))
    assert [memory.shape for memory in cache.keys + cache.values] == [(2, 2, 5, 8)] * 6
    first, second = random(2, 2, 3, 8), random(2, 2, 2, 8, seed=1)
    cache.append(1, first, first + 1)
    cache.length = 3
    keys, values = cache.append(1, second, second + 1)
    torch.testing.assert_close(keys, torch.cat([first, second], 2), atol=0, rtol=0)
    torch.testing.assert_close(values, keys + 1, atol=0, rtol=0)
    assert not cache.keys[0].any() and not cache.keys[2].any()
    with pytest.raises(AssertionError, match="holds 5 tokens, 6 are needed"):
        cache.append(1, first, first)
    cache.keep([1])
    assert [memory.shape for memory in cache.keys + cache.values] == [(1, 2, 5, 8)] * 6
    torch.testing.assert_close(cache.keys[1], keys[1:], atol=0, rtol=0)
    torch.testing.assert_close(cache.values[1], values[1:], atol=0, rtol=0)


def test_its_number_format_is_that_of_the_weights():
    cache = Cache(CONFIG, batch=1, capacity=2, like=torch.empty(0, dtype=torch.bfloat16))
    assert {memory.dtype for memory in cache.keys + cache.values} == {torch.bfloat16}


def test_the_rotary_table_is_looked_up_as_it_would_be_computed():
    cache = Cache(CONFIG, batch=2, capacity=9, like=torch.empty(0))
    for positions in (torch.tensor([0, 8, 3]), torch.tensor([[0, 8], [5, 5]])):
        for found, computed in zip(cache.rotary(positions), rotary_table(positions, 8, 10_000.0), strict=True):
            assert torch.equal(found, computed.view_as(found))


def test_to_moves_all_that_is_held():
    """The rotary table too: left behind, every decode step on another device would fail."""
    cache = Cache(CONFIG, batch=1, capacity=2, like=torch.empty(0))
    assert cache.to(torch.device("meta")) is cache
    assert {memory.device.type for memory in [*cache.keys, *cache.values, *cache.table]} == {"meta"}
