"""LLaVA-1.5: LlavaForConditionalGeneration as ours."""

from __future__ import annotations

from transformers import PreTrainedModel

from vlmcore.models.llava import LLaVA, LLaVAConfig
from vlmcore.pretrained.clip import vision
from vlmcore.pretrained.llama import base_and_head
from vlmcore.pretrained.weights import Rules, Weights, build, expect, rename, under

PROJECTOR: Rules = {"first": ("linear_1",), "second": ("linear_2",)}


def from_transformers(hf: PreTrainedModel) -> LLaVA:
    """A ``LlavaForConditionalGeneration`` as ours. Errors: VlmError for what ours lacks."""
    return build(LLaVA, *llava(hf))


def llava(hf: PreTrainedModel) -> tuple[LLaVAConfig, Weights]:
    """LlavaForConditionalGeneration. Its ``vision_feature_layer`` -2, what the last block reads, is our skip=1."""
    config, layers = hf.config, hf.config.vision_config.num_hidden_layers
    expect(
        config.to_dict(),
        model_type=["llava"],
        projector_hidden_act=["gelu"],
        multimodal_projector_bias=[True],
        vision_feature_select_strategy=["default"],
        vision_feature_layer=[*range(-1 - layers, -1), *range(layers)],  # after the last block only ours normalises
        image_token_index=range(config.text_config.vocab_size),
    )
    vision_config, weights = vision(hf.model.vision_tower)
    language_config, words = base_and_head(hf.model.language_model, hf.lm_head)
    weights = under("vision", weights) | under("language", words)
    weights |= under("projector", rename(hf.model.multi_modal_projector, PROJECTOR))
    skip = -1 - config.vision_feature_layer if config.vision_feature_layer < 0 else layers - config.vision_feature_layer
    return LLaVAConfig(vision_config, language_config, config.image_token_index, skip), weights
