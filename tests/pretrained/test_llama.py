"""Our language model as transformers' Llama, and back."""

from dataclasses import replace

import pytest
import torch
from transformers import LlamaForCausalLM

from tests import tiny
from vlmcore.errors import VlmError
from vlmcore.models.config import TransformerConfig
from vlmcore.models.language import LanguageConfig, LanguageModel
from vlmcore.pretrained import llama

SMALL = TransformerConfig(width=32, layers=3, heads=4, kv_heads=2, intermediate_size=48, eps=1e-6, rope_theta=500.0)


def ours(tied: bool, stack: TransformerConfig = SMALL) -> LanguageModel:
    """Weights far from their start: two projections swapped must show."""
    model = LanguageModel(LanguageConfig(tiny.WORDS, stack, tied)).requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for name, weight in model.named_parameters():
        weight.normal_(0, 0.2, generator=generator)
        weight += "norm" in name
    return model.eval()


@pytest.mark.parametrize("kv_heads", [4, 2])
@pytest.mark.parametrize("tied", [True, False])
def test_ours_as_llama_and_back(tied, kv_heads):
    model, ids = ours(tied, replace(SMALL, kv_heads=kv_heads)), tiny.words(2, 9)
    theirs = llama.to_transformers(model)
    tiny.agree(model(ids), theirs(ids).logits)
    back = llama.from_transformers(theirs)
    assert back.config == model.config
    assert all(torch.equal(weight, back.state_dict()[name]) for name, weight in model.state_dict().items())


def test_its_folder_is_one_that_everyone_can_read(tmp_path):
    model, ids = ours(tied=True), tiny.words(2, 9)
    llama.to_transformers(model).save_pretrained(tmp_path)
    tiny.agree(model(ids), LlamaForCausalLM.from_pretrained(tmp_path)(ids).logits)


def test_its_weights_are_copies():
    model = ours(tied=False)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    with torch.no_grad():
        for weight in llama.to_transformers(model).parameters():
            weight.zero_()
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


@pytest.mark.parametrize(
    "options", [{"norm": "layer"}, {"activation": "gelu"}, {"bias": True}, {"rope_theta": None}], ids=str
)
def test_what_llama_lacks_is_refused(options):
    learned = 16 if "rope_theta" in options else None
    model = LanguageModel(LanguageConfig(tiny.WORDS, replace(SMALL, **options), learned_positions=learned))
    with pytest.raises(VlmError, match="this model has others"):
        llama.to_transformers(model)
