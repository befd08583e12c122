"""CodeGeeX: its lower stack and, asked by tokens, its top layer against transformers' GPT-2; how positions ask."""

import pytest
import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from tests import tiny
from vlmcore.models import masks
from vlmcore.models.cache import Cache
from vlmcore.models.codegeex import CodeGeeX, TopQueryBlock, codegeex_config
from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.language import LanguageConfig
from vlmcore.models.transformer import Block

CONFIG = codegeex_config(width=32, layers=4, heads=4, positions=12, vocabulary=tiny.WORDS)
SAME = {"attention.qkv": "attn.c_attn", "attention.out": "attn.c_proj", "mlp.up": "mlp.c_fc", "mlp.down": "mlp.c_proj"}


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    """A GPT-2 with as many layers; its final norm is the one below our last."""
    sizes = {"vocab_size": tiny.WORDS, "n_positions": 12, "n_embd": 32, "n_layer": 4, "n_head": 4}
    return tiny.randomise(GPT2LMHeadModel(GPT2Config(**sizes, activation_function="quick_gelu", **tiny.SPECIAL)))


@pytest.fixture
def ours(theirs) -> CodeGeeX:
    """The same weights."""
    model, base = CodeGeeX(CONFIG).requires_grad_(False).eval(), theirs.transformer
    model.embedding.weight.copy_(base.wte.weight)
    model.positions.weight.copy_(base.wpe.weight)
    for mine, other in zip(model.transformer.blocks, base.h, strict=True):
        mine.norm1.load_state_dict(other.ln_1.state_dict())
        mine.norm2.load_state_dict(other.ln_2.state_dict())
        for name, its in SAME.items():
            mine.get_submodule(name).weight.copy_(other.get_submodule(its).weight.T)
            mine.get_submodule(name).bias.copy_(other.get_submodule(its).bias)
    top = model.transformer.blocks[-1]
    top.norm_below.load_state_dict(base.ln_f.state_dict())
    top.queries.weight.copy_(torch.randn(12, 32, generator=torch.Generator().manual_seed(5)))
    return model


def test_the_lower_stack_is_gpt2s(ours, theirs):
    ids = tiny.words(2, 9)
    seen = theirs.transformer(ids, output_hidden_states=True).hidden_states
    x = ours.embedding(ids) + ours.positions(torch.arange(9))
    below = []
    ours.transformer.blocks[-1].register_forward_pre_hook(lambda _, given: below.append(given[0]))
    ours(ids)
    tiny.agree(x, seen[0])
    tiny.agree(below[0], seen[3])  # after three blocks


def test_asked_by_the_tokens_themselves_the_top_layer_is_a_gpt2_block(ours, theirs):
    """Its query input := LN(h). Then it differs from the others in nothing but the norm before it."""
    top, other = ours.transformer.blocks[-1], theirs.transformer.h[-1]
    ids, asked = tiny.words(2, 9), []

    class Tokens(nn.Module):
        def forward(self, positions):
            return top.norm1(asked[0])

    top.norm_below.register_forward_hook(lambda _, given, h: asked.append(h))
    top.queries = Tokens()
    logits = ours(ids)
    h = other(asked[0])
    h = h[0] if isinstance(h, tuple) else h
    tiny.agree(logits, h @ ours.embedding.weight.T)


def test_the_top_layer_by_the_book(ours):
    """Keys and values from LN(h), queries from the table as it is; what is found is added to h, not to the query."""
    top, x = ours.transformer.blocks[-1], torch.randn(1, 9, 32, generator=torch.Generator().manual_seed(0))
    h, (a, D) = top.norm_below(x), (top.attention, 32)
    weight, bias = a.qkv.weight, a.qkv.bias
    query = top.queries.weight[:9] @ weight[:D].T + bias[:D]
    key, value = ((top.norm1(h) @ weight[n * D : (n + 1) * D].T + bias[n * D : (n + 1) * D])[0] for n in (1, 2))
    heads = []
    for part in (slice(8 * n, 8 * n + 8) for n in range(4)):
        scores = query[:, part] @ key[:, part].T / 8**0.5
        heads.append(scores.masked_fill(~torch.ones(9, 9).tril().bool(), -torch.inf).softmax(-1) @ value[:, part])
    h = h + a.out(torch.cat(heads, -1))
    expected = h + top.mlp(top.norm2(h))
    told = Context(mask=masks.causal(9), positions=torch.arange(9))
    torch.testing.assert_close(top(x, told), expected, atol=1e-5, rtol=1e-5)


def test_the_same_token_elsewhere_asks_otherwise(ours):
    """And another token at the same place asks the same: the last token moves what is found by its key alone."""
    top = ours.transformer.blocks[-1]
    asked = []
    inner = top.attention.forward
    top.attention.forward = lambda x, context, query_from: asked.append(query_from) or inner(x, context, query_from)
    ours(tiny.words(1, 9, seed=1))
    ours(tiny.words(1, 9, seed=2))
    assert torch.equal(asked[0], asked[1]) and torch.equal(asked[0][0], top.queries.weight[:9])
    assert not torch.equal(asked[0][0, 3], asked[0][0, 4])


def test_with_a_cache_it_reads_the_same_and_sees_no_later_token(ours):
    ids = tiny.words(2, 9)
    whole = ours(ids)
    cache = Cache(CONFIG.transformer, 2, 9, like=ours.embedding.weight)
    parts = [ours(ids[:, :4], cache=cache), *(ours(ids[:, n : n + 1], cache=cache) for n in range(4, 9))]
    tiny.agree(torch.cat(parts, 1), whole)
    other = ids.clone()
    other[:, 6] = (other[:, 6] + 1) % tiny.WORDS
    assert torch.equal(ours(other)[:, :6], whole[:, :6]) and not torch.equal(ours(other)[:, 6:], whole[:, 6:])


def test_what_is_not_codegeex_is_refused():
    assert isinstance(CodeGeeX(CONFIG).transformer.blocks[-1], TopQueryBlock)
    assert all(type(block) is Block for block in CodeGeeX(CONFIG).transformer.blocks[:-1])
    with pytest.raises(AssertionError, match="learned positions"):
        CodeGeeX(LanguageConfig(50, TransformerConfig(width=32, layers=2, heads=4, kv_heads=4)))
    with pytest.raises(AssertionError, match="must be another"):
        CodeGeeX(codegeex_config(32, 1, 4, 12, 50))
