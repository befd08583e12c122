"""CogView's block: PB-relax against LayoutLMv3's, Sandwich-LN by the book, a cache, and no look ahead."""

import pytest
import torch
from transformers import LayoutLMv3Config
from transformers.models.layoutlmv3.modeling_layoutlmv3 import LayoutLMv3SelfAttention

from vlmcore.models import masks
from vlmcore.models.cache import Cache
from vlmcore.models.cogview import ALPHA, CogViewBlock, relaxed_softmax
from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.language import LanguageConfig, LanguageModel
from vlmcore.models.transformer import Block

CONFIG = TransformerConfig(width=32, layers=2, heads=4, kv_heads=4, intermediate_size=48, rope_theta=None)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def block() -> CogViewBlock:
    """Every weight far from every other: nothing agrees by chance."""
    block = CogViewBlock(CONFIG, layer=0).requires_grad_(False)
    for number, weight in enumerate(block.parameters()):
        weight.copy_(random(*weight.shape, seed=number) * 0.3 + (weight.ndim == 1))
    return block


@pytest.mark.parametrize("alpha", [32, 4])
def test_pb_relax_is_layoutlmv3s(alpha):
    theirs = LayoutLMv3SelfAttention(LayoutLMv3Config(hidden_size=32, num_attention_heads=4))
    scores = 20 * random(2, 4, 5, 5)
    torch.testing.assert_close(relaxed_softmax(scores / alpha, alpha), theirs.cogview_attention(scores, alpha))


def test_pb_relax_changes_no_result_and_keeps_scores_small(block):
    """The same weights in the plain block give the same attention; its scores would not fit into half precision."""
    plain, told = Block(CONFIG, 0).requires_grad_(False), Context(mask=masks.causal(7))
    plain.load_state_dict(block.state_dict(), strict=False)
    x = random(2, 7, 32)
    torch.testing.assert_close(block.attention(x, told), plain.attention(x, told), atol=1e-5, rtol=1e-5)
    large = torch.full((1, 2), 1e6)
    assert (large / ALPHA).half().isfinite().all() and not large.half().isfinite().any()


def test_sandwich_norms_stand_before_the_stream(block):
    x, told = random(2, 7, 32), Context(mask=masks.causal(7))
    after = x + block.norm_attention(block.attention(block.norm1(x), told))
    expected = after + block.norm_mlp(block.mlp(block.norm2(after)))
    torch.testing.assert_close(block(x, told), expected)
    louder = block.attention.out.weight
    louder.mul_(100)  # what is added to the stream is no larger for it
    torch.testing.assert_close(block(x, told), expected, atol=1e-2, rtol=1e-2)


def model() -> LanguageModel:
    torch.manual_seed(0)
    config = LanguageConfig(vocabulary=50, transformer=CONFIG, learned_positions=12)
    return LanguageModel(config, CogViewBlock).requires_grad_(False).eval()


def test_it_is_a_language_models_block():
    """It reads with a cache what it reads at once, and no token sees a later one."""
    ours, ids = model(), torch.randint(50, (2, 9), generator=torch.Generator().manual_seed(0))
    whole = ours(ids)
    cache = Cache(CONFIG, 2, 9, like=ours.embedding.weight)
    parts = [ours(ids[:, :5], cache=cache), *(ours(ids[:, n : n + 1], cache=cache) for n in range(5, 9))]
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=1e-5)
    other = ids.clone()
    other[:, 6] = (other[:, 6] + 1) % 50
    torch.testing.assert_close(ours(other)[:, :6], whole[:, :6])
    assert (ours(other)[:, 6:] - whole[:, 6:]).abs().amax() > 1e-3


def test_grouped_heads_are_refused():
    with pytest.raises(AssertionError, match="their own"):
        CogViewBlock(TransformerConfig(width=32, layers=1, heads=4, kv_heads=2), 0)
