"""Prefill and decode steps against the language model reading everything at once."""

import pytest
import torch
from torch import nn

from vlmcore.decoding.decode_step import decode_step, lay_out_by_input, prefill
from vlmcore.models import masks
from vlmcore.models.cache import Cache
from vlmcore.models.config import TransformerConfig
from vlmcore.models.language import LanguageConfig, LanguageModel

SMALL = {"width": 32, "layers": 3, "heads": 4, "intermediate_size": 48}
KINDS = {
    "llama": TransformerConfig(**SMALL, kv_heads=4),
    "grouped": TransformerConfig(**SMALL, kv_heads=2),
    "biases": TransformerConfig(**SMALL, kv_heads=4, bias=True, activation="gelu", norm="layer"),
}


def model_of(config: TransformerConfig, tied: bool = True, vocabulary: int = 60) -> LanguageModel:
    torch.manual_seed(0)
    model = LanguageModel(LanguageConfig(vocabulary, config, tied))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name or "bias" in name:
                weight.add_(torch.randn_like(weight) * 0.3)  # else they would change nothing
    return model.eval()


@pytest.mark.parametrize(("tied", "vocabulary"), [(True, 60), (False, 60), (True, 61)], ids=["tied", "free", "odd"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_token_gets_the_logits_of_the_whole_sequence_read_at_once(kind, tied, vocabulary):
    model = model_of(KINDS[kind], tied, vocabulary)
    ids = torch.randint(60, (3, 9))
    with torch.no_grad():
        whole = model(ids)
        cache = Cache(model.config.transformer, 3, 9, like=whole)
        model(ids[:, :4], cache=cache)
    lay_out_by_input(model)
    for place in range(4, 9):
        logits = decode_step(model, ids[:, place], torch.full((3,), place), cache)
        torch.testing.assert_close(logits, whole[:, place], atol=2e-5, rtol=2e-5)
    assert cache.length == 9


def test_in_half_precision_too():
    model = model_of(KINDS["grouped"])
    ids = torch.randint(60, (2, 6))
    with torch.no_grad():
        exact = model(ids)[:, -1]
        model.bfloat16()
        cache = Cache(model.config.transformer, 2, 6, like=model.embedding.weight)
        model(ids[:, :5], cache=cache)
    lay_out_by_input(model)
    logits = decode_step(model, ids[:, 5], torch.full((2,), 5), cache)
    assert logits.dtype == torch.bfloat16
    torch.testing.assert_close(logits.float(), exact, atol=0.02 * exact.abs().max().item(), rtol=0)


def test_rows_of_different_lengths_see_their_own_tokens_alone():
    model = model_of(KINDS["grouped"])
    ids, padding = torch.randint(60, (2, 7)), torch.tensor([0, 3])
    with torch.no_grad():
        alone = [model(row[None, start:])[0, -1] for row, start in zip(ids, padding.tolist(), strict=True)]
        cache = Cache(model.config.transformer, 2, 7, like=alone[0])
        real = torch.arange(6) >= padding[:, None]  # (B, T)
        seen = torch.ones(6, 6, dtype=torch.bool).tril() & real[:, None] | torch.eye(6, dtype=torch.bool)
        model(ids[:, :6], positions=(torch.arange(6) - padding[:, None]).clamp(min=0), mask=seen[:, None], cache=cache)
    mask = (torch.arange(7) >= padding[:, None])[:, None, None]
    lay_out_by_input(model)
    logits = decode_step(model, ids[:, 6], 6 - padding, cache, mask)
    torch.testing.assert_close(logits, torch.stack(alone), atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_prefill_gives_each_rows_next_token(kind):
    model = model_of(KINDS[kind])
    ids = torch.randint(60, (3, 5))
    with torch.no_grad():
        cache = Cache(model.config.transformer, 3, 7, like=model.embedding.weight)
        logits = prefill(model, model.embedding(ids), torch.arange(5).expand(3, 5), masks.causal(5), cache)
        torch.testing.assert_close(logits, model(ids)[:, -1], atol=2e-5, rtol=2e-5)
    assert cache.length == 5


@pytest.mark.parametrize("tied", [True, False])
def test_laying_out_changes_no_weight_and_leaves_the_model_trainable(tied):
    model = model_of(KINDS["llama"], tied)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    with torch.inference_mode():  # where decoding happens
        lay_out_by_input(model)
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, before[name]), name
    assert (model.head.weight is model.embedding.weight) == tied
    model(torch.tensor([[1, 2, 3]])).square().mean().backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    assert not any(torch.equal(weight, before[name]) for name, weight in model.named_parameters() if "qkv" in name)


def test_laying_out_lets_every_linear_layer_lie_by_input_once():
    model = model_of(KINDS["biases"])
    lay_out_by_input(model)
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    assert len(layers) == 13 and all(layer.weight.T.is_contiguous() for layer in layers)
    where = [layer.weight.data_ptr() for layer in layers]
    lay_out_by_input(model)
    assert [layer.weight.data_ptr() for layer in layers] == where, "copied again at each answer"
