"""Tiny models of ``transformers`` with random weights: the oracles of the numeric tests."""

import torch
from torch import Tensor
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    CLIPVisionModel,
    LlamaConfig,
    LlamaForCausalLM,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedModel,
)

WIDTH = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4}
WORDS, IMAGE, EOS = 50, 49, 29  # size of Llama's vocabulary, LLaVA's placeholder, the end of a caption for CLIP
SPECIAL = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}


def randomise(model: PreTrainedModel, seed: int = 0) -> PreTrainedModel:
    """Move every weight far from where it starts: a lost bias, or two norms swapped, must show."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.normal_(0, 0.2, generator=generator)
            if weight.ndim == 1 and "norm" in name and name.endswith("weight"):
                weight += 1
    return model.eval()


def llama_config(**options: object) -> LlamaConfig:
    return LlamaConfig(**WIDTH | SPECIAL | {"vocab_size": WORDS, "rms_norm_eps": 1e-6} | options)


def vision_config(**options: object) -> CLIPVisionConfig:
    return CLIPVisionConfig(**WIDTH | {"image_size": 12, "patch_size": 4} | options)


def text_config(**options: object) -> CLIPTextConfig:
    sizes = {"vocab_size": 30, "max_position_embeddings": 9, "eos_token_id": EOS, "bos_token_id": 28}
    return CLIPTextConfig(**WIDTH | sizes | options)


def llama(**options: object) -> LlamaForCausalLM:
    return randomise(LlamaForCausalLM(llama_config(**options)))


def clip_vision(**options: object) -> CLIPVisionModel:
    return randomise(CLIPVisionModel(vision_config(**options)))


def clip_text(**options: object) -> CLIPTextModel:
    return randomise(CLIPTextModel(text_config(**options)))


def clip(text: dict | None = None, vision: dict | None = None) -> CLIPModel:
    towers = {
        "text_config": text_config(**text or {}).to_dict(),
        "vision_config": vision_config(**vision or {}).to_dict(),
    }
    return randomise(CLIPModel(CLIPConfig(**towers, projection_dim=24)))


def llava(
    language: LlamaConfig | None = None, vision: CLIPVisionConfig | None = None, **options: object
) -> PreTrainedModel:
    text = language or llama_config(num_key_value_heads=2)
    config = LlavaConfig(
        **{"vision_config": vision or vision_config(), "text_config": text, "image_token_index": IMAGE} | options
    )
    return randomise(LlavaForConditionalGeneration(config))


def pixels(count: int, side: int = 12, seed: int = 1) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def words(*shape: int, seed: int = 2) -> Tensor:
    """Random ids, none of them special."""
    return torch.randint(3, WORDS - 1, shape, generator=torch.Generator().manual_seed(seed))


def agree(ours: Tensor, theirs: Tensor, tolerance: float = 1e-4) -> None:
    """The same numbers, and numbers worth comparing."""
    assert theirs.std() > 0.05, "these outputs hardly vary: agreeing on them shows nothing"
    torch.testing.assert_close(ours, theirs, atol=tolerance, rtol=0)
