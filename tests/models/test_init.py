"""How weights begin: attention as matching, the words of a scale on a curve."""

import torch

from vlmcore.models.config import TransformerConfig
from vlmcore.models.init import EMBEDDING_RMS, mimetic_init, ordinal_init
from vlmcore.models.language import LanguageConfig, LanguageModel
from vlmcore.models.rotary import rotary_table, rotate
from vlmcore.models.transformer import Transformer


def test_attention_starts_as_matching():
    """Keys equal queries but for the fastest pairs, outputs are the values' transpose, shared as GQA shares."""
    stack = TransformerConfig(width=32, layers=2, heads=4, kv_heads=2, intermediate_size=16)
    for block in LanguageModel(LanguageConfig(40, stack)).transformer.blocks:
        query, key, value = block.attention.qkv.weight.detach().split([32, 16, 16])
        sign = torch.ones(8, 1)
        sign[[0, 4]] = -1  # of four pairs (i, i + 4), the fastest
        for head in range(4):
            mine, shared = slice(8 * head, 8 * head + 8), slice(8 * (head // 2), 8 * (head // 2) + 8)
            assert torch.equal(query[mine], key[shared] * sign)
            assert torch.equal(block.attention.out.weight[:, mine].T, value[shared])
        assert key[:8].std() > 0.04 and not torch.equal(key[:8], key[8:])


def test_only_attention_is_changed():
    torch.manual_seed(0)
    stack = Transformer(TransformerConfig(width=32, layers=2, heads=4, kv_heads=2, intermediate_size=16))
    before = {name: weight.clone() for name, weight in stack.state_dict().items()}
    mimetic_init(stack)
    changed = {name for name, weight in stack.state_dict().items() if not torch.equal(weight, before[name])}
    assert changed == {f"blocks.{n}.attention.{part}.weight" for n in range(2) for part in ("qkv", "out")}


def test_a_token_starts_by_looking_at_its_like_and_not_at_itself():
    torch.manual_seed(0)
    stack = TransformerConfig(width=192, layers=1, heads=6, kv_heads=6, intermediate_size=16, rope_theta=500_000.0)
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


def test_words_of_a_scale_start_near_their_neighbours():
    torch.manual_seed(0)
    table = torch.nn.Embedding(60, 192)
    torch.nn.init.normal_(table.weight, std=EMBEDDING_RMS)
    before, ids = table.weight.detach().clone(), list(range(50, 25, -1))
    ordinal_init(table, ids)
    others = [n for n in range(60) if n not in ids]
    assert torch.equal(table.weight[others], before[others])
    words = table.weight[ids].detach()
    torch.testing.assert_close(words.norm(dim=1), torch.full((25,), EMBEDDING_RMS * 192**0.5))
    alike = torch.cosine_similarity(words[:, None], words[None], dim=-1)
    near, apart = alike.diagonal(1), torch.stack([alike.diagonal(n).max() for n in range(5, 25)])
    assert near.min() > 0.5 and apart.max() < 0.5
    assert (alike.diagonal(1)[:-1] > alike.diagonal(2)).all()
