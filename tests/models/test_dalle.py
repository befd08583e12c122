"""DALL·E's transformer: a mask a layer against GPT-2's blocks with the same masks, positions, a cache, and no leak."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from vlmcore.models import masks
from vlmcore.models.cache import Cache
from vlmcore.models.config import TransformerConfig
from vlmcore.models.dalle import DALLE, KERNEL, Places, layer_mask
from vlmcore.models.language import LanguageConfig

TEXT, SIDE, LAYERS = 3, 4, 8
LENGTH = TEXT + SIDE**2
CONFIG = TransformerConfig(
    width=32, layers=LAYERS, heads=4, kv_heads=4, intermediate_size=48, activation="gelu", norm="layer", bias=True,
    rope_theta=None,
)  # fmt: skip
SAME = {"attention.qkv": "attn.c_attn", "attention.out": "attn.c_proj", "mlp.up": "mlp.c_fc", "mlp.down": "mlp.c_proj"}


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def model() -> DALLE:
    """Weights far from their start."""
    ours = DALLE(LanguageConfig(60, CONFIG, learned_positions=LENGTH), TEXT, SIDE).requires_grad_(False).eval()
    for number, weight in enumerate(ours.parameters()):
        weight.copy_(torch.randn(weight.shape, generator=seeded(number)) * 0.15 + (weight.ndim == 1))
    return ours


@pytest.fixture(scope="module")
def ids() -> torch.Tensor:
    return torch.randint(60, (2, LENGTH), generator=seeded(0))


def test_every_fourth_layer_looks_up_and_the_last_around():
    """Published for 64 layers: columns where (i − 2) mod 4 = 0, the convolution in the last, else rows."""
    kinds = {
        "row": masks.row(TEXT, SIDE),
        "column": masks.column(TEXT, SIDE),
        "around": masks.convolution(TEXT, SIDE, KERNEL),
    }
    for layers in (8, 64):
        found = [
            next(kind for kind, mask in kinds.items() if torch.equal(layer_mask(layer, layers, TEXT, SIDE), mask))
            for layer in range(layers)
        ]
        wanted = ["column" if layer % 4 == 2 else "row" for layer in range(layers - 1)]
        assert found == [*wanted, "around"]
    assert not any(torch.equal(a, b) for a in kinds.values() for b in kinds.values() if a is not b)


def test_its_layers_are_gpt2s_with_a_mask_each(model, ids):
    sizes = {"vocab_size": 60, "n_positions": LENGTH, "n_embd": 32, "n_layer": LAYERS, "n_head": 4, "n_inner": 48}
    theirs = GPT2LMHeadModel(GPT2Config(**sizes, activation_function="gelu")).requires_grad_(False).eval()
    base = theirs.transformer
    for mine, other in zip(model.transformer.blocks, base.h, strict=True):
        other.ln_1.load_state_dict(mine.norm1.state_dict())
        other.ln_2.load_state_dict(mine.norm2.state_dict())
        for name, its in SAME.items():
            other.get_submodule(its).weight.copy_(mine.get_submodule(name).weight.T)
            other.get_submodule(its).bias.copy_(mine.get_submodule(name).bias)
    x = model.embedding.weight[ids] + torch.stack([place(model.positions, n) for n in range(LENGTH)])
    for layer, block in enumerate(base.h):
        mask = layer_mask(layer, LAYERS, TEXT, SIDE)
        x = block(x, attention_mask=torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min))
        x = x[0] if isinstance(x, tuple) else x
    expected = model.norm(x) @ model.embedding.weight.T
    torch.testing.assert_close(model(ids), expected, atol=1e-4, rtol=1e-4)


def place(tables: Places, number: int) -> torch.Tensor:
    """One position's vector, by the book."""
    if number < TEXT:
        return tables.words.weight[number]
    row, column = divmod(number - TEXT, SIDE)
    return tables.rows.weight[row] + tables.columns.weight[column]


def test_with_a_cache_it_reads_the_same(model, ids):
    whole = model(ids)
    cache = Cache(CONFIG, 2, LENGTH, like=model.embedding.weight)
    parts = [model(ids[:, :TEXT], cache=cache)]
    parts += [model(ids[:, n : n + 1], cache=cache) for n in range(TEXT, LENGTH)]
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("later", [1, TEXT, TEXT + 1, LENGTH - 1])
def test_nothing_leaks_from_later_tokens(model, ids, later):
    other = ids.clone()
    other[:, later] = (other[:, later] + 1) % 60
    apart = (model(other) - model(ids)).abs().amax((0, 2))
    assert apart[:later].max() == 0 and apart[later] > 1e-4


def test_a_code_without_a_place_is_refused():
    with pytest.raises(AssertionError, match="have 19 positions, not 20"):
        DALLE(LanguageConfig(60, CONFIG, learned_positions=20), TEXT, SIDE)
