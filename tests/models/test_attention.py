"""Attention against the formula in NumPy, whatever it is made of and wherever its queries come from."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vlmcore.models import masks
from vlmcore.models.attention import Attention, attend
from vlmcore.models.cache import Cache
from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.rotary import rotary_table, rotate

CONFIG = TransformerConfig(width=32, layers=3, heads=4, kv_heads=2, intermediate_size=48)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def random_mask(*shape: int) -> Tensor:
    """Nobody is left without anything to look at."""
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(3)) < 0.5
    mask[..., 0] |= ~mask.any(-1)
    return mask


def formula(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """Head by head, in NumPy."""
    shared = query.shape[1] // key.shape[1]
    mixed = np.zeros(query.shape, np.float64)
    for b in range(query.shape[0]):
        for h in range(query.shape[1]):
            asked, keys = query[b, h].double().numpy(), key[b, h // shared].double().numpy()
            weights = np.exp(asked @ keys.T / math.sqrt(query.shape[-1]))
            weights *= np.broadcast_to(mask, (query.shape[0], 1, *weights.shape))[b, 0] if mask is not None else 1
            mixed[b, h] = weights / weights.sum(-1, keepdims=True) @ value[b, h // shared].double().numpy()
    return torch.from_numpy(mixed).float()


# -- attend ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("masked", [False, True])
def test_attend_is_the_formula(masked):
    query, key, value = random(2, 4, 5, 8), random(2, 2, 7, 8, seed=1), random(2, 2, 7, 8, seed=2)
    mask = random_mask(2, 1, 5, 7) if masked else None
    torch.testing.assert_close(attend(query, key, value, mask), formula(query, key, value, mask), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("dtype", "values", "gradients"),
    [
        (torch.bfloat16, {"atol": 0.03, "rtol": 0.03}, {"atol": 0.1, "rtol": 0.05}),
        (torch.float32, {"atol": 1e-5, "rtol": 0}, {"atol": 1e-5, "rtol": 1e-5}),
    ],
    ids=["bfloat16", "float32"],
)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kv_heads", [4, 2])
def test_on_a_cpu_it_agrees_with_the_fused_kernel(masked, kv_heads, dtype, values, gradients):
    shapes = (2, 4, 5, 8), (2, kv_heads, 7, 8), (2, kv_heads, 7, 8)
    mask = random_mask(2, 1, 5, 7) if masked else None
    rough = [random(*shape, seed=n).to(dtype).requires_grad_() for n, shape in enumerate(shapes)]
    exact = [x.detach().float().requires_grad_() for x in rough]
    ours = attend(*rough, mask)
    theirs = F.scaled_dot_product_attention(*exact, mask, enable_gqa=kv_heads != 4)
    assert ours.dtype == dtype
    torch.testing.assert_close(ours.float(), theirs, **values)
    ours.float().square().sum().backward()
    theirs.square().sum().backward()
    for x, y in zip(rough, exact):
        torch.testing.assert_close(x.grad.float(), y.grad, **gradients)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("masked", [False, True])
def test_no_kernel_is_asked_for_grouped_heads(monkeypatch, masked, kv_heads, dtype):
    """CUDA's kernel for masks takes no grouped heads: asked for them it fell back to full score matrices, and memory
    grew with the square of the length."""
    asked, kernel = [], F.scaled_dot_product_attention

    def spy(query, key, value, *rest, **options):
        asked.append((query.shape[1], key.shape[1], value.shape[1], options))
        return kernel(query, key, value, *rest, **options)

    monkeypatch.setattr(F, "scaled_dot_product_attention", spy)
    query, key, value = random(2, 4, 5, 8), random(2, kv_heads, 7, 8, seed=1), random(2, kv_heads, 7, 8, seed=2)
    mask = random_mask(2, 1, 5, 7) if masked else None
    ours = attend(query.to(dtype), key.to(dtype), value.to(dtype), mask)
    assert asked == [(4, 4, 4, {})]
    close = 1e-5 if dtype == torch.float32 else 5e-3
    torch.testing.assert_close(ours.float(), formula(query, key, value, mask), atol=close, rtol=0)


# -- queries from elsewhere ------------------------------------------------------------------------------------------


class Lora(nn.Module):
    """Stands where a linear layer stood: what it gives is not what the layer's weight alone would give."""

    def __init__(self, inside: nn.Linear) -> None:
        super().__init__()
        self.inside, self.narrow = inside, nn.Linear(inside.in_features, 2, bias=False)
        self.widen = nn.Linear(2, inside.out_features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.inside(x) + self.widen(self.narrow(x))


def attention(bias: bool = False, wrapped: bool = False) -> Attention:
    torch.manual_seed(0)
    module = Attention(replace(CONFIG, bias=bias), layer=0).requires_grad_(False)
    if wrapped:
        module.qkv = Lora(module.qkv).requires_grad_(False)
    return module


@pytest.mark.parametrize("wrapped", [False, True], ids=["linear", "LoRA"])
@pytest.mark.parametrize("rotary", [None, rotary_table(torch.tensor([0, 1, 2, 5, 9, 11]), 8, 100.0)], ids=str)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_attention_is_the_formula_also_with_queries_from_elsewhere(elsewhere, rotary, wrapped):
    """A product with a part of qkv.weight, instead of qkv's own, would leave out what stands in its place."""
    module, x = attention(bias=True, wrapped=wrapped), random(2, 6, 32)
    asks = random(2, 6, 32, seed=4) if elsewhere else x

    def heads(made: Tensor) -> list[Tensor]:
        return [part.unflatten(-1, (-1, 8)).transpose(1, 2) for part in made.split([32, 16, 16], dim=-1)]

    query, (_, key, value) = heads(module.qkv(asks))[0], heads(module.qkv(x))
    if rotary is not None:
        query, key = rotate(query, *rotary), rotate(key, *rotary)
    mask = masks.causal(6)
    expected = module.out(formula(query, key, value, mask).transpose(1, 2).flatten(2))
    context = Context(mask=mask, rotary=rotary)
    ours = module(x, context, query_from=asks) if elsewhere else module(x, context)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)
    if elsewhere:
        assert (ours - module(x, context)).abs().max() > 0.005, "it matters who asks"


def test_queries_from_elsewhere_leave_the_cache_to_the_keys():
    """Appended twice a step, or filled with what asks, the cache would hold what nobody should look at."""
    module, x, asks = attention(), random(2, 6, 32), random(2, 6, 32, seed=4)
    whole = module(x, Context(mask=masks.causal(6)), query_from=asks)
    cache = Cache(CONFIG, batch=2, capacity=6, like=x)
    parts = []
    for start, end in ((0, 4), (4, 5), (5, 6)):
        context = Context(mask=masks.causal(end - start, start), cache=cache)
        parts.append(module(x[:, start:end], context, query_from=asks[:, start:end]))
        cache.length = end
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=0)
