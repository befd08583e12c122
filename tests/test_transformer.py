"""The block against formulas in NumPy and against PyTorch's own encoder layer."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from vlmcore import masks
from vlmcore.transformer import Block, Cache, Transformer, TransformerConfig, attend, make_norm, rotary_table, rotate

CONFIG = TransformerConfig(width=32, layers=3, heads=4, kv_heads=2, hidden=48)
CLIP_LIKE = replace(CONFIG, kv_heads=4, activation="gelu", norm="layer", bias=True, rope_theta=None)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def random_mask(*shape: int) -> Tensor:
    """Nobody is left without anything to look at."""
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(3)) < 0.5
    mask[..., 0] |= ~mask.any(-1)
    return mask


# -- rotary positions ------------------------------------------------------------------------------------------------


def test_rotation_is_multiplication_by_a_complex_number():
    x, positions = random(2, 3, 5, 8), torch.tensor([[0, 1, 2, 7, 300], [4, 4, 0, 1, 90]])
    ours = rotate(x, *rotary_table(positions, 8, 10_000.0)).numpy()
    pairs = x[..., :4].numpy() + 1j * x[..., 4:].numpy()
    speeds = 10_000.0 ** (-2 * np.arange(4) / 8)
    turned = pairs * np.exp(1j * positions.numpy()[:, None, :, None] * speeds)
    np.testing.assert_allclose(ours, np.concatenate([turned.real, turned.imag], -1), atol=1e-4)


def score(query_at: int, key_at: int) -> float:
    query, key = random(1, 1, 1, 8, seed=1), random(1, 1, 1, 8, seed=2)
    turned = (rotate(x, *rotary_table(torch.tensor([at]), 8, 100.0)) for x, at in ((query, query_at), (key, key_at)))
    return float((next(turned) * next(turned)).sum())


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
@settings(deadline=None, max_examples=40)
def test_rope_scores_depend_on_the_distance_alone(query_at, key_at, shift):
    assert score(query_at + shift, key_at + shift) == pytest.approx(score(query_at, key_at), abs=2e-3)


def test_rope_scores_do_depend_on_the_distance():
    assert len({round(score(distance, 0), 2) for distance in range(6)}) == 6
    assert score(0, 2) != pytest.approx(score(2, 0), abs=0.01)  # and on its sign


# -- attention -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("masked", [False, True])
def test_attend_is_the_formula(masked):
    query, key, value = random(2, 4, 5, 8), random(2, 2, 7, 8, seed=1), random(2, 2, 7, 8, seed=2)
    mask = random_mask(2, 1, 5, 7) if masked else None
    ours = attend(query, key, value, mask).numpy()
    for b in range(2):
        for h in range(4):
            scores = query[b, h].numpy() @ key[b, h // 2].numpy().T / math.sqrt(8)  # two heads share a key
            weights = np.exp(scores) * (mask[b, 0].numpy() if masked else 1)
            np.testing.assert_allclose(
                ours[b, h], weights / weights.sum(-1, keepdims=True) @ value[b, h // 2].numpy(), atol=1e-5
            )


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kv_heads", [4, 2])
def test_bfloat16_on_a_cpu_agrees_with_the_fused_kernel(masked, kv_heads):
    shapes = (2, 4, 5, 8), (2, kv_heads, 7, 8), (2, kv_heads, 7, 8)
    mask = random_mask(2, 1, 5, 7) if masked else None
    rough = [random(*shape, seed=n).bfloat16().requires_grad_() for n, shape in enumerate(shapes)]
    exact = [x.detach().float().requires_grad_() for x in rough]
    ours = attend(*rough, mask)
    theirs = F.scaled_dot_product_attention(*exact, mask, enable_gqa=kv_heads != 4)
    assert ours.dtype == torch.bfloat16
    torch.testing.assert_close(ours.float(), theirs, atol=0.03, rtol=0.03)
    ours.float().square().sum().backward()
    theirs.square().sum().backward()
    for x, y in zip(rough, exact):
        torch.testing.assert_close(x.grad.float(), y.grad, atol=0.1, rtol=0.05)


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
    torch.testing.assert_close(block(x, mask if causal else None), expected, atol=1e-5, rtol=0)


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


def test_projections_into_the_stream_start_smaller():
    stack = Transformer(replace(CLIP_LIKE, width=128, hidden=256))
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
